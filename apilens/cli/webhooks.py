"""apilens webhooks: what was sent to accounts, and whether it arrived."""

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
  apilens webhooks --since 7d
  apilens webhooks --dead --account acme

What a delivery is, and how a log says so: docs/webhooks.md.
"""


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option("--dead", is_flag=True, help="What did not arrive, the latest first.")
@filter_options
@window_options
@click.option("--limit", "-n", metavar="N|all", default="20", help="Rows to show.  [20]")
@zone_option
@engine_option
@output_options
@reading_options
@common_options
def webhooks(
    files: tuple[str, ...], dead: bool, where: tuple[str, ...], since: str | None, until: str | None, limit: str,
    tz: str | None, engine: Engine, input_format: str | None, log_format: str | None, source_tz: str | None,
    store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any,
) -> int:  # fmt: skip
    """Show what was sent to each account and destination (direction = 'outgoing'), after how many attempts it arrived,
    and what did not. Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.webhooks import WebhookOptions
    from apilens.analyses.webhooks import webhooks as analysis
    from apilens.cli.asking import answer
    from apilens.cli.output import show

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    read = read_options(input_format, log_format, source_tz)
    result, code = answer(
        analysis, WebhookOptions, here, files=files, read=read, where=where, since=since, until=until, tz=tz,
        engine=engine, dead=dead, limit=limit_of(limit),
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    return code
