"""Who stopped in a funnel or got how far, what they did next, and what failed last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import narwhals as nw
import polars as pl

from apilens.answer import Events
from apilens.funnel_rows import MOMENT, ORDER, Rows
from apilens.funnels import Attempts
from apilens.result import Field

_NEXT, _ERROR = "next", "last_error"
_WHAT = ("kind", "action", "endpoint", "status")


def fields_of(unit: str, *, dropped: bool) -> tuple[Field, ...]:
    """Return what the columns of the list mean."""
    times = (Field("began", "time"), Field("reached", "time"))
    if not dropped:
        return (Field(unit), Field("step", "text"), *times)
    return (
        Field(unit), *times, Field(_NEXT), Field("next_at", "time"), Field(_ERROR), Field("last_error_at", "time"),
    )  # fmt: skip


def people(found: Sequence[Attempts], chosen: pl.Expr, *, unit: str) -> pl.DataFrame:
    """Return the chosen attempts by who made them: `unit` by name, `step` (how far), `began`, `reached` (the last step)
    and where that stands among the events; who got there last comes first.
    """
    table = pl.concat([_people(part.rows, part.table.filter(chosen), unit) for part in found])
    return table.sort("reached", unit, "began", descending=[True, False, True])


def _people(rows: Rows, attempts: pl.DataFrame, unit: str) -> pl.DataFrame:
    places = rows.frame.select(ORDER)[attempts["last"]].cast({"source": pl.String})
    return rows.named(attempts).select(
        pl.col("name").alias(unit), pl.col("depth").cast(pl.Int64).alias("step"),
        pl.lit(rows.moments(attempts["first"])).alias("began"), pl.lit(rows.moments(attempts["last"])).alias("reached"),
        *places.get_columns(),
    )  # fmt: skip


def afterwards(events: Events, listed: pl.DataFrame, *, unit: str, failed: nw.Expr) -> Events:
    """Return what those who are listed did from when they began: `failed` says which of it were errors."""
    began = listed["began"].min()
    whose = events.filter(nw.col(unit).is_in(listed[unit].to_list()))
    if isinstance(began, datetime):
        whose = whose.filter(nw.col(MOMENT) >= nw.lit(began, nw.Datetime("us", "UTC")))
    is_error = nw.coalesce(failed, nw.lit(False)) & (nw.col("kind") == "request")
    return whose.select(unit, MOMENT, *ORDER, *_WHAT, is_error.alias("failed"))


def dropped_rows(listed: pl.DataFrame, events: pl.DataFrame, *, unit: str) -> pl.DataFrame:
    """Return the list with the first event behind the last step (`next`), and the last error since they began."""
    what = pl.when(pl.col("kind") == "action").then("action").otherwise("endpoint")
    worded = pl.concat_str(
        what.fill_null("(unknown)"), pl.col("status").cast(pl.String), separator=" ", ignore_nulls=True
    )
    told = events.with_columns(pl.col("source").cast(pl.String), worded.alias("what")).sort(unit, MOMENT, *ORDER)
    left = listed.with_columns(pl.col("source").cast(pl.String)).with_row_index("at")
    both = left.join(told, on=unit, suffix="_of")
    behind = both.filter(_after([(MOMENT, "reached"), *((f"{name}_of", name) for name in ORDER)]))
    following = _one_each(behind, _NEXT, last=False)
    failures = _one_each(both.filter(pl.col("failed") & (pl.col(MOMENT) >= pl.col("began"))), _ERROR, last=True)
    table = left.join(following, on="at", how="left").join(failures, on="at", how="left").sort("at")
    return table.select(field.name for field in fields_of(unit, dropped=True))


def _one_each(events: pl.DataFrame, name: str, *, last: bool) -> pl.DataFrame:
    ordered = events.sort("at", MOMENT, *(f"{part}_of" for part in ORDER))
    one = ordered.unique("at", keep="last" if last else "first", maintain_order=True)
    return one.select("at", pl.col("what").alias(name), pl.col(MOMENT).alias(f"{name}_at"))


def _after(pairs: Sequence[tuple[str, str]]) -> pl.Expr:
    """Return whether the first columns, taken together, are greater than the second ones."""
    greater = pl.lit(False)
    for mine, other in reversed(pairs):
        greater = (pl.col(mine) > pl.col(other)) | ((pl.col(mine) == pl.col(other)) & greater)
    return greater
