"""`store rebuild`: events as settings are now, from what is stored or from their logs, one commit for each day.

A day's files are replaced in one step, so a reader sees the old ones or the new ones, and a run that is killed has done
some days and leaves the others to the next run. How far logs were read stays as it is.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from apilens.config import ReadOptions, Settings
from apilens.endpoints import STATE
from apilens.enrich import configured_dtypes
from apilens.enrich.base import Context
from apilens.errors import InputError
from apilens.ingest import ingest
from apilens.ingested import Summary
from apilens.learning import Learning
from apilens.pipeline import Pipeline
from apilens.places import Place
from apilens.reattribute import CHAIN, chain_of
from apilens.rebuilt import Rebuilt
from apilens.rederive import STORED_PARTS, Rederiving, states
from apilens.reread import PLACE, Reread
from apilens.shaping import EMAILS, FILES, columns_of, shape_of
from apilens.store import Counts, DataFile, Store, Writer, read_kept, writing
from apilens.store.data_files import files_by_day
from apilens.store.erase import SCRATCH, remove_scratch
from apilens.store.registering import rebuild_catalogue
from apilens.store.shapes import Shape, known_shapes

# What is kept of settings with the account rules.
BESIDE_ACCOUNT = (CHAIN, FILES, EMAILS)


@dataclass(frozen=True, slots=True)
class Rebuild:
    """What to rebuild: parts, or all that can be; from what is stored, or from logs; days from `since` on.

    From logs and without parts, whole rows are replaced; with parts, only their columns.
    """

    parts: Sequence[str] = ()
    files: Sequence[str] = ()
    since: date | None = None
    dry_run: bool = False


def rebuild(
    path: Place, asked: Rebuild, *, settings: Settings, options: ReadOptions, key: bytes, now: datetime,
    wait_s: float = 30.0, advance: Callable[[int, str], None] | None = None,
) -> Rebuilt:  # fmt: skip
    """Rebuild the store at `path`, or with `dry_run` find out what that would change.

    Raises InputError where a log cannot be read again, StoreBusy and StoreError.
    """
    Store.open(path)
    shape: Shape = {**shape_of(settings), **chain_of(settings)}
    extra = configured_dtypes(settings)
    lock = nullcontext() if asked.dry_run else writing(path, key=key, wait_s=wait_s, extra=extra, shape=shape)
    with lock as writer, _read_again(path, asked, settings, options, key, now, advance) as (fresh, summary):
        pipeline = Pipeline(settings, options, key=key, now=now)
        work = _Work(Store.open(path), writer, asked, pipeline, shape)
        if fresh:
            work.read_again(Reread(fresh, work.store, summary.logs, key=key))
        else:
            work.from_stored()
        if writer:
            # Accounts and endpoints may have other names now.
            rebuild_catalogue(writer)
        return work.done


@contextmanager
def _read_again(
    path: Place, asked: Rebuild, settings: Settings, options: ReadOptions, key: bytes, now: datetime,
    advance: Callable[[int, str], None] | None,
) -> Iterator[tuple[Store | None, Summary]]:  # fmt: skip
    """Read the logs into a store of their own, beside the one that they were read into."""
    if not asked.files:
        yield None, Summary()
        return
    if not asked.dry_run and isinstance(path, Path):
        # What a killed run left; the lock says that no other one is at it.
        remove_scratch(path)
    beside = path / "state" if isinstance(path, Path) and not asked.dry_run else None
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=beside) as folder:
        place = Path(folder) / "store"
        summary = ingest(
            asked.files, place, settings=settings, options=options, key=key, now=now, durable=False, advance=advance
        )
        if summary.problems:
            raise summary.problems[0]
        if not summary.logs:
            raise InputError("nothing to read again", hint="name the logs that were ingested")
        yield Store.open(place), summary


class _Work:
    """A rebuild under way. Without a writer nothing is written."""

    def __init__(self, store: Store, writer: Writer | None, asked: Rebuild, pipeline: Pipeline, shape: Shape) -> None:
        self.store = store
        self.done = Rebuilt()
        self._writer, self._asked, self._pipeline, self._shape = writer, asked, pipeline, shape
        self._parts = asked.parts or STORED_PARTS
        self._known = known_shapes(store)
        self._learning = self._learning_from(read_kept(store.path, STATE))

    def from_stored(self) -> None:
        """Make the derived columns of every day again."""
        context = Context(
            self._pipeline.settings, self._pipeline.key, lookups=self._pipeline.lookups, routes=self._pipeline.routes
        )
        making = Rederiving(self._parts, context, self._pipeline.formats, lambda rows: self._learning.named(rows))
        if "endpoint" in self._parts and self._asked.since is None:
            self._learn(making)
        for day, files in self._days():
            self._day_from_stored(day, files, making)
        if "endpoint" in self._parts:
            self._keep_learned()

    def read_again(self, reread: Reread) -> None:
        """Replace the rows of logs by those that were read again."""
        stored = dict(self._days())
        self._learning.announce(reread.announced, {})
        days = [(day, stored.get(day, [])) for day in sorted(reread.days) if self._is_asked(day)]
        reread.check([(day, [item.path for item in files]) for day, files in days])
        for day, files in days:
            if self._asked.parts:
                self._parts_read_again(day, files, reread)
            else:
                self._day_read_again(day, files, reread)
        if "endpoint" in self._parts:
            self._keep_learned()

    def _days(self) -> list[tuple[date, list[DataFile]]]:
        """Return the days to rebuild with their files, in order."""
        return sorted((day, files) for day, files in files_by_day(self.store.actions) if self._is_asked(day))

    def _is_asked(self, day: date) -> bool:
        return self._asked.since is None or day >= self._asked.since

    def _learning_from(self, saved: Mapping[str, Any]) -> Learning:
        return Learning(saved, self._pipeline.operations, self._pipeline.routes)

    def _learn(self, making: Rederiving) -> None:
        """Learn the endpoints of the whole store anew, so that all of it is called as it would be by its last day."""
        # What responses announced is in no stored event.
        self._learning = self._learning_from({"announced": msgspec.json.decode(self._learning.state())["announced"]})
        for day, files in self._days():
            for item in files:
                rows = self.store.rows(item.path).select("format", "method", "path", "endpoint", "status").collect()
                # Of a path that age took away the endpoint is what there is.
                rows = rows if "path" in item.aged else making.endpoints(rows)
                self._note_stated(rows)
                self._learning.renamed([{day: rows}])
        self._learning.anew()

    def _note_stated(self, rows: pl.DataFrame) -> None:
        """Take note of the routes that logs state: nothing is learned of those."""
        names = rows["format"].unique().to_list()
        stating = [name for name in names if states(name, "route", self._pipeline.formats, self._pipeline.settings)]
        stated = rows.filter(pl.col("format").is_in(stating))["endpoint"].drop_nulls().unique()
        self._pipeline.routes.stated.update(stated.str.replace(r"^[^ ]+ ", "").to_list())

    def _day_from_stored(self, day: date, files: Sequence[DataFile], making: Rederiving) -> None:
        old: list[DataFile] = []
        new: list[DataFile] = []
        for item in files:
            before = self._known.get(item.settings, {})
            rows = self.store.rows(item.path).collect()
            made = making.frame(rows, before, self._shape, aged=item.aged)
            changed = self.done.compare(day, rows, made.rows)
            self.done.left += made.left
            after = self._shape_after(before, made.left)
            if self._writer and (changed or after != before):
                old.append(item)
                new.append(self._write(day, made.rows, after, item.aged))
        if self._writer and old:
            self._writer.replace(old, new, work="rebuild")

    def _shape_after(self, before: Shape, left: Mapping[str, int]) -> Shape:
        """Return what shapes rows of which these parts were made again, but for those that only logs can tell."""
        done = [part for part in self._parts if not left.get(part)]
        beside = BESIDE_ACCOUNT if "account" in done else ()
        return {**before, **{part: self._shape[part] for part in (*done, *beside)}}

    def _day_read_again(self, day: date, files: Sequence[DataFile], reread: Reread) -> None:
        pairs = reread.match(day, [item.path for item in files]).pairs
        touched: list[DataFile] = []
        new: list[DataFile] = []
        for at, item in enumerate(files):
            gone = pairs.filter(pl.col("file_at") == at).select("row_at", *PLACE)
            if not gone.height:
                continue
            touched.append(item)
            rows = self.store.rows(item.path).with_row_index("row_at").collect()
            self.done.compare(day, *reread.beside(day, rows, gone))
            kept = rows.join(gone, on="row_at", how="anti").drop("row_at")
            if self._writer and kept.height:
                new.append(self._write(day, kept, self._known.get(item.settings, {}), item.aged))
        more = -pairs.height
        doubles = reread.doubles(day, [item.path for item in files], pairs).lazy() if files else None
        for frame in reread.frames(day):
            rows = (frame if doubles is None else frame.join(doubles, on=PLACE, how="anti")).collect()
            more += rows.height
            self._note_stated(rows)
            [renamed] = self._learning.renamed([{day: rows}])
            if self._writer and rows.height:
                new.append(self._write(day, renamed[day], self._shape))
        self.done.added += more
        if self._writer and (touched or new):
            self._writer.replace(touched, new, work="rebuild", more=self._totals(more))

    def _parts_read_again(self, day: date, files: Sequence[DataFile], reread: Reread) -> None:
        """Give the rows that are stored some columns of their lines, as they are read now."""
        pairs = reread.match(day, [item.path for item in files]).pairs
        columns = columns_of(self._asked.parts, self._pipeline.settings)
        old: list[DataFile] = []
        new: list[DataFile] = []
        for at, item in enumerate(files):
            matched = pairs.filter(pl.col("file_at") == at).select("row_at", *PLACE)
            if not matched.height:
                continue
            rows = self.store.rows(item.path).with_row_index("row_at").collect()
            before, read = reread.beside(day, rows, matched)
            self._note_stated(read)
            [renamed] = self._learning.renamed([{day: read}])
            after = before.with_columns(renamed[day][name] for name in columns)
            self.done.compare(day, before, after)
            if self._writer:
                shape = self._known.get(item.settings, {})
                rest = rows.join(matched, on="row_at", how="anti").drop("row_at")
                old.append(item)
                new += [self._write(day, rest, shape, item.aged)] if rest.height else []
                new.append(self._write(day, after, self._shape_after(shape, {}), item.aged))
        if self._writer and old:
            self._writer.replace(old, new, work="rebuild")

    def _totals(self, stored: int) -> Counts:
        """Return what the totals grow by: lines that are stored now were rejected before, and the other way round."""
        assert self._writer is not None
        rejected = max(-stored, -self._writer.totals["rejected"])
        return Counts(read=stored + rejected, stored=stored, rejected=rejected)

    def _write(self, day: date, rows: pl.DataFrame, shape: Shape, aged: Collection[str] = ()) -> DataFile:
        assert self._writer is not None
        settings = self._writer.known(shape)
        # The account may have changed, and the rows of one lie together.
        return self._writer.write_day(day, rows.sort("account", "timestamp", *PLACE), settings=settings, aged=aged)

    def _keep_learned(self) -> None:
        # At the end: until then, days that are still old are called by what was known before.
        if self._writer:
            self._writer.keep(STATE, self._learning.state())
