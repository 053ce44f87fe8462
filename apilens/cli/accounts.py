"""apilens accounts: the customers."""

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
  apilens accounts --since 7d
  apilens accounts --sort last_request:asc
  apilens accounts --where "account.plan = 'enterprise'"
"""


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@filter_options
@window_options
@click.option("--sort", metavar="NAME[:asc]", help="By account, or any metric.  [requests]")
@click.option("--limit", "-n", metavar="N|all", default="50", help="Accounts to show.  [50]")
@engine_option
@zone_option
@output_options
@reading_options
@common_options
def accounts(
    files: tuple[str, ...], where: tuple[str, ...], since: str | None, until: str | None, sort: str | None,
    limit: str, engine: Engine, tz: str | None, input_format: str | None, log_format: str | None,
    source_tz: str | None, store_path: str | None, config_path: str | None, now: str | None, quiet: bool,
    **output: Any,
) -> int:  # fmt: skip
    """List the accounts with name and plan (`accounts:` in apilens.yaml), requests, error rate, first and last request.
    Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.accounts import AccountsOptions
    from apilens.analyses.accounts import accounts as analysis
    from apilens.cli.asking import answer
    from apilens.cli.output import show

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    result, code = answer(
        analysis, AccountsOptions, here, files=files, read=read_options(input_format, log_format, source_tz),
        where=where, since=since, until=until, tz=tz, engine=engine, known=here.accounts(), sort=sort,
        limit=limit_of(limit),
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    return code
