"""Working on the distinct values of a column instead of on its rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any

import polars as pl

# So many rows tell whether values repeat; where they do not, looking each one up costs more than it saves.
_SAMPLE = 4096
# Remembering more texts than this would take memory for ones that hardly come back.
_MOST_KNOWN = 50_000
_TEXT = pl.String()


def split_distinct(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the distinct texts (never null), and for each row the index of its text among them (null for null)."""
    # The dictionary is this column's own and goes when it goes. A join would take three times as long.
    coded = values.cast(pl.Categorical(pl.Categories.random()))
    codes = coded.to_physical()
    distinct = coded.unique().drop_nulls()
    return distinct.cast(pl.String).gather(distinct.to_physical().arg_sort()), codes


def map_distinct(
    values: pl.Series, work: Callable[[pl.Series], pl.Series], *, known: dict[str, Any] | None = None,
    dtype: pl.DataType = _TEXT,
) -> pl.Series:  # fmt: skip
    """Return work(values), worked out on the distinct texts only where texts repeat.

    `work` keeps the length and order of its input, and null null. known: what `work` gave for texts of earlier blocks
    (from `memory`); it must be a function of the text alone. dtype: of what `work` gives.
    """
    if values.null_count() == len(values):
        return pl.repeat(None, len(values), dtype=dtype, eager=True).alias(values.name)
    sample = values.head(_SAMPLE)
    if sample.n_unique() > sample.len() // 2:
        return work(values).alias(values.name)
    distinct, index = split_distinct(values)
    made = work(distinct) if known is None else _recalled(distinct, work, known, dtype)
    return made.gather(index).alias(values.name)


@lru_cache(maxsize=64)
def memory(kind: str, *settings: Hashable) -> dict[str, Any]:
    """Return what is known of a kind of texts under these settings, for `map_distinct` to use and to add to.

    Block after block has the same user agents and parameter names, and compiling the expressions that read them costs
    more than a few hundred look-ups.
    """
    return {}


def _recalled(
    distinct: pl.Series, work: Callable[[pl.Series], pl.Series], known: dict[str, Any], dtype: pl.DataType
) -> pl.Series:
    texts: list[str] = distinct.to_list()
    new = [text for text in texts if text not in known]
    if len(known) + len(new) > _MOST_KNOWN:
        return work(distinct)
    if new:
        known.update(zip(new, work(pl.Series(new, dtype=pl.String)).to_list(), strict=True))
    return pl.Series([known[text] for text in texts], dtype=dtype)


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
