"""Chance that is the same on every machine and with every version: numbers mixed from a row's index and a salt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TypeVar

import polars as pl

_GOLDEN = 0x9E3779B97F4A7C15
_WORD = 1 << 64

T = TypeVar("T")


def mixed(index: pl.Expr, salt: int) -> pl.Expr:
    """Return 64 well-mixed bits for each index: the splitmix64 finaliser (Steele, Lea, Flood 2014)."""

    def number(value: int) -> pl.Expr:
        return pl.lit(value % _WORD, dtype=pl.UInt64)

    # Polars' UInt64 wraps, as the algorithm wants it; it has no shift, so a power of two divides.
    word = index.cast(pl.UInt64) * number(_GOLDEN) + number((salt + 1) * 0xD1342543DE82EF95)
    word = (word ^ (word // number(1 << 30))) * number(0xBF58476D1CE4E5B9)
    word = (word ^ (word // number(1 << 27))) * number(0x94D049BB133111EB)
    return word ^ (word // number(1 << 31))


def chance(index: pl.Expr, salt: int) -> pl.Expr:
    """Return a number in [0, 1) for each index."""
    return (mixed(index, salt) // pl.lit(1 << 11, dtype=pl.UInt64)).cast(pl.Float64) / float(1 << 53)


def below(index: pl.Expr, salt: int, limit: int) -> pl.Expr:
    """Return a whole number from 0 to limit - 1 for each index."""
    return (mixed(index, salt) % pl.lit(limit, dtype=pl.UInt64)).cast(pl.Int64)


def pick(index: pl.Series, salt: int, weights: Mapping[str, float]) -> pl.Series:
    """Return one of the names for each index, as often as its weight says."""
    names, shares = list(weights), list(accumulate(weights.values()))
    at = pl.DataFrame({"index": index}).select(chance(pl.col("index"), salt) * shares[-1]).to_series()
    found = pl.Series(shares, dtype=pl.Float64).search_sorted(at, side="right")
    return pl.Series(names, dtype=pl.String).gather(found)


def quantile_of(position: pl.Series, weights: Sequence[float]) -> pl.Series:
    """Return where in `weights` each position in [0, 1) falls: 2.25 is a quarter into the third one."""
    ends = list(accumulate(weights))
    at = position * ends[-1]
    slot = pl.Series(ends, dtype=pl.Float64).search_sorted(at, side="right").clip(0, len(weights) - 1)
    starts = pl.Series([0.0, *ends[:-1]]).gather(slot)
    return slot.cast(pl.Float64) + (at - starts) / pl.Series(weights, dtype=pl.Float64).gather(slot)
