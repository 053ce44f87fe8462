"""apilens report: any metric by any dimension."""

from __future__ import annotations

import click

from apilens.cli.options import listed
from apilens.cli.question import Question, question_options
from apilens.errors import UsageError

COMPARES = "previous|7d-ago|SINCE..UNTIL|typical|mark:NAME"


@click.command(epilog="Metrics, dimensions and filters: docs/report.md.")
@click.option("--by", metavar="DIM,…", help="Break down by account, endpoint, status, sdk, hour …")
@click.option("--metrics", metavar="NAME,…", help="requests, error_rate, p95_ms, count(status = 422) …")
@click.option("--having", metavar="SQL", help="Only rows whose metrics are so: 'error_rate > 0.1'.")
@click.option(
    "--new", is_flag=True, help="Only what was first seen, ever, in the window: --by account, endpoint, sdk …"
)
@click.option("--every", metavar="1h|1d|1w", help="Over time: a row per group and hour, day or week; drawn for people.")
@click.option("--compare", metavar=COMPARES, help="What it was in another window, and the change.")
@click.option("--split", is_flag=True, help="Of a change of the error rate: how much is volume, mix and rate.")
@click.option("--sort", metavar="NAME[:asc]", help="By a metric or dimension.  [excess_errors; the first of --metrics]")
@question_options(20)
def report(
    question: Question,
    by: str | None,
    metrics: str | None,
    split: bool,
    having: str | None,
    sort: str | None,
    compare: str | None,
    every: str | None,
    new: bool,
) -> int:
    """Report on the store, or on log FILEs directly ('-' is stdin). Without --by: an overview."""
    from apilens.analyses.rate_split import split as split_analysis
    from apilens.analyses.report import report as report_analysis
    from apilens.analyses.report_options import ReportOptions
    from apilens.analyses.series import series as series_analysis
    from apilens.marks import marks_of

    if every and split:
        raise UsageError("--every and --split exclude each other")
    # Of the store that there is, also where files are read: they have none.
    marks = marks_of(question.here.store, question.here.settings.marks) if every or compare else {}
    return question.answer(
        split_analysis if split else series_analysis if every else report_analysis,
        ReportOptions,
        compared=compare is not None,
        by=listed(by),
        metrics=listed(metrics),
        having=having,
        sort=sort,
        compare=compare,
        every=every,
        new=new,
        marks=marks,
    )
