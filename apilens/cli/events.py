"""apilens events: the raw requests behind a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from apilens.cli.options import (
    common_options,
    engine_option,
    filter_options,
    limit_of,
    listed,
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
  apilens events --account acme --status 422 --since 24h
  apilens events --id req_8fa1
  apilens events access.log --columns timestamp,path,user_agent,location --limit 5
"""


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option("--id", "ids", metavar="ID", multiple=True, help="With this request_id, trace_id or event_id, whole.")
@click.option("--columns", metavar="NAME,…", help="What to show of each.  [timestamp, status, account, endpoint …]")
@filter_options
@window_options
@click.option("--limit", "-n", metavar="N|all", default="20", help="Events to show, the newest.  [20]")
@engine_option
@zone_option
@output_options
@reading_options
@common_options
def events(
    files: tuple[str, ...], ids: tuple[str, ...], columns: str | None, where: tuple[str, ...], since: str | None,
    until: str | None, limit: str, engine: Engine, tz: str | None, input_format: str | None, log_format: str | None,
    source_tz: str | None, store_path: str | None, config_path: str | None, now: str | None, quiet: bool,
    **output: Any,
) -> int:  # fmt: skip
    """Show the raw requests behind a number, the newest first, each with the FILE:LINE it came from and the `links:` of
    apilens.yaml. Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.events import EventsOptions
    from apilens.analyses.events import events as analysis
    from apilens.cli.asking import answer
    from apilens.cli.output import show

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    read = read_options(input_format, log_format, source_tz)
    result, code = answer(
        analysis, EventsOptions, here, files=files, read=read, where=where, since=since, until=until, tz=tz,
        engine=engine, of_store=lambda store: {"days": store.days}, shown=listed(columns), ids=ids,
        links=here.settings.links, limit=limit_of(limit),
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    return code
