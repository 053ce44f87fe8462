"""apilens concentration: who causes an error."""

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

EXAMPLES = """\b
Examples:
  apilens concentration --since 24h
  apilens concentration --status 403 --accounts all
  apilens concentration --of error_code --endpoint 'POST /v2/*'

What the numbers mean: docs/peers.md.
"""


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option(
    "--of", type=click.Choice(["status", "status_class", "error_code"]), default="status",
    help="What tells errors apart.  [status]",
)  # fmt: skip
@click.option("--accounts", metavar="N|all", default="5", help="Accounts of each error to show.  [5]")
@filter_options
@window_options
@click.option("--limit", "-n", metavar="N|all", default="20", help="Errors to show, the most frequent ones.  [20]")
@zone_option
@engine_option
@output_options
@reading_options
@common_options
def concentration(
    files: tuple[str, ...], of: str, accounts: str, where: tuple[str, ...], since: str | None, until: str | None,
    limit: str, tz: str | None, engine: Engine, input_format: str | None, log_format: str | None,
    source_tz: str | None, store_path: str | None, config_path: str | None, now: str | None, quiet: bool,
    **output: Any,
) -> int:  # fmt: skip
    """Show who causes each error: the account with most of it, its share, and how few accounts it is about (HHI: 1 is a
    single one). Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.concentration import ConcentrationOptions
    from apilens.analyses.concentration import concentration as analysis
    from apilens.cli.asking import answer
    from apilens.cli.output import show

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    read = read_options(input_format, log_format, source_tz)
    result, code = answer(
        analysis, ConcentrationOptions, here, files=files, read=read, where=where, since=since, until=until, tz=tz,
        engine=engine, of=of, accounts=limit_of(accounts, "--accounts"), limit=limit_of(limit),
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    return code
