"""Anomaly: a metric far from what it usually is at this hour of the week, for everything or for each group.

The baseline is the group's own: the same hour, the one before and the one after, on the same weekday of the last four
weeks. Its median is what is expected, its MAD (median absolute deviation, × 1.4826 to compare with a standard
deviation) how much it usually varies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Literal

import polars as pl

from apilens.alerts.judging import AT, Asked, Judged, Moments
from apilens.alerts.rolling import Question, rolled
from apilens.alerts.rule import Rule, length
from apilens.alerts.when_judged import hits_of, of_somebody
from apilens.computed import condition, metric_named
from apilens.conditions import metric_problem
from apilens.robust import spread
from apilens.window import Window, apart
from apilens.yaml_nodes import Keys

_WEEK = timedelta(days=7)
_WEEKS = 4
_LEAST_SAMPLES = 6
# Less than this of the expected value is no anomaly, however steady it was; counts vary by their square root by chance.
_LEAST_SHARE = 0.05
# Samples that are held at once: of three million a group's name, two times and a number take 200 MB.
_MOST_SAMPLES = 3_000_000
_OF = "#of"


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

    def windows(self, first: datetime, last: datetime) -> tuple[Window, ...]:
        """Return the windows that are judged, and in each week before the same hours with their neighbours."""
        window = length(self.window)
        weeks = (week * _WEEK for week in range(1, _WEEKS + 1))
        before = ((first - week - 2 * window, last - week + window) for week in weeks)
        return apart([(first - window, last), *before])

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

    def problems(self, columns: Mapping[str, str]) -> Iterator[tuple[Keys, str]]:
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
        values = self._values(asked)
        usual = pl.concat([_usual(values, times, self, asked) for times in _runs(values, asked.moments, self.by)])
        value, expected, spread = pl.col(self.metric), pl.col("expected"), pl.col("spread")
        off = (value - expected) / spread
        far = {"up": off, "down": -off, "both": off.abs()}[self.direction] >= self.sensitivity
        rows = usual.filter((pl.col("samples") >= _LEAST_SAMPLES) & (expected >= self.least) & far)
        hits = hits_of(
            rows, self.by, severity=pl.lit(self.severity), value=value,
            metrics={self.metric: value, "expected": expected},
        )  # fmt: skip
        unit = metric_named(self.metric, asked.columns, lambda text: condition(text, asked.columns)).unit
        return Judged(hits, {self.metric: unit, "expected": unit})

    def _values(self, asked: Asked) -> pl.DataFrame:
        """Return the metric at each moment that is judged or compared with, of the groups that had events then."""
        window, moments = length(self.window), asked.moments
        question = Question(
            metrics=(self.metric,), by=self.by, where=(*self.filters, *of_somebody(self.by)), span=window,
            columns=asked.columns, errors=asked.errors,
        )  # fmt: skip
        found = [
            rolled(asked.events, question, Moments(part.since + window, part.until, window))
            for part in self.windows(moments.first, moments.last)
            if part.since and part.until
        ]
        return pl.concat(found, how="vertical_relaxed").with_columns(pl.col(self.metric).cast(pl.Float64))


def _usual(values: pl.DataFrame, times: Sequence[datetime], rule: AnomalyRule, asked: Asked) -> pl.DataFrame:
    """Return the metric of each group at these moments with its median, spread and number of samples."""
    window, metric, keys = length(rule.window), rule.metric, [*rule.by, AT]
    shifts = [week * _WEEK + hour * window for week in range(1, _WEEKS + 1) for hour in (-1, 0, 1)]
    judged = pl.DataFrame({AT: times}, schema={AT: values.schema[AT]})
    before = pl.concat([judged.select(pl.col(AT) - shift, pl.col(AT).alias(_OF)) for shift in shifts])
    is_count = _is_count(metric, asked)
    samples = _filled(values, rule.by, before, metric, zeros=is_count).rename({metric: "was"})
    now = _filled(values, rule.by, judged, metric, zeros=is_count)
    beside = now.join(samples.drop(AT).rename({_OF: AT}), on=keys, nulls_equal=True)
    median = pl.col("was").median()
    floor = pl.max_horizontal(median.abs().sqrt() if is_count else pl.lit(0.0),
                              median.abs() * _LEAST_SHARE, pl.lit(1e-9))  # fmt: skip
    return beside.group_by(*keys, metric).agg(
        median.alias("expected"), pl.col("was").count().alias("samples"),
        pl.max_horizontal(spread(pl.col("was")), floor).alias("spread"),
    )  # fmt: skip


def _filled(
    values: pl.DataFrame, by: tuple[str, ...], times: pl.DataFrame, metric: str, *, zeros: bool
) -> pl.DataFrame:  # fmt: skip
    """Return a row for each group and time since anything was seen; of nothing the metric is 0, or else unknown."""
    since = values.filter(pl.col(metric).fill_null(0) != 0)[AT].min()
    some = times.filter(pl.col(AT) >= since) if since else times.clear()
    every = values.select(by).unique().join(some, how="cross") if by else some
    filled = every.join(values, on=[*by, AT], how="left", nulls_equal=True)
    return filled.with_columns(pl.col(metric).fill_null(0.0)) if zeros else filled


def _runs(values: pl.DataFrame, moments: Moments, by: tuple[str, ...]) -> Iterator[list[datetime]]:
    """Give the moments in runs, each with so few samples of groups that they fit into memory; one run at least."""
    groups = values.select(by).n_unique() if by else 1
    times, most = moments.times(), max(_MOST_SAMPLES // max(groups * 3 * _WEEKS, 1), 1)
    for start in range(0, max(len(times), 1), most):
        yield times[start : start + most]


def _is_count(metric: str, asked: Asked) -> bool:
    return metric_named(metric, asked.columns, lambda text: condition(text, asked.columns)).unit == "count"


def _is_length(text: str) -> bool:
    from apilens.errors import UsageError

    try:
        return bool(length(text))
    except UsageError:
        return False
