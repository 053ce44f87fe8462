"""The event table as a lazy query: Parquet files in, one `nw.LazyFrame` out, whichever engine runs it."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import xor
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import polars as pl

from apilens.errors import UsageError
from apilens.places import cloud
from apilens.schema import DTYPES

if TYPE_CHECKING:
    import duckdb

Engine = Literal["polars", "duckdb"]
ENGINES: tuple[Engine, ...] = ("polars", "duckdb")

# Parquet statistics, row counts and column types come from the files; `day` does not, it is their folder's name.
PARTITION = "day"


def scan(
    files: Sequence[str], dtypes: Mapping[str, pl.DataType] = DTYPES, *, engine: Engine = "polars"
) -> nw.LazyFrame[Any]:
    """Return the events of these Parquet files, lazily, with exactly the columns of `dtypes`, in that order.

    A column that a file lacks is null; one that the table does not know is left out. `day` is taken from `timestamp`.
    No file at all gives an empty frame of the same columns. Nothing is read before somebody collects. Raises UsageError
    for an engine that is not installed, or cannot get at the files.
    """
    if engine == "duckdb":
        return _scan_by_duckdb(files, dtypes)
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
        storage_options=cloud(files),
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
    beside = table.lazy() if events.implementation is nw.Implementation.POLARS else _duckdb().from_arrow(table)
    return events.join(nw.from_native(beside), on=on, how="left")


def renamed(events: nw.LazyFrame[Any], column: str, names: Mapping[str, str]) -> nw.LazyFrame[Any]:
    """Return the events with each text of a column that is a key of `names` replaced by what it is called there."""
    if events.implementation is nw.Implementation.POLARS:
        native: pl.LazyFrame = nw.to_native(events)
        return nw.from_native(native.with_columns(pl.col(column).replace(names)))
    table = pl.DataFrame({column: list(names), "#now": list(names.values())})
    now = nw.coalesce(nw.col("#now"), nw.col(column)).alias(column)
    return joined(events, table, on=column).with_columns(now).drop("#now")


def grouped(events: nw.LazyFrame[Any], keys: Sequence[str], *numbers: nw.Expr) -> nw.LazyFrame[Any]:
    """Return these numbers of the events of each group of `keys`, whatever the keys are called.

    Narwhals hands the keys to DuckDB as SQL, where `account.plan` is a column of a table `account`.
    """
    plain = {key: f"#key:{at}" for at, key in enumerate(keys) if "." in key}
    if not plain or events.implementation is nw.Implementation.POLARS:
        return events.group_by(*keys).agg(*numbers)
    groups = events.rename(plain).group_by(*(plain.get(key, key) for key in keys)).agg(*numbers)
    return groups.rename({name: key for key, name in plain.items()})


def coded(events: nw.LazyFrame[Any], columns: Sequence[str]) -> nw.LazyFrame[Any]:
    """Return the events with these texts as numbers with a list of texts (categories), where the engine has such.

    Of millions of events with an account each, that leaves four bytes apiece.
    """
    if events.implementation is not nw.Implementation.POLARS:
        return events
    native: pl.LazyFrame = nw.to_native(events)
    return nw.from_native(native.with_columns(pl.col(c).cast(pl.Categorical(pl.Categories.random())) for c in columns))


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


def keyed(events: nw.LazyFrame[Any], name: str, columns: Sequence[str]) -> nw.LazyFrame[Any]:
    """Return the events with a 64-bit number, `name`, for what these columns hold together; nulls are alike.

    Two of a million combinations share a number with a chance below 1 in 10 million.
    """
    native: Any = nw.to_native(events)
    if isinstance(native, pl.LazyFrame):
        hashes = (pl.col(column).hash(seed=seed) for seed, column in enumerate(columns))
        return frame(native.with_columns(reduce(xor, hashes).alias(name)))
    listed = ", ".join(f'"{column}"' for column in columns)
    numbered: nw.LazyFrame[Any] = nw.from_native(native.project(f'*, hash({listed}) AS "{name}"'))
    return numbered


def roughly_distinct(events: nw.LazyFrame[Any], key: str) -> nw.LazyFrame[Any]:
    """Return one number: about how many values of a key (see `keyed`) there are, within some per cent."""
    native: Any = nw.to_native(events)
    if isinstance(native, pl.LazyFrame):
        return frame(native.select(pl.col(key).approx_n_unique()))
    counted: nw.LazyFrame[Any] = nw.from_native(native.aggregate(f'approx_count_distinct("{key}") AS "{key}"'))
    return counted


def parted(events: nw.LazyFrame[Any], key: str, parts: int) -> list[nw.LazyFrame[Any]]:
    """Return the events in so many parts of about the same size, each with all events of its keys (see `keyed`)."""
    if parts == 1:
        return [events]
    native: Any = nw.to_native(events)
    if isinstance(native, pl.LazyFrame):
        return [nw.from_native(native.filter(pl.col(key) % parts == part)) for part in range(parts)]
    return [nw.from_native(native.filter(f'"{key}" % {parts} = {part}')) for part in range(parts)]


_SQL_TYPES: Mapping[pl.DataType, str] = {
    pl.String(): "VARCHAR", pl.Boolean(): "BOOLEAN", pl.Int16(): "SMALLINT", pl.Int32(): "INTEGER",
    pl.Int64(): "BIGINT", pl.Float64(): "DOUBLE", pl.Date(): "DATE", pl.Datetime("us", "UTC"): "TIMESTAMPTZ",
}  # fmt: skip


@functools.cache
def _duckdb() -> duckdb.DuckDBPyConnection:
    """Return the one connection: relations of different ones cannot be joined."""
    try:
        import duckdb
    except ImportError:
        raise UsageError("DuckDB is not installed", hint="pip install 'apilens-cli[duckdb]'") from None
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _scan_by_duckdb(files: Sequence[str], dtypes: Mapping[str, pl.DataType]) -> nw.LazyFrame[Any]:
    if not files:
        return nw.from_native(_duckdb().from_arrow(pl.DataFrame(schema=dict(dtypes))))
    if files[0].startswith("s3://"):
        # It would have to load an extension from the network.
        raise UsageError("--engine duckdb reads no store on S3", hint="leave it out: Polars does")
    # What stands for other characters in a pattern of files stands for itself in brackets.
    literal = [re.sub(r"[\[*?]", r"[\g<0>]", file) for file in files]
    found = _duckdb().read_parquet(literal, union_by_name=True, hive_partitioning=False)
    known = set(found.columns)

    def column(name: str) -> str:
        source = '"timestamp"' if name == PARTITION else f'"{name}"' if name in known else "NULL"
        return f'CAST({source} AS {_SQL_TYPES[dtypes[name]]}) AS "{name}"'

    return nw.from_native(found.project(", ".join(map(column, dtypes))))
