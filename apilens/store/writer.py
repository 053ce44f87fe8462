"""The write side of the store: Parquet files first, then one Delta commit that makes rows and offsets true together."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from apilens import __version__
from apilens.errors import StoreBusy, StoreError
from apilens.places import Place
from apilens.s3_path import S3Path
from apilens.store.counts import Counts
from apilens.store.data_files import DataFile, add_action, cannot_write, file_name, filled, put, write_parquet
from apilens.store.durable import sync_all
from apilens.store.racing import until_first
from apilens.store.rejects import Attempt, rejects_for
from apilens.store.seen import Seen
from apilens.store.shapes import STATE, Shape, known_shapes, shape_id
from apilens.store.streams import Advance, Position, advance, locate
from apilens.store.table import Store
from apilens.store.versions import GENERATION, known_versions, read_entry

if TYPE_CHECKING:
    from deltalake import DeltaTable

CHECKPOINT_EVERY = 20
_SEEN = "seen"
# Rows that were stored and are gone, by forgetting or by age: `verify` takes them off the total.
FORGOTTEN_TOTAL = "total/forgotten"


class Writer:
    """Appends to a store: to one on a disk whose lock it holds, to one on S3 beside others, who commit as they can.
    `write` may be called from several threads, the rest from one.

    shape: the settings that shape what it writes. has_rivals: whether others may commit at any time. refreshes:
    how often it took over what others committed meanwhile.
    """

    def __init__(self, path: Place, delta: DeltaTable, *, durable: bool = True, shape: Shape | None = None) -> None:
        self.path = path
        self.has_rivals = isinstance(path, S3Path)
        self._durable = durable and not self.has_rivals
        self.delta = delta
        self.refreshes = 0
        self._take_versions()
        self._settings = self.known(shape or {})
        self._since_checkpoint = 0
        self._rejects = rejects_for(path, self._generation, delta.version())

    def _take_versions(self) -> None:
        self._versions = known_versions(self.path, self.delta)
        self.totals = {item.name: self._version(f"total/{item.name}") for item in fields(Counts)}
        self._generation = self._version(GENERATION)

    def refresh(self) -> None:
        """Go on from what the table is now."""
        with self._written():
            self.delta.update_incremental()
        if self.has_rivals:
            self._take_versions()
            self.refreshes += 1

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
        size = write_parquet(filled(frame), folder / name, durable=self._durable)
        return DataFile(f"day={day}/{name}", day, size, frame.height)

    def commit(
        self, files: Sequence[DataFile], advances: Sequence[Advance], *, counts: Counts, rejects: pl.DataFrame,
        info: Mapping[str, str], again: bool = True,
    ) -> list[Position]:  # fmt: skip
        """Make rows, rejects, counts and offsets true in one step; return the new positions.

        again: what is committed is as right after the commit of another writer that came before it, unless that one
        has read the same logs. Raises StoreBusy where it is not: to be read again, from where the store is now.
        """

        def attempt() -> list[Position]:
            return self._try(files, advances, counts=counts, rejects=rejects, info=info)

        def still() -> bool:
            return again and all(self.position(item.head) == item.before for item in advances)

        if not self.has_rivals:
            return attempt()
        return until_first(self, attempt, files, still=still)

    def _try(
        self, files: Sequence[DataFile], advances: Sequence[Advance], *, counts: Counts, rejects: pl.DataFrame,
        info: Mapping[str, str],
    ) -> list[Position]:  # fmt: skip
        attempt = Attempt(uuid.uuid4().hex, self.delta.version() + 1, self._generation + 1)
        versions = {GENERATION: attempt.generation}
        positions = []
        for item in advances:
            position, recorded = advance(item.before, item.head, item.offset, item.lines)
            positions.append(position)
            versions |= recorded
        totals = {name: total + getattr(counts, name) for name, total in self.totals.items()}
        versions |= {f"total/{name}": total for name, total in totals.items()}
        self._rejects.before(attempt, rejects)
        self.sync({self.path / "events" / item.path.partition("/")[0] for item in files})
        try:
            self._commit([add_action(item, new=True) for item in files], versions, info, id=attempt.id)
        except StoreBusy:
            self._rejects.after(attempt, landed=False)
            raise
        self._rejects.after(attempt, landed=True)
        self._generation, self.totals = attempt.generation, totals
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
        added = [add_action(item, new=work != "compact") for item in new]

        def attempt() -> None:
            versions = {FORGOTTEN_TOTAL: self._version(FORGOTTEN_TOTAL) + forgotten} if forgotten else {}
            totals = {name: total + getattr(more, name) for name, total in self.totals.items()} if more else {}
            versions |= {f"total/{name}": total for name, total in totals.items()}
            self._commit([*removed, *added], versions, {"work": work}, id=uuid.uuid4().hex)
            self.totals |= totals

        def still() -> bool:
            return {item.path for item in old} <= set(Store(self.path, self.delta).actions["path"])

        if not self.has_rivals:
            attempt()
        else:
            until_first(self, attempt, new, still=still)

    def vacuum(self, hours: int, *, full: bool) -> int:
        """Delete files that the table is not made of, nor was in the last hours; return how many.

        full: those too that the log never named, as of runs that were killed before their commit.
        """
        with self._written():
            gone = self.delta.vacuum(hours, dry_run=False, enforce_retention_duration=False, full=full)
        self.refresh()
        return len(gone)

    def keep(self, name: str, data: bytes) -> None:
        """Keep a file of what is known besides the events, in place of an older one: `read_kept` reads it."""
        put(self.path / "state" / name, data)

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
        with self._written():
            self.delta.create_checkpoint()
            self.delta.cleanup_metadata()
        self._since_checkpoint = 0
        log = self.path / "events" / "_delta_log"
        if self._durable and isinstance(log, Path):
            newest = max(log.glob("*.checkpoint.parquet"), key=lambda path: path.name)
            self.sync([newest, log / "_last_checkpoint", log])

    def _commit(self, actions: list[Any], versions: Mapping[str, int], info: Mapping[str, str], *, id: str) -> None:
        from deltalake import CommitProperties, PostCommitHookProperties, Transaction

        properties = CommitProperties(
            custom_metadata={"apilens": __version__, **info, **({"commit": id} if self.has_rivals else {})},
            # A commit that lost a race must not be repeated with the offsets it began with.
            max_commit_retries=0,
            app_transactions=[Transaction(name, version) for name, version in versions.items()],
        )
        hooks = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
        version, log = self.delta.version() + 1, self.path / "events" / "_delta_log"
        try:
            with self._written():
                self.delta.create_write_transaction(
                    actions,
                    "append",
                    self.delta.schema(),
                    ["day"],
                    commit_properties=properties,
                    post_commithook_properties=hooks,
                )
        except StoreBusy:
            # The answer to a commit may get lost, and that to its repeat is that it is there.
            if not self.has_rivals or id.encode() not in read_entry(log, version):
                raise
        self._versions |= versions
        self._go_on_from(version)
        # delta-rs does not flush what it writes.
        self.sync([log / f"{self.delta.version():020}.json", log])
        self._since_checkpoint += 1
        if self._since_checkpoint >= CHECKPOINT_EVERY or self.delta.version() % CHECKPOINT_EVERY == 0:
            # Beside others who do the same it may fail: the commit stands, and a later one makes up for it.
            with suppress(StoreError, StoreBusy) if self.has_rivals else nullcontext():
                self.checkpoint()

    def _go_on_from(self, version: int) -> None:
        with self._written():
            # Without this the handle keeps its old snapshot, and its next commit would seem to race with this one.
            self.delta.update_incremental()
            if self.delta.version() > version:
                # What others committed behind it is unknown here, and the next commit has to fail.
                self.delta.load_as_version(version)

    @contextmanager
    def _written(self) -> Iterator[None]:
        """Raise StoreBusy where another writer's commit comes first, StoreError where the table cannot be written."""
        from deltalake.exceptions import CommitFailedError, DeltaError

        try:
            yield
        except CommitFailedError:
            raise self.overtaken() from None
        except (DeltaError, OSError) as error:
            raise cannot_write(self.path / "events", error) from None

    def overtaken(self) -> StoreBusy:
        """Return what is so where another writer came first."""
        return StoreBusy(f"{self.path} was written by another process", hint="run the command again")

    def sync(self, paths: Iterable[Place]) -> None:
        """Flush files or folders to disk, where the store is one on a disk that is kept."""
        if self._durable:
            sync_all(path for path in paths if isinstance(path, Path))

    def _version(self, name: str) -> int:
        return self._versions.get(name, 0)
