"""Keeping a store quick to read: small files of a day merged into sorted ones, and what nobody needs removed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import polars as pl

from apilens.places import cloud
from apilens.store.data_files import GRACE_HOURS, DataFile, files_by_day
from apilens.store.durable import write_new
from apilens.store.table import Store
from apilens.store.writer import Writer

# A day is closed when it is over (UTC): few lines come late, so it may as well be merged early.
CLOSED_DAY_FILES = 8
ANY_DAY_FILES = 32
TARGET_BYTES = 128 << 20
# Sorting holds the rows of one output file in memory; this bounds it, whatever the day's size.
TARGET_ROWS = 200_000
# What the rows of a merged file are sorted by.
_ORDER = ("account", "timestamp", "source", "line", "item")


@dataclass(frozen=True, slots=True)
class Compaction:
    """What compact did: days it merged, files before and after."""

    days: int = 0
    before: int = 0
    after: int = 0


def compact(writer: Writer, *, today: date, every_day: bool = False) -> Compaction:
    """Merge the files of days that have too many (with `every_day`: more than one), a few days per commit.

    The rows of a merged file are sorted by account, then timestamp: one account's events then lie together.
    """
    store = Store(writer.path, writer.delta)
    groups: list[tuple[date, list[DataFile]]] = []
    for day, files in files_by_day(store.actions):
        most = 1 if every_day else CLOSED_DAY_FILES if day < today else ANY_DAY_FILES
        if len(files) > most:
            groups += [(day, group) for alike in _by_settings(files) for group in _groups(alike)]
    done = Compaction(days=len({day for day, _ in groups}))
    for some in _loads(groups):
        # Two small merges at a time; a large one has the memory for itself.
        with ThreadPoolExecutor(2 if len(some) > 1 else 1) as pool:
            new = list(pool.map(lambda group: _merge(writer, store, *group), some))
        old = [item for _, files in some for item in files]
        writer.replace(old, new)
        done = Compaction(done.days, done.before + len(old), done.after + len(new))
    return done


def _loads(groups: Iterable[tuple[date, list[DataFile]]]) -> Iterator[list[tuple[date, list[DataFile]]]]:
    """Give groups that are merged and committed together: several small ones, or a large one alone."""
    load: list[tuple[date, list[DataFile]]] = []
    rows = 0
    for day, files in groups:
        more = sum(item.rows for item in files)
        if load and rows + more > TARGET_ROWS:
            yield load
            load, rows = [], 0
        load.append((day, files))
        rows += more
    if load:
        yield load


def tidy(writer: Writer, *, force: bool = False) -> int:
    """Delete files that no snapshot of the last day needs (at most once a day, unless forced); return how many."""
    marker = writer.path / "state" / "tidied"
    if not force and marker.exists() and time.time() - marker.stat().st_mtime < GRACE_HOURS * 3600:
        return 0
    first = not marker.exists()
    write_new(marker, b"")
    if first and not force:
        return 0
    # `full` also finds the files of runs that were killed before their commit; those of other writers are younger.
    return writer.vacuum(GRACE_HOURS, full=True)


def _by_settings(files: Iterable[DataFile]) -> list[list[DataFile]]:
    """Split files by the settings that shaped them: a merged file still says which those were."""
    found: dict[str, list[DataFile]] = {}
    for item in files:
        found.setdefault(item.settings, []).append(item)
    return list(found.values())


def _groups(files: Iterable[DataFile]) -> list[list[DataFile]]:
    """Split files into runs that make one output file each; a run of one, or a file big enough already, is left."""
    groups: list[list[DataFile]] = []
    group: list[DataFile] = []
    rows = size = 0
    for item in sorted(files, key=lambda item: (item.size, item.path)):
        if item.size > TARGET_BYTES // 2 or item.rows > TARGET_ROWS // 2:
            break
        if group and (rows + item.rows > TARGET_ROWS or size + item.size > TARGET_BYTES):
            groups.append(group)
            group, rows, size = [], 0, 0
        group.append(item)
        rows += item.rows
        size += item.size
    return [found for found in [*groups, group] if len(found) > 1]


def _columns(path: str, options: dict[str, str] | None) -> list[str]:
    return pl.scan_parquet(path, hive_partitioning=False, glob=False, storage_options=options).collect_schema().names()


def _merge(writer: Writer, store: Store, day: date, files: list[DataFile]) -> DataFile:
    paths = [str(store.path / "events" / item.path) for item in files]
    options = cloud(paths)
    written = {name for path in paths for name in _columns(path, options)}
    # A column that no part has stays out: sorting would carry its nulls along.
    dtypes = {name: dtype for name, dtype in store.dtypes.items() if name in written}
    rows = pl.scan_parquet(
        paths, schema=dtypes, missing_columns="insert", hive_partitioning=False, glob=False, storage_options=options
    )
    keys = [name for name in _ORDER if name in written]
    # The last three keys make the order, and so the file, the same whatever order the parts came in.
    aged = frozenset.intersection(*(item.aged for item in files))
    return writer.write_day(day, rows.sort(keys).collect(), settings=files[0].settings, aged=aged)
