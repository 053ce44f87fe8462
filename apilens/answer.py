"""From collected groups to an answer: numbers finished, filtered, sorted, cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
# What stands for the keys of a group: see Many.
NUMBER = "#number"
_AT = "#at"
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

    @classmethod
    def sum(cls, parts: Sequence[Totals]) -> Totals:
        """Return what the requests of all parts come to."""
        left_out: Counter[str] = Counter()
        for part in parts:
            left_out.update(part.left_out)
        return cls(
            requests=sum(part.requests for part in parts),
            attributed=sum(part.attributed for part in parts),
            newest=max((part.newest for part in parts if part.newest), default=None),
            left_out=left_out,
        )

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
class Groups:
    """Collected groups, those alone that can be among the first rows of an answer where that is known.

    count: how many there are that pass `having`, None where that takes more than these numbers; so all are here.
    totals: of all. events: how many there are behind all of them. exact: whether these are few enough, and weigh 1
    each, for exact quantiles.
    """

    rows: pl.DataFrame
    count: int | None
    totals: Totals
    events: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Many:
    """How to find the first of more groups than memory should hold: group by one number for their keys, and ask again
    for those alone that may be among the first.

    estimate: about how many groups there are. by_number: the question with that number in place of the keys.
    parted: its groups, in so many parts. among: the question itself, of the groups of these numbers.
    """

    estimate: Events
    by_number: Summary
    parted: Callable[[int], Sequence[Events]]
    among: Callable[[Sequence[int]], Summary]


@dataclass(frozen=True, slots=True)
class Summary:
    """A planned question. Collect `groups`, then the frames of `passes(cut(groups))`, then call `finish`.

    requests: the matching requests with the keys of `by` as columns, and `#failed`. metrics: all that are computed, of
    which `shown` are columns of the answer; the others serve `having`, which names those `judged`, and `sort`. many:
    what to do where there may be more groups than memory should hold.
    """

    groups: Events
    requests: Events
    by: tuple[Dimension, ...]
    metrics: Mapping[str, Metric]
    shown: tuple[str, ...]
    having: nw.Expr | None
    judged: frozenset[str]
    sort: tuple[str, bool]
    limit: int | None
    many: Many | None = None

    @property
    def keys(self) -> list[str]:
        """The names of the dimensions."""
        return [dimension.name for dimension in self.by]

    @property
    def details(self) -> list[Detail]:
        """What the metrics need beyond the groups."""
        return details_of(self.metrics)

    @property
    def _plain(self) -> dict[str, Metric]:
        """The metrics that each group gives by itself."""
        return {name: item for name, item in self.metrics.items() if not item.details and not item.of_all}

    @property
    def cuttable(self) -> bool:
        """Whether groups say by themselves which of them are the first."""
        if self.limit is None or not self.by or any(metric.of_all for metric in self.metrics.values()):
            return False
        return {*self.judged, self.sort[0]} <= {*self._plain, *self.keys}

    def cut(self, groups: pl.DataFrame) -> Groups:
        """Return what is needed of collected groups."""
        inside, left_out = split(groups, REQUESTS.name)
        known = _totals(inside, left_out), _sum(inside[ROWS]), is_exact(inside)
        if not self.cuttable:
            return Groups(inside, None, *known)
        ranked = self._ranked(self._finished(inside.with_row_index(_AT), self._plain, [_AT]))
        return Groups(inside[ranked.head(self.limit or 0)[_AT]], ranked.height, *known)

    def best(self, groups: pl.DataFrame) -> Groups:
        """Return the first of collected groups, and all that are no worse than the last of them but for their keys."""
        inside, left_out = split(groups, REQUESTS.name)
        numbers = self._finished(inside, self._plain)
        name, falling = self.sort
        rows = _no_worse(numbers, name, self.limit or 0, falling=falling)
        return Groups(rows, numbers.height, _totals(inside, left_out), _sum(inside[ROWS]), is_exact(inside))

    def best_of(self, parts: Sequence[Groups]) -> Groups:
        """Return the best of all parts, of which none has a group that another one has."""
        name, falling = self.sort
        rows, limit = pl.concat([part.rows for part in parts]), self.limit or 0
        return Groups(
            _no_worse(rows, name, limit, falling=falling), sum(part.count or 0 for part in parts),
            Totals.sum([part.totals for part in parts]), sum(part.events for part in parts),
            all(part.exact for part in parts),
        )  # fmt: skip

    def passes(self, groups: Groups) -> list[Pass]:
        """Return the further passes that the metrics need, none for most; `groups` decides exact quantiles or not."""
        return passes(
            self.details, self.requests, self.keys, exact=groups.exact, rows=groups.events,
            among=self._among(groups),
        )  # fmt: skip

    def finish(self, groups: Groups, made: Sequence[tuple[Pass, pl.DataFrame]] = ()) -> Answer:
        """Return the answer from the collected `groups`, and each pass with the frame that was collected for it."""
        whole = joined(groups.rows, [finished(done, frame, self.keys) for done, frame in made], self.keys)
        ranked = self._ranked(self._finished(whole, self.metrics))
        return Answer(
            rows=ranked.head(ranked.height if self.limit is None else self.limit).select(*self.keys, *self.shown),
            fields=(
                *(Field(dimension.name, dimension.unit) for dimension in self.by),
                *(Field(name, self.metrics[name].unit, self.metrics[name].better) for name in self.shown),
            ),
            groups=ranked.height if groups.count is None else groups.count,
            totals=groups.totals,
            approximate=any(isinstance(item, Quantile) for item in self.details) and not groups.exact,
        )

    def _finished(
        self, whole: pl.DataFrame, metrics: Mapping[str, Metric], also: Sequence[str] = ()
    ) -> pl.DataFrame:  # fmt: skip
        """Return keys and finished numbers of the groups that pass `having`."""
        numbers = whole.select(*self.keys, *(metric.finish.alias(name) for name, metric in metrics.items()), *also)
        settled = numbers.with_columns(_settled(numbers[name]) for name in metrics)
        return settled if self.having is None else nw.from_native(settled).filter(self.having).to_native()

    def _ranked(self, numbers: pl.DataFrame) -> pl.DataFrame:
        first, falling = self.sort
        order = list(dict.fromkeys([first, *self.keys]))
        return numbers.sort(order, descending=[falling, *[False] * (len(order) - 1)], nulls_last=True)

    def _among(self, groups: Groups) -> nw.Expr | None:
        """Return a condition that all requests of these groups meet, and few others, None where all groups are here."""
        if groups.count is None or groups.count == groups.rows.height:
            return None
        found: nw.Expr | None = None
        for dimension in self.by:
            # Narwhals hands other names to DuckDB as columns of a table.
            if dimension.dtype != pl.String or "." in dimension.name:
                continue
            values, column = groups.rows[dimension.name].unique(), nw.col(dimension.name)
            one = column.is_in(values.drop_nulls().to_list())
            one = one | column.is_null() if values.null_count() else one
            found = one if found is None else found & one
        return found


def _no_worse(rows: pl.DataFrame, name: str, limit: int, *, falling: bool) -> pl.DataFrame:
    """Return the first rows by a number, and all that are like the last of them; null comes last."""
    known = rows[name].drop_nulls()
    if known.len() < limit:
        return rows
    bound = known.top_k(limit).min() if falling else known.bottom_k(limit).max()
    return rows.filter(pl.col(name) >= bound if falling else pl.col(name) <= bound)


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
