"""Working on the distinct values of a column instead of on its rows."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

# So many rows tell whether values repeat; where they do not, looking each one up costs more than it saves.
_SAMPLE = 4096


def split_distinct(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the distinct texts (never null), and for each row the index of its text among them (null for null)."""
    # The dictionary is this column's own and goes when it goes. A join would take three times as long.
    coded = values.cast(pl.Categorical(pl.Categories.random()))
    codes = coded.to_physical()
    distinct = coded.unique().drop_nulls()
    return distinct.cast(pl.String).gather(distinct.to_physical().arg_sort()), codes


def map_distinct(values: pl.Series, work: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return work(values), worked out on the distinct texts only where texts repeat.

    `work` keeps the length and order of its input, and null null.
    """
    sample = values.head(_SAMPLE)
    if sample.n_unique() > sample.len() // 2:
        return work(values).alias(values.name)
    distinct, index = split_distinct(values)
    return work(distinct).gather(index).alias(values.name)


def map_distinct_python(values: pl.Series, work: Callable[[str], str | None]) -> pl.Series:
    """Return work(value) for each text, called once for each distinct one; null stays null.

    For what Polars cannot do: cryptographic hashes, percent-decoding, reading a token.
    """
    distinct, index = split_distinct(values)
    made = pl.Series([work(value) for value in distinct], dtype=pl.String)
    return made.gather(index).alias(values.name)


def pick(values: pl.Series, distinct: pl.Series, made: pl.Series) -> pl.Series:
    """Return for each value what stands in `made` where `distinct` has it; null where it is not there."""
    looked_up = pl.DataFrame({"key": distinct, "made": made})
    joined = pl.DataFrame({"key": values}).join(
        looked_up, on="key", how="left", nulls_equal=True, maintain_order="left"
    )
    return joined["made"].alias(values.name)
