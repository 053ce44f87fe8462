"""Conditions over what changed: a window at each moment, beside the one that it is compared with.

Each moment is a comparison of its own, asked as `apilens compare` asks it, so that a rule never differs from that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import narwhals as nw
import polars as pl

from apilens.alerts.alert import Severity
from apilens.alerts.judging import AT, Asked, Judged
from apilens.alerts.when import metrics_of_when
from apilens.alerts.when_judged import claims_of, judge_flagged, of_somebody
from apilens.analyses import answers
from apilens.changed_columns import STATE, SUFFIXES, asked_of, columns_of
from apilens.changes import plan_changes
from apilens.comparison import TYPICAL, Comparison, parse_comparison
from apilens.errors import UsageError
from apilens.metrics import BY_NAME
from apilens.query import metric_of
from apilens.result import Field, Unit
from apilens.schema import TIME, TYPE_NAMES, dtypes
from apilens.window import Window, apart

# A moment takes a dozen questions, where moments that are not compared share theirs.
MOST_MOMENTS = 100
_FORMS = ("previous", "7d-ago", TYPICAL)
# What conditions may say besides metrics and their changes.
_STATES = (STATE, "new", "gone")
_JOINED = ("account.", "endpoint.")


def comparison_at(compare: str, span: timedelta, at: datetime) -> Comparison:
    """Return the window that ends at a moment and those it is compared with. Raises UsageError for what is none."""
    if compare not in _FORMS and not compare.endswith("-ago"):
        raise UsageError(f"`{compare}` is nothing to compare with", hint=", ".join(_FORMS))
    return parse_comparison(compare, Window(at - span, at), now=at)


def windows_read(compare: str, span: timedelta, first: datetime, last: datetime) -> tuple[Window, ...]:
    """Return the windows whose events decide moments from first to last: apart from one another, the oldest first."""
    one = comparison_at(compare, span, last)
    bounds = (_bounds(window) for window in (one.head, *one.bases))
    return apart((since - (last - first), until) for since, until in bounds)


def metric_behind(name: str) -> str | None:
    """Return the metric that a name in a condition is about, None for `new`, `gone` and `state`."""
    if name in BY_NAME or "(" in name:
        return name
    base = next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)
    return None if base in _STATES else base


def is_change(name: str) -> bool:
    """Say whether a name in a condition means something only beside another window."""
    return name in _STATES or (name not in BY_NAME and name.endswith(SUFFIXES))


def compared_problem(text: str, by: Sequence[str], columns: Mapping[str, str]) -> str | None:
    """Return what is wrong with a condition over what changed, in one line; columns as `when_problem` takes them."""
    types = dtypes({name: TYPE_NAMES[kind] for name, kind in columns.items()})
    try:
        names = metrics_of_when(text, by)
        if any(name.startswith(_JOINED) for name in (*names, *by)):
            # Their columns are known when the files of accounts and endpoints are read.
            return None
        for name in names:
            if (metric := metric_behind(name)) is not None and (wrong := _misnamed(name, metric, types)):
                return wrong
        asked_of(_metrics([text], by), by=by, having=text, sort=None, dtypes=types)
    except UsageError as error:
        return " ".join([error.message.split("\n")[0], *([f"({error.hint})"] if error.hint else [])])
    return None


def judge_changes(
    asked: Asked, conditions: Mapping[Severity, str], *, compare: str, by: Sequence[str], where: Sequence[str],
    span: timedelta,
) -> Judged:  # fmt: skip
    """Return where the conditions (by severity, the worst first) held for the `span` before each moment beside what it
    is compared with.
    """
    texts = list(conditions.values())
    metrics = tuple(dict.fromkeys((*_metrics(texts, by), *claims_of(by))))
    marks = {
        severity: asked_of(metrics, by=by, having=text, sort=None, dtypes=asked.columns).having
        for severity, text in conditions.items()
    }
    fields = {part.name: part.unit for name in metrics for part in _columns(name, asked.columns)}
    named = [name for text in texts for name in metrics_of_when(text, by) if name in fields]
    units: dict[str, Unit] = {name: fields[name] for name in named or metrics[:1]}
    rows = pl.concat(
        [
            _flagged(asked, at, marks, metrics, compare=compare, by=by, where=where, span=span)
            for at in (asked.moments.times() or [asked.moments.last])
        ]
    )
    return judge_flagged(rows if len(asked.moments) else rows.clear(), list(marks), by=by, units=units, asked=asked)


def _flagged(
    asked: Asked, at: datetime, marks: Mapping[Severity, nw.Expr | None], metrics: Sequence[str], *, compare: str,
    by: Sequence[str], where: Sequence[str], span: timedelta,
) -> pl.DataFrame:  # fmt: skip
    """Return the groups of one moment for which a condition holds, with `#SEVERITY` for each of them; without
    dimensions the one row, whether it holds or not.
    """
    plan = plan_changes(
        asked.events, comparison_at(compare, span, at), metrics=metrics, by=by, where=(*where, *of_somebody(by)),
        dtypes=asked.columns, newest=False, errors=asked.errors,
    )  # fmt: skip
    rows = nw.from_native(plan.finish(answers(plan.summaries)).rows)
    held = {f"#{severity}": expr for severity, expr in marks.items() if expr is not None}
    flagged = rows.with_columns(expr.alias(name) for name, expr in held.items()).to_native()
    some = flagged.filter(pl.any_horizontal(*held)) if by else flagged
    return some.with_columns(pl.lit(at, TIME).alias(AT))


def _metrics(texts: Sequence[str], by: Sequence[str]) -> tuple[str, ...]:
    """Return the metrics that conditions are about."""
    names = (metric_behind(name) for text in texts for name in metrics_of_when(text, by))
    return tuple(dict.fromkeys(name for name in names if name)) or ("requests",)


def _columns(name: str, columns: Mapping[str, pl.DataType]) -> Iterator[Field]:
    return columns_of(Field(name, metric_of(name, columns).unit))


def _misnamed(name: str, metric: str, columns: Mapping[str, pl.DataType]) -> str | None:
    known = [field.name for field in _columns(metric, columns)]
    return None if name in known else f"there is no `{name}` (of {metric} there are {', '.join(known)})"


def _bounds(window: Window) -> tuple[datetime, datetime]:
    assert window.since is not None and window.until is not None
    return window.since, window.until
