"""apilens report: any metric by any dimension."""

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
from apilens.errors import UsageError

if TYPE_CHECKING:
    from apilens.engine import Engine

COMPARES = "previous|7d-ago|SINCE..UNTIL|typical|mark:NAME"


@click.command(epilog="Metrics, dimensions and filters: docs/report.md.")
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option("--by", metavar="DIM,…", help="Break down by account, endpoint, status, sdk, hour …")
@click.option("--metrics", metavar="NAME,…", help="requests, error_rate, p95_ms, count(status = 422) …")
@filter_options
@click.option("--having", metavar="SQL", help="Only rows whose metrics are so: 'error_rate > 0.1'.")
@click.option(
    "--new", is_flag=True, help="Only what was first seen, ever, in the window: --by account, endpoint, sdk …"
)
@window_options
@click.option("--every", metavar="1h|1d|1w", help="Over time: a row per group and hour, day or week; drawn for people.")
@click.option("--compare", metavar=COMPARES, help="What it was in another window, and the change.")
@click.option("--split", is_flag=True, help="Of a change of the error rate: how much is volume, mix and rate.")
@click.option("--sort", metavar="NAME[:asc]", help="By a metric or dimension.  [excess_errors; the first of --metrics]")
@click.option("--limit", "-n", metavar="N|all", default="20", help="Rows to show.  [20]")
@engine_option
@zone_option
@output_options
@reading_options
@common_options
def report(
    files: tuple[str, ...], where: tuple[str, ...], since: str | None, until: str | None, tz: str | None,
    by: str | None, metrics: str | None, limit: str, split: bool, engine: Engine, input_format: str | None,
    log_format: str | None, source_tz: str | None, store_path: str | None, config_path: str | None, now: str | None,
    quiet: bool, having: str | None, sort: str | None, compare: str | None, every: str | None, new: bool, **output: Any,
) -> int:  # fmt: skip
    """Report on the store, or on log FILEs directly ('-' is stdin). Without --by: an overview."""
    from apilens.analyses.rate_split import split as split_analysis
    from apilens.analyses.report import report as report_analysis
    from apilens.analyses.report_options import ReportOptions
    from apilens.analyses.series import series as series_analysis
    from apilens.cli.asking import answer
    from apilens.cli.output import show
    from apilens.marks import marks_of

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    if every and split:
        raise UsageError("--every and --split exclude each other")
    # Of the store that there is, also where files are read: they have none.
    marks = marks_of(here.store, here.settings.marks) if every or compare else {}
    result, code = answer(
        split_analysis if split else series_analysis if every else report_analysis, ReportOptions, here, files=files,
        read=read_options(input_format, log_format, source_tz), where=where, since=since, until=until, tz=tz,
        engine=engine, compared=compare is not None, by=listed(by), metrics=listed(metrics), having=having, sort=sort,
        limit=limit_of(limit), compare=compare, every=every, new=new, marks=marks,
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    return code
