"""Working on the distinct values of a column instead of on its rows."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl


def map_distinct(values: pl.Series, work: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return work(values), worked out on the distinct values only. `work` keeps the length and order of its input."""
    distinct = values.unique()
    if distinct.len() > values.len() // 2:
        # Looking values up would cost more than it saves.
        return work(values).alias(values.name)
    return pick(values, distinct, work(distinct))


def map_distinct_python(values: pl.Series, work: Callable[[str], str | None]) -> pl.Series:
    """Return work(value) for each text, called once for each distinct one; null stays null.

    For what Polars cannot do: cryptographic hashes, percent-decoding, reading a token.
    """
    distinct = values.drop_nulls().unique()
    made = pl.Series([work(value) for value in distinct], dtype=pl.String)
    return pick(values, distinct, made)


def pick(values: pl.Series, distinct: pl.Series, made: pl.Series) -> pl.Series:
    """Return for each value what stands in `made` where `distinct` has it; null where it is not there."""
    looked_up = pl.DataFrame({"key": distinct, "made": made})
    joined = pl.DataFrame({"key": values}).join(
        looked_up, on="key", how="left", nulls_equal=True, maintain_order="left"
    )
    return joined["made"].alias(values.name)
