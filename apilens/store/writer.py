"""The write side of the store: Parquet files first, then one Delta commit that makes rows and offsets true together."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from apilens import __version__
from apilens.errors import StoreBusy, StoreError
from apilens.store.data_files import DataFile, add_action, cannot_write, file_name, filled
from apilens.store.durable import sync_all, write_new
from apilens.store.seen import Seen
from apilens.store.shapes import STATE, Shape, known_shapes, shape_id
from apilens.store.streams import Position, advance, locate
from apilens.store.table import Store
from apilens.store.versions import read_versions

if TYPE_CHECKING:
    from deltalake import DeltaTable

CHECKPOINT_EVERY = 20
# What a commit may keep of its rejects; the totals stay exact.
REJECT_BYTES = 10 << 20
_GENERATION = "generation"
_SEEN = "seen"
# Rows that were stored and are gone, by forgetting or by age: `verify` takes them off the total.
FORGOTTEN_TOTAL = "total/forgotten"


@dataclass(slots=True)
class Counts:
    """Where every record went: `read == stored + rejected + other + blank + comments + older + duplicates` always.

    older: than `--since` of the run that read them. duplicates: their id was in the store, or in the run, before.
    lossy: lines with bytes that are no UTF-8, wherever they went.
    """

    read: int = 0
    stored: int = 0
    rejected: int = 0
    other: int = 0
    blank: int = 0
    comments: int = 0
    lossy: int = 0
    older: int = 0
    duplicates: int = 0

    def __add__(self, more: Counts) -> Counts:
        return Counts(*(getattr(self, item.name) + getattr(more, item.name) for item in fields(self)))

    @property
    def balances(self) -> bool:
        """Say whether nothing was lost."""
        kept = self.stored + self.rejected + self.other
        return self.read == kept + self.blank + self.comments + self.older + self.duplicates


@dataclass(frozen=True, slots=True)
class Advance:
    """How far a commit takes one log: its first bytes, where it stood, and where it stands now."""

    before: Position
    head: bytes
    offset: int
    lines: int


class Writer:
    """Appends to a store whose lock it holds. `write` may be called from several threads, the rest from one.

    shape: the settings that shape what it writes.
    """

    def __init__(self, path: Path, delta: DeltaTable, *, durable: bool = True, shape: Shape | None = None) -> None:
        self.path = path
        self._durable = durable
        self.delta = delta
        self._versions = _versions(path, delta)
        self._settings = self.known(shape or {})
        self.totals = {item.name: self._version(f"total/{item.name}") for item in fields(Counts)}
        self._generation = self._version(_GENERATION)
        self._since_checkpoint = 0
        for orphan in self._rejects_after(self._generation):
            orphan.unlink()

    def seen(self, began_ns: int) -> Seen:
        """Return the files that need not be opened; began_ns: when the run began to look at files."""
        table, file = str(self.delta.metadata().id), self.path / "state" / _SEEN
        return Seen(file, table=table, generation=self._generation, began_ns=began_ns)

    def keep_seen(self, seen: Seen) -> None:
        """Keep what a run has seen, after all of it was committed."""
        if seen.changed:
            self.keep(_SEEN, seen.data(self._generation))

    def position(self, head: bytes) -> Position:
        """Return how far the log that begins with these bytes was read."""
        return locate(head, self._versions.get)

    def write(self, frames: Iterable[Mapping[date, pl.DataFrame]]) -> list[DataFile]:
        """Write one Parquet file for each day of what `by_day` gave; nothing is visible before `commit`."""
        days: dict[date, list[pl.DataFrame]] = {}
        for parts in frames:
            for day, part in parts.items():
                days.setdefault(day, []).append(part)
        # A column may be in some parts only.
        return [
            self.write_day(day, pl.concat(parts, how="diagonal"), settings=self._settings)
            for day, parts in sorted(days.items())
        ]

    def write_day(self, day: date, frame: pl.DataFrame, *, settings: str, aged: Collection[str] = ()) -> DataFile:
        """Write one file of one day. A column that is null throughout is left out: readers insert it.

        settings: the id of those that shaped all of its rows, aged: the rules of `age_out` that they all went through
        (`DataFile.settings` and `.aged` of where they come from). The name of the file says so from then on.
        """
        folder = self.path / "events" / f"day={day}"
        name = file_name(settings, aged)
        try:
            folder.mkdir(exist_ok=True)
            filled(frame).write_parquet(folder / name, compression="zstd", compression_level=1)
            self.sync([folder / name])
        except (OSError, pl.exceptions.PolarsError) as error:
            (folder / name).unlink(missing_ok=True)
            raise cannot_write(folder, error) from None
        return DataFile(f"day={day}/{name}", day, (folder / name).stat().st_size, frame.height)

    def commit(
        self, files: Sequence[DataFile], advances: Sequence[Advance], *, counts: Counts, rejects: pl.DataFrame,
        info: Mapping[str, str],
    ) -> list[Position]:  # fmt: skip
        """Make rows, rejects, counts and offsets true in one step; return the new positions."""
        self._generation += 1
        versions = {_GENERATION: self._generation}
        positions = []
        for item in advances:
            position, recorded = advance(item.before, item.head, item.offset, item.lines)
            positions.append(position)
            versions |= recorded
        for name, total in self.totals.items():
            self.totals[name] = total + getattr(counts, name)
            versions[f"total/{name}"] = self.totals[name]
        self._write_rejects(rejects)
        self.sync({self.path / "events" / item.path.partition("/")[0] for item in files})
        self._commit([add_action(item, new=True) for item in files], versions, info)
        return positions

    def replace(
        self, old: Sequence[DataFile], new: Sequence[DataFile], *, work: str = "compact", more: Counts | None = None,
        forgotten: int = 0,
    ) -> None:  # fmt: skip
        """Swap files for others: to `compact` they hold the same rows, any other `work` changed them or left some out.

        The old ones stay on disk for readers that have them open. more: what the totals grow by. forgotten: how many
        rows are gone with it.
        """
        from deltalake.transaction import RemoveAction

        now_ms = int(time.time() * 1000)
        removed = [
            RemoveAction(item.path, work != "compact", now_ms, size=item.size, partition_values={"day": str(item.day)})
            for item in old
        ]
        self.sync({self.path / "events" / item.path.partition("/")[0] for item in new})
        versions = {FORGOTTEN_TOTAL: self._version(FORGOTTEN_TOTAL) + forgotten} if forgotten else {}
        for name in self.totals if more else ():
            self.totals[name] += getattr(more, name)
            versions[f"total/{name}"] = self.totals[name]
        added = [add_action(item, new=work != "compact") for item in new]
        self._commit([*removed, *added], versions, {"work": work})

    def keep(self, name: str, data: bytes) -> None:
        """Keep a file of what is known besides the events, in place of an older one: `read_kept` reads it."""
        try:
            write_new(self.path / "state" / name, data)
        except OSError as error:
            raise cannot_write(self.path / "state", error) from None

    def known(self, shape: Shape) -> str:
        """Return the id of settings, after keeping what it stands for: it comes before the first file of theirs."""
        if not shape:
            return ""
        id = shape_id(shape)
        shapes = known_shapes(Store(self.path, self.delta))
        if id not in shapes:
            self.keep(STATE, json.dumps({**shapes, id: dict(shape)}, sort_keys=True).encode() + b"\n")
        return id

    def checkpoint(self) -> None:
        """Fold the log so far into one file, and drop log entries past their retention."""
        self.delta.create_checkpoint()
        self.delta.cleanup_metadata()
        log = self.path / "events" / "_delta_log"
        self.sync([*sorted(log.glob("*.checkpoint.parquet"))[-1:], log / "_last_checkpoint", log])
        self._since_checkpoint = 0

    def _commit(self, actions: list[Any], versions: Mapping[str, int], info: Mapping[str, str]) -> None:
        from deltalake import CommitProperties, PostCommitHookProperties, Transaction
        from deltalake.exceptions import CommitFailedError, DeltaError

        properties = CommitProperties(
            custom_metadata={"apilens": __version__, **info},
            # A commit that lost a race must not be repeated with the offsets it began with.
            max_commit_retries=0,
            app_transactions=[Transaction(name, version) for name, version in versions.items()],
        )
        hooks = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
        try:
            self.delta.create_write_transaction(
                actions,
                "append",
                self.delta.schema(),
                ["day"],
                commit_properties=properties,
                post_commithook_properties=hooks,
            )
            self._versions |= versions
            # Without this the handle keeps its old snapshot, and its next commit would seem to race with this one.
            self.delta.update_incremental()
        except CommitFailedError:
            raise StoreBusy(f"{self.path} was written by another process", hint="run the command again") from None
        except (DeltaError, OSError) as error:
            raise cannot_write(self.path / "events", error) from None
        log = self.path / "events" / "_delta_log"
        # delta-rs does not flush what it writes.
        self.sync([log / f"{self.delta.version():020}.json", log])
        self._since_checkpoint += 1
        if self._since_checkpoint >= CHECKPOINT_EVERY or self.delta.version() % CHECKPOINT_EVERY == 0:
            self.checkpoint()

    def _write_rejects(self, rejects: pl.DataFrame) -> None:
        path = self._rejects_path(self._generation)
        if rejects.is_empty():
            # A killed run may have left its own under the number that this commit takes.
            path.unlink(missing_ok=True)
            return
        data = rejects.write_ndjson().encode()
        if len(data) > REJECT_BYTES:
            cut = data.rfind(b"\n", 0, REJECT_BYTES) + 1
            left = data.count(b"\n", cut)
            data = data[:cut] + json.dumps({"left_out": left}).encode() + b"\n"
        try:
            write_new(path, data)
        except OSError as error:
            raise cannot_write(path.parent, error) from None

    def _rejects_path(self, generation: int) -> Path:
        return self.path / "rejects" / f"{generation:010}.jsonl"

    def _rejects_after(self, generation: int) -> Iterator[Path]:
        limit = self._rejects_path(generation).name
        # A name with a dot is a file that a killed run had not finished.
        return (path for path in (self.path / "rejects").iterdir() if path.name > limit or path.name.startswith("."))

    def sync(self, paths: Iterable[Path]) -> None:
        """Flush files or folders to disk, where the store is one that is kept."""
        if self._durable:
            sync_all(paths)

    def _version(self, name: str) -> int:
        return self._versions.get(name, 0)


def _versions(path: Path, delta: DeltaTable) -> dict[str, int]:
    try:
        # At the version of the handle that commits: what others commit meanwhile makes that commit fail.
        return read_versions(path / "events" / "_delta_log", delta.version())
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"{path / 'events'}: {error}".splitlines()[0], hint="run `apilens store verify`") from None
