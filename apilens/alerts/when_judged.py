"""Where conditions over metrics held: groups and moments, with the worst severity of those that did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import narwhals as nw
import polars as pl

from apilens.alerts.alert import Severity
from apilens.alerts.judging import AT, CLAIMED, SEVERITY, VALUE, Asked, Judged
from apilens.alerts.rolling import Question, rolled
from apilens.alerts.when import compiled, metrics_of_when
from apilens.computed import condition, metric_named
from apilens.result import Unit

# What shows that the account of a group is one that requests named and the server refused.
_UNVERIFIED = "count(account_verified IS FALSE)"
_REQUESTS = "requests"
# Traffic of nobody in particular is no group of these: all of it together would look like one busy caller.
CALLERS = ("account", "user", "api_key", "session", "client_ip")


def judge_conditions(
    asked: Asked, conditions: Mapping[Severity, str], *, by: Sequence[str], where: Sequence[str], span: timedelta
) -> Judged:
    """Return where the conditions (by severity, the worst first) held over the `span` before each moment."""
    names = tuple(dict.fromkeys(name for text in conditions.values() for name in metrics_of_when(text, by)))
    question = Question(
        metrics=tuple(dict.fromkeys((*names, *claims_of(by)))), by=tuple(by), where=(*where, *of_somebody(by)),
        span=span, columns=asked.columns, errors=asked.errors,
    )  # fmt: skip
    rows = rolled(asked.events, question, asked.moments)
    return judge_rows(rows, conditions, by=by, names=names, asked=asked)


def claims_of(by: Sequence[str]) -> tuple[str, ...]:
    """Return the metrics that say whether the account of a group is claimed only."""
    return (_UNVERIFIED, _REQUESTS) if "account" in by else ()


def of_somebody(by: Sequence[str]) -> tuple[str, ...]:
    """Return the conditions that leave out traffic of nobody in particular."""
    return tuple(f"{name} IS NOT NULL" for name in by if name in CALLERS)


def hits_of(
    rows: pl.DataFrame, by: Sequence[str], *, severity: pl.Expr, value: pl.Expr, metrics: Mapping[str, pl.Expr]
) -> pl.DataFrame:
    """Return rows of dimensions and `#at` as hits of a kind that counts for itself."""
    return rows.select(
        *by, AT, severity.alias(SEVERITY), value.cast(pl.Float64).alias(VALUE), pl.lit(False).alias(CLAIMED),
        *(expr.cast(pl.Float64).alias(name) for name, expr in metrics.items()),
    )  # fmt: skip


def judge_rows(
    rows: pl.DataFrame, conditions: Mapping[Severity, str], *, by: Sequence[str], names: Sequence[str], asked: Asked
) -> Judged:
    """Return where conditions hold on rows of dimensions, `#at` and metrics; names: the metrics that alerts carry."""
    marks = {severity: compiled(text, by, asked.columns) for severity, text in conditions.items()}
    flagged = nw.from_native(rows).with_columns(expr.alias(f"#{name}") for name, expr in marks.items()).to_native()
    units = {
        name: metric_named(name, asked.columns, lambda text: condition(text, asked.columns)).unit for name in names
    }
    return judge_flagged(flagged, list(marks), by=by, units=units, asked=asked)


def judge_flagged(
    flagged: pl.DataFrame, marks: Sequence[Severity], *, by: Sequence[str], units: Mapping[str, Unit], asked: Asked
) -> Judged:
    """Return where one of the columns `#SEVERITY` is true, the worst first; units: of the metrics that alerts carry."""
    names = list(units)
    severity = pl.coalesce([pl.when(f"#{name}").then(pl.lit(name)) for name in marks]).alias(SEVERITY)
    # A group that is gone claims nothing.
    claims = (pl.col(_REQUESTS) > 0) & (pl.col(_UNVERIFIED) >= pl.col(_REQUESTS))
    claimed = claims if _UNVERIFIED in flagged.columns else pl.lit(False)
    hits = flagged.with_columns(severity).filter(pl.col(SEVERITY).is_not_null())
    shown = hits.select(*by, AT, SEVERITY, _number(hits, names[0]).alias(VALUE), claimed.alias(CLAIMED),
                        *(_number(hits, name).alias(name) for name in names))  # fmt: skip
    return Judged(shown, units, known=_known(flagged, by, asked, [f"#{name}" for name in marks]))


def _number(rows: pl.DataFrame, name: str) -> pl.Expr:
    """Return a metric as a number: times as seconds since 1970."""
    column = pl.col(name)
    return (column.dt.epoch("s") if rows.schema[name].is_temporal() else column).cast(pl.Float64)


def _known(rows: pl.DataFrame, by: Sequence[str], asked: Asked, marks: Sequence[str]) -> bool:
    """Say whether the condition could be judged: a rate of nothing is neither above a threshold nor below it."""
    if by or rows.is_empty():
        return True
    last = rows.filter(pl.col(AT) == asked.moments.last).select(*marks)
    return any(value is not None for row in last.iter_rows() for value in row)
