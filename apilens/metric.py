"""What a metric is: what each row gives, how a group combines that, and how the number is finished.

`parts` say what each row gives and how rows combine (parts of the same name are computed once). What one pass over
groups cannot give is a `detail`: a quantile, a number over a second key, retries, sessions; apilens.details
computes them. `finish` makes the number from both, on the small result with one row per group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import narwhals as nw
import polars as pl

from apilens.result import Better, Unit

OverKey = Literal["endpoint", "day", "month"]
Combine = Literal["sum", "min", "max", "distinct"]

# No service samples one call in a billion; and 8 billion events of such a weight still sum up in 64 bits.
MAX_WEIGHT = 2**30
# What an error is unless settings say otherwise.
IS_ERROR = nw.col("status") >= 400


@dataclass(frozen=True, slots=True)
class Part:
    """What rows give to a metric: the value of one row, and how the values of a group combine.

    `distinct` counts distinct values that are not null and names its column in `of`. A part counts requests only,
    unless `every_kind`, which counts actions too; with `of_errors` only those that are errors, whatever that means.
    """

    name: str
    row: nw.Expr
    combine: Combine
    of: str = ""
    every_kind: bool = False
    of_errors: bool = False


@dataclass(frozen=True, slots=True)
class Quantile:
    """The q-quantile of a numeric column, as a column of that name."""

    name: str
    column: str
    q: float


@dataclass(frozen=True, slots=True)
class Over:
    """A number over what a group's events come to for each value of a second key, as a column of that name.

    key: `endpoint`, `day` or `month` (UTC). The table it is computed on has the group, `#key`, `#requests` and
    `#errors`. row: what a row of that table gives; it may look at all groups. number: the rows of a group combined.
    nulls: whether events without the key count too.
    """

    name: str
    key: OverKey
    row: pl.Expr
    number: pl.Expr
    nulls: bool = False


@dataclass(frozen=True, slots=True)
class Retries:
    """Requests that repeat a failed one, as a column of that name."""

    name: str


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions that have a request in the group, as a column of that name."""

    name: str


Detail = Quantile | Over | Retries | Sessions


@dataclass(frozen=True, slots=True)
class Metric:
    """A number by group: `finish` over the columns named by `parts` and `details`; `needs` are columns of events.

    of_all: `finish` looks at all groups, not at one alone.
    """

    name: str
    help: str
    unit: Unit
    better: Better
    needs: tuple[str, ...]
    parts: tuple[Part, ...]
    finish: pl.Expr
    details: tuple[Detail, ...] = ()
    of_all: bool = False


def weight() -> nw.Expr:
    """Return how many events a row stands for, bounded so that no sum of them can wrap."""
    return nw.col("weight").clip(0, MAX_WEIGHT)


def weight_where(condition: nw.Expr) -> nw.Expr:
    """Return the weight of rows for which the condition is true, 0 where it is false or null."""
    return nw.when(condition).then(weight()).otherwise(nw.lit(0))


def value(column: str) -> nw.Expr:
    """Return a numeric column as Float64, null where it is NaN or infinite: one NaN would swallow a whole mean."""
    number = nw.col(column).cast(nw.Float64)
    return nw.when(number.is_finite()).then(number)


def ratio(part: str, whole: str) -> pl.Expr:
    """Return part / whole of two columns, null where the whole is 0."""
    return pl.when(pl.col(whole) != 0).then(pl.col(part).cast(pl.Float64) / pl.col(whole).cast(pl.Float64))


REQUESTS = Part("#requests", weight(), "sum")
ERRORS = Part("#errors", weight(), "sum", of_errors=True)


def mean_of(name: str, column: str, help: str, unit: Unit, better: Better = "") -> Metric:
    """Return the weighted mean of a numeric column over the events that have it."""
    total = Part(f"#sum:{column}", value(column) * weight().cast(nw.Float64), "sum")
    known = Part(f"#known:{column}", weight_where(~value(column).is_null()), "sum")
    return Metric(name, help, unit, better, ("weight", column), (total, known), ratio(total.name, known.name))


def sum_of(name: str, column: str, help: str, unit: Unit, *, whole: bool) -> Metric:
    """Return the weighted sum of a numeric column, 0 where no event has it; exact for whole numbers."""
    number, kind = (nw.col(column), nw.Int128) if whole else (value(column), nw.Float64)
    part = Part(f"#total:{column}", number.cast(kind) * weight().cast(kind), "sum")
    return Metric(name, help, unit, "", ("weight", column), (part,), pl.col(part.name))


def quantile_of(name: str, column: str, q: float, help: str, unit: Unit, better: Better = "") -> Metric:
    """Return the q-quantile of a numeric column over the events that have it, linearly interpolated."""
    return Metric(name, help, unit, better, ("weight", column), (), pl.col(name), (Quantile(name, column, q),))
