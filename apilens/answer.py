"""From collected groups to an answer: numbers finished, filtered, sorted, cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import narwhals as nw
import polars as pl

from apilens.details import Pass, details_of, finished, joined, passes
from apilens.dimensions import Dimension
from apilens.left_out import split
from apilens.metric import REQUESTS, Detail, Metric, Part, Quantile, weight, weight_where
from apilens.quantiles import EXACT_ROWS
from apilens.result import Field

Events = nw.LazyFrame[Any]

ROWS = "#rows"
HEAVIEST = Part("#heaviest", weight(), "max")
NEWEST = Part("#newest", nw.col("timestamp"), "max")
ATTRIBUTED = Part("#attributed", weight_where(~nw.col("account").is_null()), "sum")


@dataclass(frozen=True, slots=True)
class Totals:
    """What all matching requests come to: their number, how many have an account, and when the last one was.

    left_out: reason (see apilens.left_out) → how many matched but were left out.
    """

    requests: int
    attributed: int
    newest: datetime | None
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def attributed_share(self) -> float | None:
        """Part of the requests that have an account; None without requests."""
        return self.attributed / self.requests if self.requests else None


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows as asked for, what their columns mean, and what a reader must know about them.

    rows: dimensions, then metrics; `groups` counts them before the limit. approximate: quantiles come from buckets.
    """

    rows: pl.DataFrame
    fields: tuple[Field, ...]
    groups: int
    totals: Totals
    approximate: bool

    @property
    def left_out(self) -> int:
        """How many rows the limit cut off."""
        return self.groups - self.rows.height


@dataclass(frozen=True, slots=True)
class Summary:
    """A planned question. Collect `groups`, then the frames of `passes(groups)`, then call `finish`.

    requests: the matching requests with the keys of `by` as columns, and `#failed`. metrics: all that are computed, of
    which `shown` are columns of the answer; the others serve `having` and `sort`.
    """

    groups: Events
    requests: Events
    by: tuple[Dimension, ...]
    metrics: Mapping[str, Metric]
    shown: tuple[str, ...]
    having: nw.Expr | None
    sort: tuple[str, bool]
    limit: int | None

    @property
    def keys(self) -> list[str]:
        """The names of the dimensions."""
        return [dimension.name for dimension in self.by]

    @property
    def details(self) -> list[Detail]:
        """What the metrics need beyond the groups."""
        return details_of(self.metrics)

    def passes(self, groups: pl.DataFrame) -> list[Pass]:
        """Return the further passes that the metrics need, none for most; `groups` decides exact quantiles or not."""
        inside, _ = split(groups, REQUESTS.name)
        return passes(self.details, self.requests, self.keys, exact=is_exact(inside))

    def finish(self, groups: pl.DataFrame, made: Sequence[tuple[Pass, pl.DataFrame]] = ()) -> Answer:
        """Return the answer from the collected `groups`, and each pass with the frame that was collected for it."""
        groups, left_out = split(groups, REQUESTS.name)
        whole = joined(groups, [finished(done, frame, self.keys) for done, frame in made], self.keys)
        numbers = whole.select(*self.keys, *(metric.finish.alias(name) for name, metric in self.metrics.items()))
        settled = numbers.with_columns(_settled(numbers[name]) for name in self.metrics)
        if self.having is not None:
            settled = nw.from_native(settled).filter(self.having).to_native()
        first, descending = self.sort
        order = list(dict.fromkeys([first, *self.keys]))
        ranked = settled.sort(order, descending=[descending, *[False] * (len(order) - 1)], nulls_last=True)
        return Answer(
            rows=ranked.head(settled.height if self.limit is None else self.limit).select(*self.keys, *self.shown),
            fields=(
                *(Field(dimension.name, dimension.unit) for dimension in self.by),
                *(Field(name, self.metrics[name].unit, self.metrics[name].better) for name in self.shown),
            ),
            groups=settled.height,
            totals=_totals(groups, left_out),
            approximate=any(isinstance(item, Quantile) for item in self.details) and not is_exact(groups),
        )


def is_exact(groups: pl.DataFrame) -> bool:
    """Say whether the events behind these groups are few enough, and weigh 1 each, for exact quantiles."""
    if HEAVIEST.name not in groups.columns:
        return True
    heaviest = groups[HEAVIEST.name].max()
    return int(groups[ROWS].sum()) <= EXACT_ROWS and (heaviest is None or int(str(heaviest)) <= 1)


def _settled(numbers: pl.Series) -> pl.Series:
    """Return counts as Int64 (Float64 beyond it) and floats to 6 digits, so that the same events print the same."""
    if numbers.dtype.is_float():
        # Sums of floats differ in the last bits from run to run, since threads add in any order.
        return numbers.round_sig_figs(12).round(6)
    if not numbers.dtype.is_integer():
        return numbers
    whole = numbers.cast(pl.Int64, strict=False)
    return whole if whole.null_count() == numbers.null_count() else numbers.cast(pl.Float64)


def _totals(groups: pl.DataFrame, left_out: Mapping[str, int]) -> Totals:
    requests = _sum(groups[REQUESTS.name])
    if "account" in groups.columns:
        attributed = _sum(groups.filter(pl.col("account").is_not_null())[REQUESTS.name])
    else:
        attributed = _sum(groups[ATTRIBUTED.name])
    newest = groups[NEWEST.name].max() if NEWEST.name in groups.columns else None
    return Totals(requests, attributed, newest if isinstance(newest, datetime) else None, left_out)


def _sum(numbers: pl.Series) -> int:
    return int(numbers.cast(pl.Int128).sum() or 0)
