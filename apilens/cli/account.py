"""apilens account: one customer on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from apilens.cli.completing import known
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
    from apilens.store import Store

EXAMPLES = """\b
Examples:
  apilens account acme --since 7d
  apilens account "Acme Corp" access.log*
  apilens account acme --since 7d --share -o ticket.md
"""


@click.command(epilog=EXAMPLES)
@click.argument("name", metavar="NAME", shell_complete=known("account"))
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option("--share", is_flag=True, help="Markdown for a ticket, with nothing in it about other customers.")
@filter_options
@window_options
@click.option("--limit", "-n", metavar="N|all", default="10", help="Rows of each table.  [10]")
@engine_option
@zone_option
@output_options
@reading_options
@common_options
def account(
    name: str, files: tuple[str, ...], share: bool, where: tuple[str, ...], since: str | None, until: str | None,
    limit: str, engine: Engine, tz: str | None, input_format: str | None, log_format: str | None,
    source_tz: str | None, store_path: str | None, config_path: str | None, now: str | None, quiet: bool,
    **output: Any,
) -> int:  # fmt: skip
    """Show what the logs say of an account, by its id or its name in accounts.csv: traffic, errors, latency against
    others on the same endpoints, what it uses and never used, clients, what changed. Reads the store, or log FILEs
    directly ('-' is stdin)."""
    from apilens.account_names import account_of
    from apilens.analyses.account import AccountOptions
    from apilens.analyses.account import account as analysis
    from apilens.cli.asking import answer
    from apilens.cli.output import show
    from apilens.reading import endpoints_of

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)

    def of_store(store: Store) -> dict[str, Any]:
        whose = account_of(store, name, here.accounts())
        return {"whose": whose, "known": endpoints_of(store), "days": store.days}

    result, code = answer(
        analysis, AccountOptions, here, files=files, read=read_options(input_format, log_format, source_tz),
        where=where, since=since, until=until, tz=tz, engine=engine, of_store=of_store, links=here.settings.links,
        share=share, limit=limit_of(limit),
    )  # fmt: skip
    if share and not output["output"]:
        output["kind"] = output["kind"] or "markdown"
    show(result, quiet=quiet, **output)
    return code
