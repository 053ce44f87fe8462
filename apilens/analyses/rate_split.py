"""report --split: which part of a change of the error rate is volume, mix and rate, and whose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from apilens.analyses import answers
from apilens.analyses.report_options import ReportOptions
from apilens.answer import Events
from apilens.errors import UsageError
from apilens.heading import compared_with
from apilens.rate_split import Split, plan_split
from apilens.result import Result, Table
from apilens.schema import DTYPES

BY = ("account",)


def split(events: Events, options: ReportOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return what each group adds to the change of the error rate of all, as volume, mix and rate; the greatest first.

    Raises UsageError for names that cannot be meant, and where nothing is compared.
    """
    comparison = options.comparison
    if comparison is None:
        raise UsageError("--split is of a change", hint="give --compare, for example --compare previous")
    if options.metrics or options.having or options.sort or options.new:
        raise UsageError("--split has columns of its own", hint="leave out --metrics, --having, --sort and --new")
    options = replace(options, window=options.about(), by=options.by or BY)
    plan = plan_split(
        events, comparison, by=options.by, where=options.where, dtypes=columns, errors=options.errors,
        leave=options.leaves(columns),
    )  # fmt: skip
    found = answers(plan.summaries)
    done = plan.finish(found)
    shown = done.rows.head(done.rows.height if options.limit is None else options.limit)
    left_out = done.rows.height - shown.height
    return Result(
        kind="report.split",
        title=f"Change of the error rate by {', '.join(options.by)}",
        tables=(Table("split", done.fields, shown),),
        query=options.query(),
        header=(*options.header(found[0].totals), compared_with(comparison, options.tz), _words(done)),
        notes=(f"and {left_out:,} more; --limit all shows them",) if left_out else (),
        command=f"{options.again()} --split",
    )


def _words(done: Split) -> str:
    if done.now is None or done.before is None:
        return "error rate: there are no requests in one of the windows"
    change = done.now - done.before
    parts = zip(("volume", "mix", "rate"), done.parts, strict=True)
    said = ", ".join(f"{name} {_points(part)}" for name, part in parts)
    return f"error rate: {done.before * 100:.2f} % → {done.now * 100:.2f} %, {_points(change)} points = {said}"


def _points(change: float) -> str:
    return f"{change * 100 + 0.0:+.2f}"
