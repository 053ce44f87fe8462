"""apilens latency: who waits longer than the others."""

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
  apilens latency --since 7d
  apilens latency --endpoint 'GET /v2/invoices' --limit all
  apilens latency --status 2xx --min-requests 100

What the numbers mean: docs/peers.md.
"""


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option("--min-requests", metavar="N", default="20", help="Timed requests that a comparison needs.  [20]")
@filter_options
@window_options
@click.option("--limit", "-n", metavar="N|all", default="20", help="Rows to show.  [20]")
@zone_option
@engine_option
@output_options
@reading_options
@common_options
def latency(
    files: tuple[str, ...], min_requests: str, where: tuple[str, ...], since: str | None, until: str | None, limit: str,
    tz: str | None, engine: Engine, input_format: str | None, log_format: str | None, source_tz: str | None,
    store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any,
) -> int:  # fmt: skip
    """Show who waits longer than all others on the same endpoint, whether most of the time or in one burst, and which
    query parameters and sizes go with slowness. Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.latency import LatencyOptions
    from apilens.analyses.latency import latency as analysis
    from apilens.cli.asking import answer
    from apilens.cli.output import show

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    read = read_options(input_format, log_format, source_tz)
    result, code = answer(
        analysis, LatencyOptions, here, files=files, read=read, where=where, since=since, until=until, tz=tz,
        engine=engine, least=limit_of(min_requests, "--min-requests") or 1, limit=limit_of(limit),
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    return code
