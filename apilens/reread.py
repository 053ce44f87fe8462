"""Rows read again from their logs, matched with those that are stored: `store rebuild --from FILE…`.

A row comes from a line of a log, and logs are renamed. A stored row is that of a line read again where source, line,
item and time are equal; else, for a log under another name, where line, item, time, method, status and size are. What a
store has not read of a log yet is left out, and so is what was forgotten. Rows that can be neither matched nor told
apart stop it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from apilens.dedupe import NO_IDS
from apilens.endpoints import STATE, Endpoints
from apilens.errors import InputError
from apilens.forgotten import forgotten
from apilens.pieces import Log
from apilens.store import Store, read_kept
from apilens.store.streams import locate

PLACE = ("source", "line", "item")
_SAME_LOG = (*PLACE, "timestamp")
_RENAMED = ("line", "item", "timestamp", "method", "status", "response_bytes")
_KEYS = tuple(dict.fromkeys((*_SAME_LOG, *_RENAMED)))
# Where a row stands in the store: number of its file, number of the row in it.
AT = ("file_at", "row_at")


@dataclass(frozen=True, slots=True)
class Matched:
    """Stored rows (AT) beside the place (PLACE) of the line that each of them was read from; keys of the others."""

    pairs: pl.DataFrame
    stored_left: pl.DataFrame
    read_left: pl.DataFrame


class Reread:
    """A store made of logs that were read again, against the store that they were read into."""

    def __init__(self, fresh: Store, store: Store, logs: Sequence[Log], *, key: bytes) -> None:
        self._fresh = fresh
        known = Endpoints.of(read_kept(fresh.path, STATE))
        self._aliases = known.learned.get("aliases", {})
        # What responses announce of endpoints.
        self.announced = known.announced
        self._store = store
        self._ids = {log.source.name: log.unique_id for log in logs if log.unique_id}
        self._forgotten = forgotten(store).condition(fresh, key)
        read = {log.source.name: _lines_read(log, store) for log in logs}
        self._read = pl.DataFrame(
            {"source": list(read), "read": list(read.values())}, schema_overrides={"read": pl.Int64}
        )

    @property
    def days(self) -> set[date]:
        """The days that rows were read again of."""
        return set(self._fresh.actions["day"].to_list())

    def frames(self, day: date) -> list[pl.LazyFrame]:
        """Return the rows of a day, a frame for each file, endpoints as they came to be called by the last line."""
        names = self._fresh.actions.filter(pl.col("day") == day)["path"].to_list()
        return [
            self._known(self._fresh.rows(name)).with_columns(pl.col("endpoint").replace(self._aliases))
            for name in names
        ]

    def beside(self, day: date, rows: pl.DataFrame, gone: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return those of the stored rows that are gone, and beside them what was read again of their lines."""
        places = gone.lazy()
        read = pl.concat(self.frames(day)).join(places, on=PLACE, how="inner").collect(engine="streaming")
        before = rows.join(gone.select("row_at"), on="row_at", how="semi").sort("row_at")
        return before.drop("row_at"), read.sort("row_at").drop("row_at")

    def match(self, day: date, stored: Sequence[str]) -> Matched:
        """Match the rows of a day with those in the stored files of that day."""
        frames = [
            self._store.rows(name).select(_KEYS).with_row_index("row_at").with_columns(pl.lit(at).alias("file_at"))
            for at, name in enumerate(stored)
        ]
        read = pl.concat([frame.select(_KEYS) for frame in self.frames(day)]).collect()
        old = pl.concat(frames).collect() if frames else read.clear().with_columns(
            pl.lit(0, pl.UInt32).alias("row_at"), pl.lit(0, pl.Int32).alias("file_at")
        )  # fmt: skip
        same = old.join(read, on=_SAME_LOG, how="inner").select(*AT, *PLACE)
        old, read = old.join(same, on=AT, how="anti"), read.join(same, on=PLACE, how="anti")
        renamed = _renamed(old, read)
        return Matched(
            pl.concat([same, renamed]), old.join(renamed, on=AT, how="anti").select(_SAME_LOG),
            read.join(renamed, on=PLACE, how="anti").select(_SAME_LOG),
        )  # fmt: skip

    def doubles(self, day: date, stored: Sequence[str], pairs: pl.DataFrame) -> pl.DataFrame:
        """Return the places of lines that were left out because of their id: a row that stays has the same."""
        found = [pairs.select(PLACE).clear()]
        for column in sorted(set(self._ids.values())):
            names = [name for name, id in self._ids.items() if id == column]
            lines = pl.concat(self.frames(day)).select(*PLACE, column).filter(
                pl.col("source").is_in(names), ~pl.col(column).is_in(NO_IDS)
            )  # fmt: skip
            stay = pl.concat(
                [
                    self._store.rows(name).select(column).with_row_index("row_at").with_columns(
                        pl.lit(at).alias("file_at")
                    )
                    for at, name in enumerate(stored)
                ]
            ).join(pairs.lazy(), on=AT, how="anti")  # fmt: skip
            new = lines.join(pairs.lazy(), on=PLACE, how="anti")
            found.append(new.join(stay, on=column, how="semi").select(PLACE).collect(engine="streaming"))
        return pl.concat(found)

    def check(self, days: Sequence[tuple[date, Sequence[str]]]) -> None:
        """Raise InputError where lines have another time than the stored row of their place, and so match none."""
        found = [self.match(day, files) for day, files in days]
        if not found:
            return
        stored, read = (
            pl.concat(frames) for frames in zip(*((m.stored_left, m.read_left) for m in found), strict=True)
        )
        moved = stored.join(read, on=PLACE, how="semi")
        if moved.height:
            source, line = moved.select("source", "line").row(0)
            raise InputError(
                f"{source}:{line} and {moved.height - 1} other lines are stored with other times than they have now",
                hint="their zone or format has changed: ingest the logs into a new store (--store)",
            )

    def _known(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Return the rows of lines that the store has read and has not forgotten."""
        if self._forgotten is not None:
            rows = rows.filter(~self._forgotten)
        limited = rows.join(self._read.lazy(), on="source", how="left", maintain_order="left")
        return limited.filter(pl.col("line") <= pl.col("read")).drop("read")


def _lines_read(log: Log, store: Store) -> int:
    if log.reader.is_stream:
        raise InputError(f"{log.source.name}: a pipe cannot be read again", hint="name the log itself")
    position = locate(log.reader.head, store.delta.transaction_version)
    if not position.stream:
        raise InputError(f"{log.source.name} was never read into this store", hint="run `apilens ingest` first")
    return position.lines


def _renamed(old: pl.DataFrame, read: pl.DataFrame) -> pl.DataFrame:
    """Match rows whose log has another name now, each with one at most: those of the name that matches most first."""
    both = old.join(read, on=_RENAMED, how="inner", nulls_equal=True, suffix="_read")
    often = both.with_columns(pl.len().over("source", "source_read").alias("often"))
    ranked = often.sort("often", *AT, "source_read", descending=[True, False, False, False])
    once = ranked.unique(AT, keep="first", maintain_order=True)
    once = once.unique(["source_read", "line", "item"], keep="first", maintain_order=True)
    return once.select(*AT, pl.col("source_read").alias("source"), "line", "item")
