"""apilens endpoints: the endpoints of the API, documented or not, called or not."""

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
  apilens endpoints --since 7d
  apilens endpoints --unused
  apilens endpoints --why /genre/rock
"""


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option("--unused", is_flag=True, help="Documented endpoints that nobody calls.")
@click.option("--why", "path", metavar="PATH", help="Say why a path is the endpoint that it is.")
@filter_options
@window_options
@click.option("--limit", "-n", metavar="N|all", default="50", help="Rows to show.  [50]")
@engine_option
@zone_option
@output_options
@reading_options
@common_options
def endpoints(
    files: tuple[str, ...], unused: bool, path: str | None, where: tuple[str, ...], since: str | None,
    until: str | None, limit: str, tz: str | None, engine: Engine, input_format: str | None, log_format: str | None,
    source_tz: str | None, store_path: str | None, config_path: str | None, now: str | None, quiet: bool,
    **output: Any,
) -> int:  # fmt: skip
    """Show the endpoints that are called, and what the API's description says of them. Reads the store, or log FILEs
    directly ('-' is stdin)."""
    from apilens.analyses.endpoints import EndpointsOptions
    from apilens.analyses.endpoints import endpoints as analysis
    from apilens.cli.asking import answer
    from apilens.cli.output import show
    from apilens.enrich.route_table import RouteTable
    from apilens.openapi import read_openapi
    from apilens.reading import endpoints_of

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    read = read_options(input_format, log_format, source_tz)
    routes = RouteTable.of(read_openapi(here.settings.openapi) if path else (), here.settings)
    result, code = answer(
        analysis, EndpointsOptions, here, files=files, read=read, where=where, since=since, until=until, tz=tz,
        engine=engine, of_store=lambda store: {"known": endpoints_of(store)}, routes=routes, why=path, unused=unused,
        limit=limit_of(limit),
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    return code
