"""report --every: metrics over time, drawn for people and row by row for machines."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from apilens.analyses import answers
from apilens.analyses.report_options import ReportOptions
from apilens.answer import Events
from apilens.errors import UsageError
from apilens.heading import attributed
from apilens.marks import words_of
from apilens.result import Result, Series, Table
from apilens.schema import DTYPES
from apilens.series import plan_series


def series(events: Events, options: ReportOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return a row for each group and bucket of time, empty buckets too; having, sort and limit are about the groups.

    Raises UsageError for every name that cannot be meant, and for more buckets than anybody reads.
    """
    if options.compare:
        raise UsageError("--every and --compare exclude each other")
    plan = plan_series(
        events, options.every or "", metrics=options.shown, by=options.by, where=options.where,
        having=options.condition, sort=options.order, limit=options.limit, window=options.window, dtypes=columns,
        newest=options.newest, errors=options.errors, leave=options.leaves(columns),
    )  # fmt: skip
    found = answers(plan.summaries)
    rows, fields = plan.finish(found)
    whole, totals = found[0], found[0].totals
    notes = [] if totals.requests else ["no request matches: widen --since, or loosen --where"]
    if whole.left_out:
        notes.append(f"and {whole.left_out:,} more; --limit all shows them")
    if totals.requests and (words := attributed(totals.attributed_share)):
        notes.append(words)
    if any(part.approximate for part in found):
        notes.append("quantiles are within 1 %: there are more than 2,000,000 events, or sampled ones")
    marks = plan.marked(rows, options.marks)
    if marks:
        notes.append(f"marks: {words_of({name: options.marks[name] for name in marks})}")
    return Result(
        kind="report.series",
        title=f"Report by {', '.join((*options.by, plan.bucket))}",
        tables=(Table("series", fields, rows, Series(options.by, plan.bucket, frozenset(marks.values()))),),
        query=options.query(),
        header=options.header(totals),
        notes=tuple(notes),
        command=options.again(),
    )
