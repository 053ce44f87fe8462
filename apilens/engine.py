"""The event table as a lazy query: Parquet files in, one `nw.LazyFrame` out, whichever engine runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import polars as pl

from apilens.schema import DTYPES

# Parquet statistics, row counts and column types come from the files; `day` does not, it is their folder's name.
PARTITION = "day"


def scan(files: Sequence[str], dtypes: Mapping[str, pl.DataType] = DTYPES) -> nw.LazyFrame[Any]:
    """Return the events of these Parquet files, lazily, with exactly the columns of `dtypes`, in that order.

    A column that a file lacks is null; one that the table does not know is left out. `day` is taken from `timestamp`.
    No file at all gives an empty frame of the same columns. Nothing is read before somebody collects.
    """
    stored = {name: dtype for name, dtype in dtypes.items() if name != PARTITION}
    if not files:
        return nw.from_native(pl.LazyFrame(schema=dict(dtypes)))
    frame = pl.scan_parquet(
        list(files),
        schema=stored,
        hive_partitioning=False,
        missing_columns="insert",
        extra_columns="ignore",
        glob=False,
        # Other writers of the same table may have narrower integers or coarser times.
        cast_options=pl.ScanCastOptions(
            integer_cast="upcast",
            float_cast="upcast",
            datetime_cast=["nanosecond-downcast", "microsecond-downcast", "convert-timezone"],
        ),
    )
    return nw.from_native(frame.with_columns(pl.col("timestamp").dt.date().alias(PARTITION)).select(list(dtypes)))


def frame(events: pl.DataFrame | pl.LazyFrame) -> nw.LazyFrame[Any]:
    """Return a Polars frame as the lazy frame that queries take."""
    return nw.from_native(events.lazy())


def joined(events: nw.LazyFrame[Any], table: pl.DataFrame, *, on: str) -> nw.LazyFrame[Any]:
    """Return the events with the columns of a small table beside them, found by its key column `on`, null where it
    has no such key. Keys of the table are distinct: no event is doubled.
    """
    return events.join(nw.from_native(table.lazy()), on=on, how="left")


def renamed(events: nw.LazyFrame[Any], column: str, names: Mapping[str, str]) -> nw.LazyFrame[Any]:
    """Return the events with each text of a column that is a key of `names` replaced by what it is called there."""
    if events.implementation is nw.Implementation.POLARS:
        native: pl.LazyFrame = nw.to_native(events)
        return nw.from_native(native.with_columns(pl.col(column).replace(names)))
    table = pl.DataFrame({column: list(names), "#now": list(names.values())})
    now = nw.coalesce(nw.col("#now"), nw.col(column)).alias(column)
    return joined(events, table, on=column).with_columns(now).drop("#now")


def with_hashes(events: nw.LazyFrame[Any], names: Mapping[str, str]) -> nw.LazyFrame[Any]:
    """Return the events with a column per entry (new name → column) that is fit for counting distinct values.

    On Polars that is a 64-bit hash, null where the value is null: counting distinct integers takes half the time and
    memory of counting text, and two of a million values share a hash with a chance below 1 in 10 million. Elsewhere it
    is the column itself.
    """
    if not names:
        return events
    if events.implementation is nw.Implementation.POLARS:
        native: pl.LazyFrame = nw.to_native(events)
        hashed = [pl.when(pl.col(c).is_not_null()).then(pl.col(c).hash()).alias(new) for new, c in names.items()]
        return nw.from_native(native.with_columns(hashed))
    return events.with_columns(nw.col(column).alias(new) for new, column in names.items())
