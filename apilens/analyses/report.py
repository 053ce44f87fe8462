"""report: any metric by any dimension, or an overview of all traffic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from apilens.analyses import answers
from apilens.analyses.report_options import COMPARED_METRICS
from apilens.analyses.report_options import OVERVIEW_METRICS as OVERVIEW_METRICS
from apilens.analyses.report_options import ReportOptions as ReportOptions
from apilens.analyses.report_options import default_metrics as default_metrics
from apilens.answer import Answer, Events, Summary
from apilens.changed_columns import people_see
from apilens.changes import Changes
from apilens.comparison import Comparison
from apilens.heading import attributed, compared_with
from apilens.rate_split import plan_split
from apilens.result import Result, Table
from apilens.schema import DTYPES

# What an overview shows below its totals: name of the table, dimension, metrics.
OVERVIEW_TABLES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("status_classes", "status_class", ("requests", "share")),
    ("accounts", "account", ("requests", "error_rate", "errors", "endpoints", "last_request")),
    ("endpoints", "endpoint", ("requests", "error_rate", "errors", "p95_ms", "accounts")),
)
OVERVIEW_LIMIT = 10


def report(events: Events, options: ReportOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return the metrics by the dimensions asked for; without dimensions and metrics, an overview in four tables.

    `columns` are those of `events`, configured ones included. Raises UsageError for every name that cannot be meant.
    """
    comparison = options.comparison
    options = replace(options, window=options.about())

    def ask(metrics: tuple[str, ...], by: tuple[str, ...], **rest: Any) -> Summary | Changes:
        if comparison is None:
            return options.ask(events, columns, metrics=metrics, by=by, **rest)
        return options.changes(events, columns, comparison, metrics=metrics, by=by, **rest)

    questions = {
        "report": ask(options.shown, options.by, having=options.condition, sort=options.order, limit=options.limit)
    }
    if not options.by and not options.metrics:
        questions = {"overview": questions["report"]}
        for name, by, shown in OVERVIEW_TABLES:
            fitting = tuple(metric for metric in shown if metric in COMPARED_METRICS) if comparison else shown
            questions[name] = ask(fitting, (by,), limit=OVERVIEW_LIMIT)
    found, notes = zip(*map(_answered, questions.values()), strict=True)
    tables = tuple(
        Table(name, answer.fields, answer.rows, people_see(answer.fields) if comparison else None)
        for name, answer in zip(questions, found, strict=True)
    )
    if comparison and "overview" in questions and not comparison.is_typical:
        tables += (_split(options, events, comparison, columns),)
    totals = found[0].totals
    return Result(
        kind="report",
        title=f"Report by {', '.join(options.by)}" if options.by else "Overview",
        tables=tables,
        query=options.query(),
        header=(*options.header(totals), *([compared_with(comparison, options.tz)] if comparison else [])),
        notes=(*_notes(options, found), *notes[0]),
        command=options.again(),
    )


def _split(options: ReportOptions, events: Events, comparison: Comparison, columns: Mapping[str, pl.DataType]) -> Table:
    """Return who adds what to the change of the error rate."""
    plan = plan_split(
        events, comparison, by=("account", "endpoint"), where=options.where, dtypes=columns, errors=options.errors,
        leave=options.leaves(columns),
    )  # fmt: skip
    done = plan.finish(answers(plan.summaries))
    return Table("error_rate_change", done.fields, done.rows.head(OVERVIEW_LIMIT))


def _answered(question: Summary | Changes) -> tuple[Answer, tuple[str, ...]]:
    """Return the answer to a question, and what a reader must know of the windows compared."""
    if isinstance(question, Summary):
        return answers([question])[0], ()
    found = answers(question.summaries)
    return question.finish(found), question.notes(found)


def _notes(options: ReportOptions, found: Sequence[Answer]) -> tuple[str, ...]:
    answer, totals = found[0], found[0].totals
    if not totals.requests:
        return ("no request matches: widen --since, or loosen --where",)
    notes = []
    if answer.left_out:
        notes.append(f"and {answer.left_out:,} more; --limit all shows them")
    if words := attributed(totals.attributed_share):
        notes.append(words)
    if any(part.approximate for part in found):
        notes.append("quantiles are within 1 %: there are more than 2,000,000 events, or sampled ones")
    return tuple(notes)
