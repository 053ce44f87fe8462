"""Quantiles by group: exact on small data, from logarithmic buckets on large or weighted data.

Both mean the same: each event stands `weight` times in the sorted list of n values, and the q-quantile lies at rank
q × (n − 1), linearly interpolated between its two neighbours. A bucket holds the values from γ^(k−1) to γ^k and gives
2γ^k / (γ + 1) for them, which is off by at most 1 % for γ = 1.01 / 0.99 (DDSketch, Masson et al., VLDB 2019).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import narwhals as nw
import polars as pl

from apilens.engine import grouped
from apilens.metric import value, weight

EXACT_ROWS = 2_000_000
ERROR = 0.01

_GAMMA = (1 + ERROR) / (1 - ERROR)
# Float64 spans γ^±36,000; beyond this offset every positive value has a positive bucket, and 0 stays free for zero.
_OFFSET = 50_000
_ALL = "#all"


def exact_quantiles(
    events: nw.LazyFrame[Any], keys: Sequence[str], wanted: dict[str, tuple[str, float]]
) -> nw.LazyFrame[Any]:
    """Return keys plus one Float64 column per wanted name → (column, q), for events that weigh 1 each."""
    columns = sorted({column for column, _ in wanted.values()})
    values = events.select(*keys, *(value(column).alias(f"#value:{column}") for column in columns))
    quantiles = [
        nw.col(f"#value:{c}").quantile(q, interpolation="linear").alias(name) for name, (c, q) in wanted.items()
    ]
    return grouped(values, keys, *quantiles) if keys else values.select(*quantiles)


def buckets(events: nw.LazyFrame[Any], keys: Sequence[str], column: str) -> nw.LazyFrame[Any]:
    """Return the weight in each bucket of a column by keys: keys, `#bucket` Int32, `#weight`."""
    number = value(column)
    magnitude = (number.abs().log() / math.log(_GAMMA)).ceil() + _OFFSET
    bucket = nw.when(number > 0).then(magnitude).when(number < 0).then(-magnitude).otherwise(nw.lit(0.0))
    rows = events.select(
        *keys, nw.when(~number.is_null()).then(bucket).cast(nw.Int32).alias("#bucket"), weight().alias("#weight")
    )
    return grouped(rows.filter(~nw.col("#bucket").is_null()), [*keys, "#bucket"], nw.col("#weight").sum())


def bucket_value() -> pl.Expr:
    """Return the value that stands for those of a `#bucket`."""
    power = pl.col("#bucket").abs().cast(pl.Float64) - _OFFSET
    middle = pl.col("#bucket").sign() * (2 / (_GAMMA + 1)) * (power * math.log(_GAMMA)).exp()
    return pl.when(pl.col("#bucket") == 0).then(0.0).otherwise(middle)


def from_buckets(filled: pl.DataFrame, keys: Sequence[str], wanted: Iterable[tuple[str, float]]) -> pl.DataFrame:
    """Return keys plus one Float64 column per wanted (name, q) from the frame that `buckets` describes."""
    by = [*keys, _ALL]
    ranked = (
        filled.with_columns(
            pl.lit(0, pl.Int8).alias(_ALL), bucket_value().alias("#value"), pl.col("#weight").cast(pl.Float64)
        )
        .sort("#bucket")
        .with_columns(pl.col("#weight").cum_sum().over(by).alias("#upto"), pl.col("#weight").sum().over(by).alias("#n"))
    )
    return ranked.group_by(by).agg(_at(q).alias(name) for name, q in wanted).drop(_ALL)


def _at(q: float) -> pl.Expr:
    # Values rise with buckets, so the bucket that holds a rank is the least of those that reach beyond it.
    rank = q * (pl.col("#n") - 1)
    low = pl.col("#value").filter(pl.col("#upto") > rank.floor()).min()
    high = pl.col("#value").filter(pl.col("#upto") > rank.ceil()).min()
    return low + (high - low) * (rank - rank.floor()).first()
