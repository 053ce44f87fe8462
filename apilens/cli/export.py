"""apilens export: numbers for other systems to keep."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from apilens.cli.options import (
    common_options,
    engine_option,
    filter_options,
    listed,
    read_options,
    reading_options,
    session,
    warn,
    window_options,
)
from apilens.errors import InputError, UsageError

EXAMPLES = """\b
Examples:
  apilens export prometheus -o /var/lib/node_exporter/apilens.prom
  apilens export prometheus --by endpoint --metrics requests,p95_ms --since 5m -o -
"""


@click.group()
def export() -> None:
    """Write numbers for other systems: prometheus."""


@export.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option("--output", "-o", metavar="FILE.prom", required=True, help="Where to; - is stdout.")
@click.option("--by", metavar="DIM,…", default="account", help="The labels.  [account]")
@click.option(
    "--metrics",
    metavar="NAME,…",
    default="requests,errors,error_rate,p95_ms",
    help="[requests,errors,error_rate,p95_ms]",
)
@click.option(
    "--top",
    type=click.IntRange(1, 10_000),
    default=50,
    help="Groups with names of their own; the rest is __other__.  [50]",
)
@filter_options
@window_options
@engine_option
@reading_options
@common_options
def prometheus(
    files: tuple[str, ...], output: str, by: str, metrics: str, top: int, where: tuple[str, ...], since: str | None,
    until: str | None, engine: Literal["polars", "duckdb"],
    input_format: str | None, log_format: str | None, source_tz: str | None,
    store_path: str | None, config_path: str | None, now: str | None, quiet: bool,
) -> int:  # fmt: skip
    """Write metrics of the last hour (--since) for node_exporter's textfile collector: whole, or not at all. The window
    ends now, however old the newest event is."""
    from apilens.analyses.series import SeriesOptions, series
    from apilens.cli.asking import answer
    from apilens.render.prometheus import to_prometheus

    if output != "-" and not output.endswith(".prom"):
        raise UsageError(f"{output}: node_exporter reads files that end in .prom", hint="-o FILE.prom, or -o -")
    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    result, code = answer(
        series, SeriesOptions, here, files=files, read=read_options(input_format, log_format, source_tz), where=where,
        since=since or "1h", until=until, tz=None, engine=engine, anchored=False, by=listed(by),
        metrics=listed(metrics), top=top,
    )  # fmt: skip
    text = to_prometheus(result)
    if output == "-":
        click.echo(text, nl=False)
        return code
    _write(Path(output), text)
    if not quiet:
        warn(f"wrote {output}: {result.tables[0].rows.height:,} series")
    return code


def _write(path: Path, text: str) -> None:
    from apilens.outfile import whole_file

    try:
        with whole_file(path, durable=True) as place:
            place.write_text(text, "utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
