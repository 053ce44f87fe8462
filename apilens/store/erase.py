"""Rows taken out of the store for good: files rewritten without them, then nothing left on disk that still has them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from apilens.places import Place
from apilens.store.data_files import GRACE_HOURS, DataFile, files_by_day, scanned
from apilens.store.table import Store, scan
from apilens.store.writer import Writer

# What stands for a text that was forgotten.
FORGOTTEN = "[R:forgotten]"
# Folders in STORE/state that a rebuild reads logs into begin so.
SCRATCH = "rebuild-"


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased: rows, files that were rewritten without them, files that went as a whole."""

    rows: int = 0
    rewritten: int = 0
    removed: int = 0

    def __add__(self, more: Erased) -> Erased:
        return Erased(self.rows + more.rows, self.rewritten + more.rewritten, self.removed + more.removed)


def erase_rows(writer: Writer, gone: pl.Expr, columns: list[str], *, until: date, dry_run: bool = False) -> Erased:
    """Remove the rows for which `gone`, a condition over `columns`, is true; files of days after `until` have none.

    One commit per day, which readers see as a whole: old or new. dry_run: count only.
    """
    done = Erased()
    for day, files in files_by_day(Store(writer.path, writer.delta).actions):
        if day > until:
            continue
        old: list[DataFile] = []
        new: list[DataFile] = []
        erased = Erased()
        for item in files:
            marked = _marked(writer, item, gone, columns)
            rows = int(marked.sum())
            if not rows:
                continue
            old.append(item)
            erased += Erased(rows, rewritten=int(rows < item.rows), removed=int(rows == item.rows))
            if rows < item.rows and not dry_run:
                new.append(rewrite(writer, item, _without(marked)))
        done += erased
        if old and not dry_run:
            writer.replace(old, new, work="forget", forgotten=erased.rows)
    return done


def erase_days(writer: Writer, before: date, *, dry_run: bool = False) -> Erased:
    """Remove the days before a date, by the log alone: no file is read."""
    old = [
        item for day, files in files_by_day(Store(writer.path, writer.delta).actions) if day < before for item in files
    ]
    done = Erased(sum(item.rows for item in old), 0, len(old))
    if old and not dry_run:
        writer.replace(old, [], work="forget", forgotten=done.rows)
    return done


def rewrite(
    writer: Writer, item: DataFile, change: Callable[[pl.DataFrame], pl.DataFrame], *, aged: Collection[str] = ()
) -> DataFile:
    """Write the rows of a file, changed, into a new one of the same day; `replace` makes it count.

    aged: rules of `age_out` that the change applies, besides those that the file went through before.
    """
    file = writer.path / "events" / item.path
    rows = scanned(file).collect()
    return writer.write_day(item.day, change(rows), settings=item.settings, aged={*item.aged, *aged})


def purge(writer: Writer) -> None:
    """Leave on disk only what the table is made of now: no replaced file, no older log.

    A reader that has an older snapshot open loses its files: forgetting does not wait for it.
    """
    # The newest entry of the log stays: it must be one that tells nothing of sources.
    writer.replace([], [], work="forget")
    if not isinstance(writer.path, Path):
        _purge_beside_others(writer)
        return
    remove_scratch(writer.path)
    writer.vacuum(0, full=True)
    writer.checkpoint()
    log = writer.path / "events" / "_delta_log"
    newest = writer.delta.version()
    for item in sorted(log.iterdir(), key=lambda item: item.name):
        number = item.name[:20]
        if number.isdecimal() and int(number) < newest:
            item.unlink()
    writer.sync([log, *{path.parent for path in log.parent.rglob("*.parquet")}])


def _purge_beside_others(writer: Writer) -> None:
    """Leave what another writer may be about to commit: files that the log never named and that are young.

    Older entries of the log stay until they are two days old: in the place of one that is gone, the commit of a writer
    that lost its race would succeed, and be nowhere.
    """
    writer.vacuum(0, full=False)
    writer.vacuum(GRACE_HOURS, full=True)
    writer.checkpoint()


def remove_scratch(path: Path) -> None:
    """Remove what a rebuild that was killed left; the caller holds the lock, so none is at it."""
    for left in (path / "state").glob(f"{SCRATCH}*"):
        shutil.rmtree(left)


def erase_rejects(writer: Writer, before_s: float, *, dry_run: bool = False) -> int:
    """Remove the rejects that were read before a moment (in seconds since 1970); return how many files of them."""
    old = [path for path in rejects_of(writer.path) if path.stat().st_mtime < before_s]
    for path in () if dry_run else old:
        path.unlink()
    return len(old)


def rejects_of(path: Place) -> list[Place]:
    """Return the files of rejects of a store."""
    return sorted((path / "rejects").glob("*.jsonl"), key=str)


def _without(marked: pl.Series) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda frame: frame.filter(~marked)


def _marked(writer: Writer, item: DataFile, gone: pl.Expr, columns: list[str]) -> pl.Series:
    """Return for each row of a file, in its order, whether it is to go."""
    rows = scan(Store(writer.path, writer.delta), columns, [str(writer.path / "events" / item.path)])
    return rows.select(gone.fill_null(False)).collect().to_series()
