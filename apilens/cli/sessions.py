"""apilens sessions: what belongs together of what an account calls."""

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
  apilens sessions --since 7d
  apilens sessions --list --account acme --idle 10m

What a session is: docs/sessions.md.
"""


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option("--list", "single", is_flag=True, help="The sessions themselves, the newest first.")
@click.option("--idle", metavar="TIME", default="30m", help="A longer pause ends a session without token.  [30m]")
@filter_options
@window_options
@click.option("--limit", "-n", metavar="N|all", default="20", help="Rows to show.  [20]")
@zone_option
@engine_option
@output_options
@reading_options
@common_options
def sessions(
    files: tuple[str, ...], single: bool, idle: str, where: tuple[str, ...], since: str | None, until: str | None,
    limit: str, tz: str | None, engine: Engine, input_format: str | None, log_format: str | None,
    source_tz: str | None, store_path: str | None, config_path: str | None, now: str | None, quiet: bool,
    **output: Any,
) -> int:  # fmt: skip
    """Show the sessions of each account: how many and how long, what part of them has errors, and with which endpoints
    they begin and end. Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.sessions import SessionOptions
    from apilens.analyses.sessions import sessions as analysis
    from apilens.cli.asking import answer
    from apilens.cli.output import show
    from apilens.window import parse_duration

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    read = read_options(input_format, log_format, source_tz)
    result, code = answer(
        analysis, SessionOptions, here, files=files, read=read, where=where, since=since, until=until, tz=tz,
        engine=engine, idle=parse_duration(idle), single=single, limit=limit_of(limit),
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    return code
