"""Two dimensions against each other: which of their keys are shown, and the rest as `(other)`.

The rest is made of the events themselves, so that any metric of it is right: a percentile is not the mean of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import polars as pl

from apilens.answer import Events
from apilens.dimensions import Dimension
from apilens.left_out import inside
from apilens.ranking import top
from apilens.result import REST

TEXT = pl.String()


@dataclass(frozen=True, slots=True)
class Axis:
    """A dimension as the rows or columns of a crossing: so many of its keys, None for all.

    Keys are text, times and dates excepted: those cannot stand together as `(other)`, and the newest are shown.
    """

    dimension: Dimension
    limit: int | None

    @property
    def name(self) -> str:
        """The name of the dimension."""
        return self.dimension.name

    @property
    def is_time(self) -> bool:
        """Whether its keys are times or dates."""
        return bool(self.dimension.dtype.is_temporal())

    @property
    def dtype(self) -> pl.DataType:
        """The type of its keys."""
        return self.dimension.dtype if self.is_time else TEXT

    @property
    def is_ordered(self) -> bool:
        """Whether its keys have an order of their own: times, numbers, classes of status."""
        return self.is_time or self.dimension.dtype.is_numeric() or self.name == "status_class"

    @property
    def is_few(self) -> bool:
        """Whether there are no more than some hundred thousand different keys of it in any log."""
        return not self.dimension.many and (not self.is_time or self.dimension.dtype == pl.Date)

    def keys(self, groups: Events, by: str) -> Events:
        """Return the keys that are shown, those with most of `by` or the newest, from what they come to; not null."""
        known = inside(groups).filter(~nw.col(self.name).is_null())
        ranked = top(known, by=self.name if self.is_time else by, keys=[self.name], limit=self.limit)
        return ranked.select(self._text(nw.col(self.name)).alias("key"))

    def label(self, shown: Sequence[Any], key: nw.Expr | None = None) -> nw.Expr:
        """Return what an event's key, or another one, is called: itself, or `(other)`."""
        key = self._text(self.dimension.expr if key is None else key)
        if self.is_time or self.limit is None or len(shown) < self.limit:
            return key
        return nw.when(key.is_in(list(shown))).then(key).when(~key.is_null()).then(nw.lit(REST))

    def order(self, shown: Sequence[Any], found: pl.Series) -> list[Any]:
        """Return the keys among those found in the order in which they stand: nothing, then the rest, last."""
        present = set(found.unique())
        keys = [key for key in shown if key in present]
        if self.is_ordered:
            keys.sort(key=float if self.dimension.dtype.is_numeric() else None)
        return [*keys, *(key for key in (None, REST) if key in present)]

    def _text(self, key: nw.Expr) -> nw.Expr:
        return key if self.is_time or self.dimension.dtype == TEXT else key.cast(nw.String)
