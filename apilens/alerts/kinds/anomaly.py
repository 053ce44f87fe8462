"""Anomaly: a metric far from what it usually is at this hour of the week, for everything or for each group.

The baseline is the group's own: the same hour, the one before and the one after, on the same weekday of the last four
weeks. Its median is what is expected, its MAD (median absolute deviation, × 1.4826 to compare with a standard
deviation) how much it usually varies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import ClassVar, Literal

import polars as pl

from apilens.alerts.judging import AT, Asked, Judged, Moments
from apilens.alerts.rolling import Question, rolled
from apilens.alerts.rule import Place, Rule, length
from apilens.alerts.when_judged import hits_of, of_somebody
from apilens.computed import condition, metric_named
from apilens.conditions import metric_problem
from apilens.robust import spread

_WEEK = timedelta(days=7)
_WEEKS = 4
_LEAST_SAMPLES = 6
# Less than this of the expected value is no anomaly, however steady it was; counts vary by their square root by chance.
_LEAST_SHARE = 0.05


class AnomalyRule(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`metric: requests` by hours, `sensitivity` deviations from what is usual, up, down or both ways.

    least: expected values below it are not judged.
    """

    metric: str = "requests"
    window: str = "1h"
    direction: Literal["up", "down", "both"] = "both"
    sensitivity: float = 4.0
    least: float = 10.0

    LENGTHS: ClassVar[tuple[str, ...]] = (*Rule.LENGTHS, "window")

    def span(self) -> timedelta:
        """Return the window and the weeks before it."""
        return length(self.window) * 2 + _WEEKS * _WEEK

    def width(self) -> timedelta:
        """Return the window."""
        return length(self.window)

    @property
    def pace(self) -> timedelta:
        """How far one judged moment is from the next: a window, so that weeks are compared hour by hour."""
        return length(self.window)

    @property
    def texts(self) -> tuple[str, ...]:
        """Every name and condition in it."""
        return (*self.filters, *self.by, self.metric)

    def condition(self) -> str:
        """Return in one line when it fires."""
        return f"{self.metric} {self.sensitivity:g} deviations from what is usual at this hour of the week"

    def named(self) -> tuple[str, ...]:
        """Return what a description may name."""
        return (*self.by, self.metric, "expected")

    def problems(self, columns: Mapping[str, str]) -> Iterator[tuple[Place, str]]:
        """Give what is wrong with its own keys."""
        if problem := metric_problem(self.metric, columns):
            yield ("metric",), problem
        if self.sensitivity <= 0:
            yield ("sensitivity",), "is a number of deviations, above 0"
        if self.step is not None:
            yield ("step",), "is the window of an anomaly: leave it out"
        if not self.window or _WEEK % (length(self.window) if _is_length(self.window) else _WEEK):
            yield ("window",), "is a part of a week: 1h, 6h, 1d"

    def judge(self, asked: Asked) -> Judged:
        """Return where the metric is too far from what is usual."""
        usual = self._usual(asked)
        value, expected, spread = pl.col(self.metric).cast(pl.Float64), pl.col("expected"), pl.col("spread")
        off = (value - expected) / spread
        far = {"up": off, "down": -off, "both": off.abs()}[self.direction] >= self.sensitivity
        rows = usual.filter((pl.col("samples") >= _LEAST_SAMPLES) & (expected >= self.least) & far)
        hits = hits_of(
            rows, self.by, severity=pl.lit(self.severity), value=value,
            metrics={self.metric: value, "expected": expected},
        )  # fmt: skip
        unit = metric_named(self.metric, asked.columns, lambda text: condition(text, asked.columns)).unit
        return Judged(hits, {self.metric: unit, "expected": unit})

    def _usual(self, asked: Asked) -> pl.DataFrame:
        """Return the metric at each moment with its median, spread and number of samples."""
        moments, window = asked.moments, length(self.window)
        grid = Moments(moments.first - _WEEKS * _WEEK - window, moments.last, window)
        question = Question(
            metrics=(self.metric,), by=self.by, where=(*self.filters, *of_somebody(self.by)), span=window,
            columns=asked.columns, errors=asked.errors,
        )  # fmt: skip
        values = _filled(rolled(asked.events, question, grid), self.by, grid, self.metric, asked)
        shifts = [week * _WEEK + hour * window for week in range(1, _WEEKS + 1) for hour in (-1, 0, 1)]
        before = values.rename({self.metric: "was"})
        samples = pl.concat([before.with_columns((pl.col(AT) + shift).alias(AT)) for shift in shifts])
        keys = [*self.by, AT]
        judged = values.filter(pl.col(AT) >= moments.first).join(samples, on=keys, how="inner", nulls_equal=True)
        median = pl.col("was").median()
        floor = pl.max_horizontal(median.abs().sqrt() if _is_count(self.metric, asked) else pl.lit(0.0),
                                  median.abs() * _LEAST_SHARE, pl.lit(1e-9))  # fmt: skip
        return judged.group_by(*keys, self.metric).agg(
            median.alias("expected"), pl.col("was").count().alias("samples"),
            pl.max_horizontal(spread(pl.col("was")), floor).alias("spread"),
        )  # fmt: skip


def _filled(rows: pl.DataFrame, by: tuple[str, ...], grid: Moments, metric: str, asked: Asked) -> pl.DataFrame:
    """Return a row for each group and moment since anything was seen; counts of nothing are 0, all else is unknown."""
    if rows.is_empty():
        return rows
    value = pl.col(metric).cast(pl.Float64)
    since = rows.filter(value.fill_null(0) != 0)[AT].min()
    times = pl.DataFrame({AT: grid.times()}, schema={AT: rows.schema[AT]}).filter(pl.col(AT) >= since)
    every = rows.select(*by).unique().join(times, how="cross") if by else times
    filled = every.join(rows.with_columns(value), on=[*by, AT], how="left", nulls_equal=True)
    return filled.with_columns(pl.col(metric).fill_null(0.0)) if _is_count(metric, asked) else filled


def _is_count(metric: str, asked: Asked) -> bool:
    return metric_named(metric, asked.columns, lambda text: condition(text, asked.columns)).unit == "count"


def _is_length(text: str) -> bool:
    from apilens.errors import UsageError

    try:
        return bool(length(text))
    except UsageError:
        return False
