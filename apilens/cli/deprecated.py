"""apilens deprecated: who still uses what is to go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from apilens.cli.options import (
    common_options,
    engine_option,
    filter_options,
    limit_of,
    output_options,
    read_options,
    reading_options,
    session,
    warn,
    window_options,
    zone_option,
)
from apilens.errors import EXIT_FIRING

if TYPE_CHECKING:
    from apilens.engine import Engine
    from apilens.result import Result

EXAMPLES = """\b
Examples:
  apilens deprecated --since 30d
  apilens deprecated --fail-on past-sunset -q -o deprecated.csv
What is deprecated, and when an account is at risk: docs/deprecated.md.
"""


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option(
    "--fail-on",
    type=click.Choice(["past-sunset", "at-risk"]),
    help="Exit 1 where somebody called after the sunset, or is at risk.",
)
@filter_options
@window_options
@click.option("--limit", "-n", metavar="N|all", default="20", help="Rows to show.  [20]")
@engine_option
@zone_option
@output_options
@reading_options
@common_options
def deprecated(
    files: tuple[str, ...], fail_on: str | None, where: tuple[str, ...], since: str | None, until: str | None,
    limit: str, engine: Engine, tz: str | None, input_format: str | None, log_format: str | None,
    source_tz: str | None, store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any,
) -> int:  # fmt: skip
    """Show who still uses what `deprecated:` in apilens.yaml or the API's description calls deprecated: how far they
    have moved, how many days are left, who is at risk. Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.deprecated import DeprecatedOptions
    from apilens.analyses.deprecated import deprecated as analysis
    from apilens.cli.asking import answer
    from apilens.cli.output import show
    from apilens.reading import endpoints_of

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    result, code = answer(
        analysis, DeprecatedOptions, here, files=files, read=read_options(input_format, log_format, source_tz),
        where=where, since=since, until=until, tz=tz, engine=engine,
        of_store=lambda store: {"known": endpoints_of(store)},
        things=tuple(item.thing for item in here.settings.deprecated), limit=limit_of(limit), fail_on=fail_on,
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    return max(code, _judged(result, fail_on)) if fail_on else code


def _judged(result: Result, fail_on: str) -> int:
    """Say what fails; return the exit code."""
    from apilens.analyses.deprecated import failing

    if count := failing(result, fail_on):
        uses = f"{count:,} account uses" if count == 1 else f"{count:,} accounts use"
        what = "what is past its sunset" if fail_on == "past-sunset" else "what is about to go"
        warn(f"{fail_on}: {uses} {what}")
    return EXIT_FIRING if count else 0
