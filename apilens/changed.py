"""Two answers to one question, side by side: what each number was before, and by how much it changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from apilens.answer import Answer
from apilens.changed_columns import CHANGED, GONE, NEW, SAME, STATE
from apilens.result import Field

_THERE = "#there"
_DIGITS = 6


def completed(
    answer: Answer, everyone: pl.DataFrame | None, nothing: pl.DataFrame, keys: Sequence[str]
) -> pl.DataFrame:
    """Return the rows of an answer for all groups there are, and whether each has any request (`#there`).

    everyone: the keys of all groups, None where there is but one group. A group that the answer lacks has the numbers
    of `nothing`: 0 of what is counted. Of a whole that is known its share is 0, too.
    """
    if everyone is None:
        return answer.rows.with_columns(pl.lit(answer.totals.requests > 0).alias(_THERE))
    rows = answer.rows.with_columns(pl.lit(True).alias(_THERE))
    rows = everyone.join(rows, on=list(keys), how="left", nulls_equal=True).with_columns(
        pl.col(_THERE).fill_null(False)
    )
    filled = []
    for name in nothing.columns:
        value = nothing[name].item()
        if value is None and name in ("share", "error_share") and answer.rows[name].count():
            value = 0.0
        if value is not None:
            filled.append(pl.when(pl.col(_THERE)).then(pl.col(name)).otherwise(pl.lit(value)).alias(name))
    return rows.with_columns(filled)


def usual(weeks: Sequence[pl.DataFrame], keys: Sequence[str]) -> pl.DataFrame:
    """Return the median of each number over the weeks that have it; a group is there if it is in any week."""
    if len(weeks) == 1:
        return weeks[0]
    rows = pl.concat(weeks, how="vertical_relaxed")
    numbers = [name for name in rows.columns if name not in (*keys, _THERE)]
    # A moment is not usual: what lies between two of them says nothing.
    middle = [
        (pl.lit(None, dtype) if dtype.is_temporal() else pl.col(name).median()).alias(name)
        for name, dtype in rows.select(numbers).schema.items()
    ]
    if not keys:
        return rows.select(*middle, pl.col(_THERE).any())
    return rows.group_by(keys).agg(*middle, pl.col(_THERE).any())


def beside(
    now: pl.DataFrame, before: pl.DataFrame, keys: Sequence[str], fields: Mapping[str, Field], *, shown: Sequence[str]
) -> pl.DataFrame:  # fmt: skip
    """Return the rows with `state`, and X_before, X_change and X_diff of every metric X in `fields`."""
    old = before.select(*keys, *(pl.col(name).alias(f"{name}_before") for name in (*fields, _THERE)))
    rows = now.join(old, on=list(keys), how="left", nulls_equal=True) if keys else now.hstack(old)
    differing = [
        pl.col(name).ne_missing(pl.col(f"{name}_before")) for name in shown if fields[name].unit != "time"
    ]  # fmt: skip
    here, there = pl.col(_THERE), pl.col(f"{_THERE}_before")
    state = (
        pl.when(here & ~there).then(pl.lit(NEW))
        .when(~here & there).then(pl.lit(GONE))
        .when(pl.any_horizontal(pl.lit(False), *differing)).then(pl.lit(CHANGED))
        .otherwise(pl.lit(SAME))
    )  # fmt: skip
    return rows.with_columns(
        state.alias(STATE),
        *(_change(name).alias(f"{name}_change") for name, field in fields.items() if field.unit != "time"),
        *(_diff(name).alias(f"{name}_diff") for name, field in fields.items() if field.unit == "ratio"),
    ).drop(_THERE, f"{_THERE}_before")


def _change(name: str) -> pl.Expr:
    old = pl.col(f"{name}_before").cast(pl.Float64)
    return (pl.when(old > 0).then(pl.col(name).cast(pl.Float64) / old) - 1).round(_DIGITS)


def _diff(name: str) -> pl.Expr:
    return (pl.col(name) - pl.col(f"{name}_before")).round(_DIGITS) + 0.0
