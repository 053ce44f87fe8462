"""From collected groups to an answer: numbers finished, filtered, sorted, cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import narwhals as nw
import polars as pl

from apilens.dimensions import Dimension
from apilens.metrics import REQUESTS, Metric, Part, weight, weight_where
from apilens.quantiles import EXACT_ROWS, buckets, exact_quantiles, from_buckets
from apilens.result import Field

Events = nw.LazyFrame[Any]

ROWS = "#rows"
HEAVIEST = Part("#heaviest", weight(), "max")
NEWEST = Part("#newest", nw.col("timestamp"), "max")
ATTRIBUTED = Part("#attributed", weight_where(~nw.col("account").is_null()), "sum")


@dataclass(frozen=True, slots=True)
class Totals:
    """What all matching requests come to: their number, how many have an account, and when the last one was."""

    requests: int
    attributed: int
    newest: datetime | None

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
    """A planned question. Collect `groups`, then what `quantiles` asks for, then call `finish`.

    requests: the matching requests with the keys of `by` as columns. metrics: all that are computed, of which `shown`
    are columns of the answer; the others serve `having` and `sort`.
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
    def wanted(self) -> dict[str, tuple[str, float]]:
        """The quantiles among the metrics: name → (column, q)."""
        return {name: metric.quantile for name, metric in self.metrics.items() if metric.quantile}

    def quantiles(self, groups: pl.DataFrame) -> tuple[Events, ...]:
        """Return the frames that quantiles need, none where none were asked for; `groups` decides exact or buckets."""
        if not self.wanted:
            return ()
        if is_exact(groups):
            return (exact_quantiles(self.requests, self.keys, self.wanted),)
        return tuple(buckets(self.requests, self.keys, column) for column in _columns(self.wanted))

    def finish(self, groups: pl.DataFrame, quantiles: Sequence[pl.DataFrame] = ()) -> Answer:
        """Return the answer from the collected `groups` and the collected frames of `quantiles(groups)`."""
        joined = groups
        for frame in self._quantile_frames(groups, quantiles):
            joined = _joined(joined, frame, self.keys)
        numbers = joined.select(*self.keys, *(metric.finish.alias(name) for name, metric in self.metrics.items()))
        finished = numbers.with_columns(_settled(numbers[name]) for name in self.metrics)
        if self.having is not None:
            finished = nw.from_native(finished).filter(self.having).to_native()
        first, descending = self.sort
        order = list(dict.fromkeys([first, *self.keys]))
        ranked = finished.sort(order, descending=[descending, *[False] * (len(order) - 1)], nulls_last=True)
        return Answer(
            rows=ranked.head(finished.height if self.limit is None else self.limit).select(*self.keys, *self.shown),
            fields=(
                *(Field(dimension.name, dimension.unit) for dimension in self.by),
                *(Field(name, self.metrics[name].unit, self.metrics[name].better) for name in self.shown),
            ),
            groups=finished.height,
            totals=_totals(groups),
            approximate=bool(self.wanted) and not is_exact(groups),
        )

    def _quantile_frames(self, groups: pl.DataFrame, quantiles: Sequence[pl.DataFrame]) -> Sequence[pl.DataFrame]:
        if not self.wanted or is_exact(groups):
            return quantiles
        return [
            from_buckets(frame, self.keys, [(name, q) for name, (c, q) in self.wanted.items() if c == column])
            for column, frame in zip(_columns(self.wanted), quantiles, strict=True)
        ]


def is_exact(groups: pl.DataFrame) -> bool:
    """Say whether the events behind these groups are few enough, and weigh 1 each, for exact quantiles."""
    if HEAVIEST.name not in groups.columns:
        return True
    heaviest = groups[HEAVIEST.name].max()
    return int(groups[ROWS].sum()) <= EXACT_ROWS and (heaviest is None or int(str(heaviest)) <= 1)


def _columns(wanted: Mapping[str, tuple[str, float]]) -> list[str]:
    return sorted({column for column, _ in wanted.values()})


def _joined(left: pl.DataFrame, right: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    if keys:
        return left.join(right, on=list(keys), how="left", nulls_equal=True)
    if right.is_empty():
        return left.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in right.schema.items())
    return left.hstack(right)


def _settled(numbers: pl.Series) -> pl.Series:
    """Return counts as Int64 (Float64 beyond it) and floats to 6 digits, so that the same events print the same."""
    if numbers.dtype.is_float():
        # Sums of floats differ in the last bits from run to run, since threads add in any order.
        return numbers.round_sig_figs(12).round(6)
    if not numbers.dtype.is_integer():
        return numbers
    whole = numbers.cast(pl.Int64, strict=False)
    return whole if whole.null_count() == numbers.null_count() else numbers.cast(pl.Float64)


def _totals(groups: pl.DataFrame) -> Totals:
    requests = _sum(groups[REQUESTS.name])
    if "account" in groups.columns:
        attributed = _sum(groups.filter(pl.col("account").is_not_null())[REQUESTS.name])
    else:
        attributed = _sum(groups[ATTRIBUTED.name])
    newest = groups[NEWEST.name].max() if NEWEST.name in groups.columns else None
    return Totals(requests, attributed, newest if isinstance(newest, datetime) else None)


def _sum(numbers: pl.Series) -> int:
    return int(numbers.cast(pl.Int128).sum() or 0)
