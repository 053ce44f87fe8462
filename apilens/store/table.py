"""The read side of the store: which files hold the events of a window, and of what types they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from apilens.errors import InputError, StoreError
from apilens.places import Place, cloud
from apilens.s3_path import S3Path, failed
from apilens.schema import DTYPES

if TYPE_CHECKING:
    from deltalake import DeltaTable

VERSION = 1

_POLARS_OF: Mapping[str, pl.DataType] = {
    "string": pl.String(),
    "long": pl.Int64(),
    "integer": pl.Int32(),
    "short": pl.Int16(),
    "double": pl.Float64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us", "UTC"),
}


@dataclass(frozen=True)
class Store:
    """A store. Reading takes no lock: a reader sees the snapshot it opened, whatever is written meanwhile."""

    path: Place
    delta: DeltaTable = field(repr=False)

    @classmethod
    def open(cls, path: Place) -> Store:
        """Open an existing store. Raises InputError when there is none, StoreError when it is foreign or damaged."""
        manifest = read_manifest(path)
        if manifest is None:
            if isinstance(path, S3Path):
                # Where there is no bucket, this says so.
                next(path.iterdir(), None)
            raise InputError(f"no store at {path}", hint="run `apilens ingest LOG…` first, or name log files to read")
        return cls(path, open_delta(path))

    @cached_property
    def dtypes(self) -> dict[str, pl.DataType]:
        """Name → type of every column: the event columns in their order, then configured ones."""
        fields = {item.name: getattr(item.type, "type", "string") for item in self.delta.schema().fields}
        extra = {name: _POLARS_OF[kind] for name, kind in fields.items() if name not in DTYPES}
        return {**DTYPES, **extra}

    @cached_property
    def actions(self) -> pl.DataFrame:
        """One row per data file: `path`, `size_bytes`, `num_records`, `day` (Date)."""
        frame = pl.DataFrame(self.delta.get_add_actions(flatten=True))
        if frame.is_empty():
            return pl.DataFrame(
                schema={"path": pl.String, "size_bytes": pl.Int64, "num_records": pl.Int64, "day": pl.Date}
            )
        day = pl.col("partition.day").cast(pl.Date)
        return frame.select("path", "size_bytes", "num_records", day.alias("day")).sort("day", "path")

    @property
    def days(self) -> tuple[date, ...]:
        """The days (UTC) that have events, in order."""
        return tuple(self.actions["day"].unique().sort())

    def files(self, since: datetime | None = None, until: datetime | None = None) -> list[str]:
        """Return the data files, sorted by day, that may hold events in [since, until)."""
        chosen = self.actions
        if since is not None:
            chosen = chosen.filter(pl.col("day") >= since.date())
        if until is not None:
            chosen = chosen.filter(pl.col("day") <= (until - timedelta(microseconds=1)).date())
        return [str(self.path / "events" / name) for name in chosen["path"].to_list()]

    def rows(self, name: str) -> pl.LazyFrame:
        """Return the rows of one data file (`path` of `actions`), all columns but `day`."""
        schema = {column: dtype for column, dtype in self.dtypes.items() if column != "day"}
        return pl.scan_parquet(
            str(self.path / "events" / name), schema=schema, missing_columns="insert", extra_columns="ignore",
            hive_partitioning=False, glob=False, storage_options=cloud(self.path),
        )  # fmt: skip

    def newest(self, latest: datetime) -> datetime | None:
        """Return the newest timestamp that is not after `latest`, or None for an empty store."""
        days: list[date] = self.actions["day"].unique().sort(descending=True).to_list()
        for day in days:
            chosen = self.actions.filter(pl.col("day") == day)["path"].to_list()
            files = [str(self.path / "events" / name) for name in chosen]
            stamps = pl.scan_parquet(
                files,
                hive_partitioning=False,
                glob=False,
                missing_columns="insert",
                extra_columns="ignore",
                schema={"timestamp": DTYPES["timestamp"]},
                storage_options=cloud(files),
            )
            found = stamps.filter(pl.col("timestamp") <= latest).select(pl.col("timestamp").max()).collect().item()
            if found is not None:
                assert isinstance(found, datetime)
                return found
        return None

    def total(self, name: str) -> int:
        """Return a running total over all commits: a name of Counts (read, stored, rejected …), or forgotten."""
        return self.delta.transaction_version(f"total/{name}") or 0


def scan(store: Store, columns: Sequence[str], files: Sequence[str] | None = None) -> pl.LazyFrame:
    """Return a few columns of every event, or of those in some files, in Polars: for looking at the store itself."""
    schema = {name: store.dtypes[name] for name in columns}
    files = store.files() if files is None else files
    if not files:
        return pl.LazyFrame(schema=schema)
    return pl.scan_parquet(
        list(files), schema=schema, missing_columns="insert", extra_columns="ignore", hive_partitioning=False,
        glob=False, storage_options=cloud(files),
    )  # fmt: skip


def read_kept(path: Place, name: str) -> dict[str, Any]:
    """Return what the store at `path` keeps under a name, or nothing. Raises StoreError where that is damaged."""
    return _read_json(path / "state" / name, hint="remove it: what it says is learned again from new logs") or {}


def read_manifest(path: Place) -> dict[str, Any] | None:
    """Return what STORE/state/store.json says, or None where there is no store."""
    manifest = _read_json(path / "state" / "store.json", hint="restore it from a backup, or ingest into a new store")
    if manifest is not None and manifest.get("version", 0) > VERSION:
        raise StoreError(f"{path} was made by a newer apilens", hint="upgrade apilens")
    return manifest


def _read_json(file: Place, *, hint: str) -> dict[str, Any] | None:
    """Return the JSON object in a file, None where there is no file."""
    try:
        known = json.loads(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(f"cannot read {file}: {error.strerror}") from None
    except ValueError:
        known = None
    if not isinstance(known, dict):
        raise StoreError(f"{file} is damaged", hint=hint)
    return known


@contextmanager
def readable() -> Iterator[None]:
    """Raise StoreError where a file of events that is read meanwhile is gone, damaged, or not to be read."""
    try:
        yield
    except (pl.exceptions.PolarsError, FileNotFoundError, PermissionError) as error:
        reason = str(error).splitlines()[0]
        raise StoreError(f"the events cannot be read: {reason}", hint="run `apilens store verify`") from error


def open_delta(path: Place) -> DeltaTable:
    """Open the Delta table of a store. Raises StoreError when its log cannot be read."""
    # deltalake is the dearest import after polars; reading files without a store does not pay for it.
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        return DeltaTable(str(path / "events"), storage_options=cloud(path))
    except (DeltaError, OSError) as error:
        if isinstance(path, S3Path):
            raise failed(path / "events", error) from None
        raise StoreError(f"{path / 'events'}: {error}".splitlines()[0], hint="run `apilens store verify`") from None
