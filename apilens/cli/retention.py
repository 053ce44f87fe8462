"""apilens retention: who comes back."""

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
  apilens retention --every 1w --since 90d
  apilens retention --first 'POST /signup' --returning "status < 400" --unit user
"""


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option("--every", type=click.Choice(["1d", "1w", "1M"]), default="1w", help="Days, weeks or months.  [1w]")
@click.option(
    "--unit",
    type=click.Choice(["account", "user", "session", "api_key"]),
    default="account",
    help="Who is counted.  [account]",
)
@click.option("--first", metavar="COND", help="What begins: 'POST /signup', 'GET /v1/*', signed_in, SQL.  [any event]")
@click.option("--returning", metavar="COND", help="What counts as coming back.  [any event]")
@click.option("--unbounded", is_flag=True, help="Back in that period or later, not in exactly that one.")
@click.option("--window-only", is_flag=True, help="First events in the window, even of those seen before it.")
@click.option("--periods", metavar="N|all", default="12", help="Periods after the first to show.  [12]")
@filter_options
@window_options
@click.option("--limit", "-n", metavar="N|all", default="20", help="Cohorts to show, the newest ones.  [20]")
@engine_option
@zone_option
@output_options
@reading_options
@common_options
def retention(
    files: tuple[str, ...], every: str, unit: str, first: str | None, returning: str | None, unbounded: bool,
    window_only: bool, periods: str, where: tuple[str, ...], since: str | None, until: str | None, limit: str,
    tz: str | None, engine: Engine, input_format: str | None, log_format: str | None, source_tz: str | None,
    store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any,
) -> int:  # fmt: skip
    """Show who comes back: accounts (or users …) by the period of their first event, and what part of them was active
    in each period after it. --since and --until are about first events. Reads the store, or log FILEs directly ('-'
    is stdin)."""
    from apilens.analyses.retention import RetentionOptions
    from apilens.analyses.retention import retention as analysis
    from apilens.cli.asking import answer
    from apilens.cli.output import show

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    read = read_options(input_format, log_format, source_tz)
    result, code = answer(
        analysis, RetentionOptions, here, files=files, read=read, where=where, since=since, until=until, tz=tz,
        engine=engine, every=every, unit=unit, first=first, returning=returning, unbounded=unbounded,
        window_only=window_only, periods=limit_of(periods, "--periods"), limit=limit_of(limit),
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    return code
