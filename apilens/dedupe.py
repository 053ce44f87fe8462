"""Events that are in the store already: overlapping exports count once, by an id that no two events share.

An event and its double have the same time, so they are looked for on the same day. Ids are compared as they are; the
hashes that are kept of a day's ids only say where there is nothing to compare.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from apilens.config import ReadOptions, Settings
from apilens.formats import Format
from apilens.places import cloud
from apilens.store import DataFile, Store, Writer

Days = dict[date, pl.DataFrame]
# Of 8 bytes each. A day with more ids than that is read again for each batch.
MOST_HASHES = 20_000_000
# What logs write where there is no id.
NO_IDS = ("", "-")


def unique_id(format: Format, options: ReadOptions, settings: Settings) -> str | None:
    """Return the column by which events of a format are told from their doubles, None where they are not."""
    chosen = options.dedupe or settings.dedupe or format.unique_id
    return None if chosen == "none" else chosen


@dataclass(frozen=True, slots=True)
class Kept:
    """What is left of a block's events, and those that were doubles."""

    days: Days
    doubles: tuple[pl.DataFrame, ...] = ()


class Duplicates:
    """Finds the events that the store, or the run so far, has. For batches in their order, one at a time."""

    def __init__(self, writer: Writer) -> None:
        self._folder = writer.path / "events"
        self._files: dict[date, list[str]] = {}
        self._rows: dict[date, int] = {}
        actions = Store(writer.path, writer.delta).actions
        for path, rows, day in actions.select("path", "num_records", "day").iter_rows():
            self._add(path, rows, day)
        # By day and column, the one that was asked for last at the end.
        self._hashes: OrderedDict[tuple[date, str], pl.Series] = OrderedDict()

    def without(self, batch: Sequence[tuple[Days, str | None]]) -> list[Kept]:
        """Return a batch without its doubles; of equal ids the first counts. Beside each block stands its id column."""
        kept = [dict(days) for days, _ in batch]
        doubles: list[list[pl.DataFrame]] = [[] for _ in batch]
        for (day, column), blocks in _by_day(batch).items():
            frames = [kept[at][day] for at in blocks]
            is_double = self._are_doubles(day, column, pl.concat([frame[column] for frame in frames]))
            if not is_double.any():
                continue
            start = 0
            for at, frame in zip(blocks, frames, strict=True):
                mask = is_double.slice(start, frame.height)
                start += frame.height
                doubles[at].append(frame.filter(mask))
                kept[at][day] = frame.filter(~mask)
        return [
            Kept({day: frame for day, frame in days.items() if frame.height}, tuple(frames))
            for days, frames in zip(kept, doubles, strict=True)
        ]

    def wrote(self, files: Sequence[DataFile]) -> None:
        """Take note of what became of a batch."""
        for item in files:
            self._add(item.path, item.rows, item.day)

    def _add(self, path: str, rows: int, day: date) -> None:
        self._files.setdefault(day, []).append(str(self._folder / path))
        self._rows[day] = self._rows.get(day, 0) + rows

    def _are_doubles(self, day: date, column: str, ids: pl.Series) -> pl.Series:
        ids = ids.set(ids.is_in(NO_IDS), None)
        again = ids.is_not_null() & ~ids.is_first_distinct()
        if day not in self._files:
            return again
        suspects = ids.filter(self._may_be_stored(day, column, ids)).drop_nulls().unique()
        if suspects.len():
            again |= ids.is_in(self._stored(day, column, suspects).implode()).fill_null(False)
        known = (day, column)
        if known in self._hashes:
            self._hashes[known] = pl.concat([self._hashes[known], _hashed(ids.filter(~again))])
        return again

    def _may_be_stored(self, day: date, column: str, ids: pl.Series) -> pl.Series:
        known = (day, column)
        if known not in self._hashes:
            if self._rows[day] > MOST_HASHES:
                return ids.is_not_null()
            self._hashes[known] = _hashed(self._scan(day, column).collect(engine="streaming").to_series())
        self._hashes.move_to_end(known)
        while len(self._hashes) > 1 and sum(map(len, self._hashes.values())) > MOST_HASHES:
            self._hashes.popitem(last=False)
        return _hashed(ids).is_in(self._hashes[known].implode())

    def _stored(self, day: date, column: str, ids: pl.Series) -> pl.Series:
        wanted = ids.alias(column).to_frame().lazy()
        return self._scan(day, column).join(wanted, on=column, how="semi").collect(engine="streaming").to_series()

    def _scan(self, day: date, column: str) -> pl.LazyFrame:
        return pl.scan_parquet(
            self._files[day], schema={column: pl.String()}, missing_columns="insert", extra_columns="ignore",
            hive_partitioning=False, glob=False, storage_options=cloud(self._files[day]),
        )  # fmt: skip


def _hashed(ids: pl.Series) -> pl.Series:
    """Return the hashes of ids; a missing one has one, too, but is no double of anything."""
    return ids.hash()


def _by_day(batch: Sequence[tuple[Days, str | None]]) -> dict[tuple[date, str], list[int]]:
    """Return which blocks have ids of a day, in their order."""
    found: dict[tuple[date, str], list[int]] = {}
    for at, (days, column) in enumerate(batch):
        for day, frame in days.items():
            if column is not None and column in frame.columns:
                found.setdefault((day, column), []).append(at)
    return found
