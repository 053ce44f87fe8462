"""apilens heatmap: one dimension against another."""

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
  apilens heatmap --since 24h
  apilens heatmap --cols hour --value error_rate --since 12h
  apilens heatmap --rows sdk --value rate
  apilens heatmap --rows endpoint --cols status_class --value p95

What the numbers mean: docs/peers.md.
"""


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option("--rows", metavar="DIM", default="account", help="What rows are.  [account]")
@click.option("--cols", metavar="DIM", default="status", help="What columns are.  [status]")
@click.option("--value", metavar="NAME", default="errors", help="count, rate, p95 or any metric.  [errors]")
@click.option("--columns", metavar="N|all", default="12", help="Columns to show.  [12]")
@filter_options
@window_options
@click.option("--limit", "-n", metavar="N|all", default="20", help="Rows to show.  [20]")
@zone_option
@engine_option
@output_options
@reading_options
@common_options
def heatmap(
    files: tuple[str, ...], rows: str, cols: str, value: str, columns: str, where: tuple[str, ...], since: str | None,
    until: str | None, limit: str, tz: str | None, engine: Engine, input_format: str | None, log_format: str | None,
    source_tz: str | None, store_path: str | None, config_path: str | None, now: str | None, quiet: bool,
    **output: Any,
) -> int:  # fmt: skip
    """Show two dimensions against each other, a number in each cell: by default the errors of each account by status.
    Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.heatmap import HeatmapOptions
    from apilens.analyses.heatmap import heatmap as analysis
    from apilens.cli.asking import answer
    from apilens.cli.output import show

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    read = read_options(input_format, log_format, source_tz)
    result, code = answer(
        analysis, HeatmapOptions, here, files=files, read=read, where=where, since=since, until=until, tz=tz,
        engine=engine, rows=rows, cols=cols, value=value, columns=limit_of(columns, "--columns"),
        limit=limit_of(limit),
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    return code
