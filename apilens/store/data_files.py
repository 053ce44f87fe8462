"""Parquet files of events: how a day's rows are split into them, and how a commit names them."""

from __future__ import annotations

import io
import json
import time
import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from apilens.errors import StoreError
from apilens.places import Place, cloud
from apilens.s3_path import S3Path, failed
from apilens.store.durable import sync, write_new
from apilens.store.shapes import id_in

# Readers may have a replaced file open for this long, and a writer on S3 one that no commit names yet.
GRACE_HOURS = 24
_AGED = ".aged-"


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file in the table's folder, of the table or for a commit to name."""

    path: str
    day: date
    size: int
    rows: int

    @property
    def settings(self) -> str:
        """The id of the settings that shaped its rows."""
        return id_in(self.path)

    @property
    def aged(self) -> frozenset[str]:
        """The rules of `age_out` that its rows went through."""
        marks = self.path.removesuffix(".parquet").partition(_AGED)[2]
        return frozenset(marks.split("-")) if marks else frozenset()


def scanned(file: Place | str) -> pl.LazyFrame:
    """Return the rows of one Parquet file as they are in it, wherever it lies and whatever it is called."""
    return pl.scan_parquet(str(file), hive_partitioning=False, glob=False, storage_options=cloud(file))


def file_name(settings: str, aged: Collection[str]) -> str:
    """Return the name of a new file: `DataFile.settings` and `.aged` read these off it again."""
    marks = _AGED + "-".join(sorted(aged)) if aged else ""
    return f"part-{settings or 0}-{uuid.uuid4()}{marks}.parquet"


def by_day(events: pl.DataFrame) -> dict[date, pl.DataFrame]:
    """Return the events of each day, without the columns that are null throughout."""
    if events.is_empty():
        return {}
    full = filled(events)
    runs = full["day"].rle().struct.unnest()
    if runs["value"].is_duplicated().any():
        parts = full.partition_by("day", as_dict=True, include_key=False, maintain_order=True)
        return {day: part for (day,), part in parts.items()}
    # Logs are mostly sorted, and a slice copies nothing.
    starts = runs["len"].cum_sum() - runs["len"]
    rest = full.drop("day")
    return {day: rest.slice(start, size) for start, size, day in zip(starts, runs["len"], runs["value"], strict=True)}


def filled(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame without the columns that are null throughout."""
    return frame.select(column.name for column in frame.iter_columns() if column.null_count() < frame.height)


def write_parquet(frame: pl.DataFrame, file: Place, *, durable: bool) -> int:
    """Write a data file, flushed to disk if `durable`; return its bytes.

    Raises StoreError where it cannot be written: then there is none.
    """
    if isinstance(file, S3Path):
        data = io.BytesIO()
        frame.write_parquet(data, compression="zstd", compression_level=1)
        return file.write_bytes(data.getvalue())
    try:
        file.parent.mkdir(exist_ok=True)
        frame.write_parquet(file, compression="zstd", compression_level=1)
        if durable:
            sync(file)
    except (OSError, pl.exceptions.PolarsError) as error:
        file.unlink(missing_ok=True)
        raise cannot_write(file.parent, error) from None
    return file.stat().st_size


def data_files(rows: Iterable[tuple[str, int, int, date]]) -> list[DataFile]:
    """Return rows of `Store.actions` (path, size_bytes, num_records, day) as files."""
    return [DataFile(path, day, size, records) for path, size, records, day in rows]


def files_by_day(actions: pl.DataFrame) -> Iterator[tuple[date, list[DataFile]]]:
    """Give each day of `Store.actions` with its files, in their order."""
    for (day,), rows in actions.group_by("day", maintain_order=True):
        assert isinstance(day, date)
        yield day, data_files(rows.select("path", "size_bytes", "num_records", "day").iter_rows())


def add_action(item: DataFile, *, new: bool) -> Any:
    """Return the action that adds a file to the table; new: it brings rows, or changes some."""
    from deltalake.transaction import AddAction

    return AddAction(
        path=item.path,
        size=item.size,
        partition_values={"day": str(item.day)},
        modification_time=int(time.time() * 1000),
        data_change=new,
        # Extremes of columns would stand in the log in the clear, and wrong ones lose rows: Parquet's own do the work.
        stats=json.dumps({"numRecords": item.rows}),
    )


def put(path: Place, data: bytes) -> None:
    """Write a file of the store besides its events, in place of an older one. Raises StoreError where that fails."""
    try:
        write_new(path, data)
    except OSError as error:
        raise cannot_write(path.parent, error) from None


def cannot_write(path: Place, error: BaseException) -> StoreError:
    if isinstance(path, S3Path):
        return failed(path, error)
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0]
    return StoreError(f"cannot write {path}: {reason}", hint="what was committed before stands; run again to go on")
