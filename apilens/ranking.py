"""The greatest rows of a lazy frame, found by the engine: nobody collects a million groups to show twenty."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw

from apilens.answer import Events

_FALLING = "#falling"
_UNNAMED = "#unnamed"


def top(groups: Events, *, by: str, keys: Sequence[str], limit: int | None) -> Events:
    """Return the rows in which `by` is greatest, the greatest first, ties in the order of `keys`; all without limit."""
    ranked = groups.sort(by, *keys, descending=[True, *[False] * len(keys)], nulls_last=True)
    return ranked if limit is None else ranked.head(limit)


def placed(groups: Events, *, within: Sequence[str], by: str, name: str) -> Events:
    """Return the rows with their place (`#place`, from 1) among those of the same `within`, by a falling number.

    name: the column that tells rows apart; ties go in its order, and the row without a name comes last.
    """
    ordered = groups.with_columns((-nw.col(by)).alias(_FALLING), nw.col(name).is_null().cast(nw.Int8).alias(_UNNAMED))
    place = nw.col(_FALLING).cum_count().over(*within, order_by=[_UNNAMED, _FALLING, name])
    return ordered.with_columns(place.cast(nw.Int64).alias("#place")).drop(_FALLING, _UNNAMED)
