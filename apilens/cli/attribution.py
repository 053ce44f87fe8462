"""apilens attribution: which rules find the accounts, and what has none."""

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
    window_options,
    zone_option,
)

if TYPE_CHECKING:
    from apilens.engine import Engine


@click.command(epilog="How accounts are found: docs/accounts.md.")
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@filter_options
@window_options
@click.option("--limit", "-n", metavar="N|all", default="10", help="Endpoints and user agents to show.  [10]")
@engine_option
@zone_option
@output_options
@reading_options
@common_options
def attribution(
    files: tuple[str, ...], where: tuple[str, ...], since: str | None, until: str | None, limit: str, tz: str | None,
    engine: Engine, input_format: str | None, log_format: str | None, source_tz: str | None,
    store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any,
) -> int:  # fmt: skip
    """Show the share of requests by the rule that found their account, and the top endpoints and user agents of those
    without one. Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.attribution import AttributionOptions
    from apilens.analyses.attribution import attribution as analysis
    from apilens.cli.asking import answer
    from apilens.cli.output import show

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    read = read_options(input_format, log_format, source_tz)
    result, code = answer(
        analysis, AttributionOptions, here, files=files, read=read, where=where, since=since, until=until, tz=tz,
        engine=engine, limit=limit_of(limit),
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    return code
