"""Logs into the store, exactly once: sources → formats → enrich → store."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain
from pathlib import Path

import polars as pl

from apilens.ageing import ROWS_AT_ONCE, age_out
from apilens.config import ReadOptions, Settings
from apilens.dedupe import Duplicates, Kept
from apilens.endpoints import STATE
from apilens.enrich import configured_dtypes
from apilens.errors import StoreBusy, StoreError
from apilens.ingested import Summary
from apilens.learning import Learning
from apilens.pieces import Log, Piece, attributed_by
from apilens.pipeline import BLOCK_BYTES, Pipeline
from apilens.places import Place
from apilens.recognised import STATE as FOUND
from apilens.recognised import Recognised
from apilens.sources import Block
from apilens.store import Counts, DataFile, compact, read_kept, tidy, writing
from apilens.store.catalogue import seen_in
from apilens.store.data_files import by_day
from apilens.store.registering import Register
from apilens.store.streams import Advance
from apilens.store.table import readable
from apilens.store.writer import Writer
from apilens.streams_read import Streams
from apilens.threads import in_order
from apilens.together import grouped, parse_together

# A log that is not sorted by time makes a file for each day in each commit; larger commits make fewer of them.
SCATTERED_DAYS = 8
SCATTERED_BLOCKS = 8
# For how long it waits for whoever committed the same logs to a store on S3 before it looks at them again.
OVERTAKEN_S = 0.2


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A block without its bytes, and what became of them: the events by day, so that they can be gathered.

    before: the blocks of other logs that were parsed together with it.
    """

    log: Log
    block: Block
    days: dict[date, pl.DataFrame]
    counts: Counts
    rejects: pl.DataFrame
    sources: Counter[str | None]
    announced: pl.DataFrame
    before: Sequence[tuple[Log, Block]] = ()

    @property
    def ends(self) -> list[tuple[Log, Block]]:
        """How far this takes each log."""
        return [*self.before, (self.log, self.block)]


@dataclass
class _Batches:
    """What blocks became, grouped until they were about `size` bytes: small files share a commit. `size` may change."""

    parsed: Iterable[list[_Parsed]]
    size: int

    def __iter__(self) -> Iterator[list[_Parsed]]:
        batch: list[_Parsed] = []
        held = 0
        for item in chain.from_iterable(self.parsed):
            batch.append(item)
            held += sum(block.end - block.start for _, block in item.ends)
            if held >= self.size // 2:
                yield batch
                batch, held = [], 0
        if batch:
            yield batch


@dataclass(frozen=True, slots=True)
class _Written:
    """A batch whose files are on disk and wait for their commit."""

    files: list[DataFile]
    ends: list[tuple[Log, Block]]
    counts: Counts
    rejects: pl.DataFrame
    sources: Counter[str | None]
    learned: bytes
    seen: pl.DataFrame


def ingest(
    inputs: Sequence[str], store: Place, *, settings: Settings, options: ReadOptions, key: bytes, now: datetime,
    wait_s: float = 30.0, final: bool = False, durable: bool = True, block_bytes: int = BLOCK_BYTES,
    since: datetime | None = None, advance: Callable[[int, str], None] | None = None,
) -> Summary:  # fmt: skip
    """Read what is new in the inputs (none: the sources of apilens.yaml) into the store, made where there is none.

    final: an unterminated last line is read too, not left for the next run. durable: flush every commit to disk.
    block_bytes: how much is parsed at once; a commit holds about as much. since: older events are not stored. Inputs
    that cannot be read are in `Summary.problems`; the others were ingested. Raises StoreBusy and StoreError.
    """
    pipeline = Pipeline(settings, options, key=key, now=now, block_bytes=block_bytes, since=since)
    return take_in(pipeline, inputs, store, wait_s=wait_s, final=final, durable=durable, advance=advance)


def take_in(
    pipeline: Pipeline, inputs: Sequence[str], store: Place, *, wait_s: float = 30.0, final: bool = False,
    durable: bool = True, advance: Callable[[int, str], None] | None = None,
) -> Summary:  # fmt: skip
    """Do one pass of what `ingest` does, with a pipeline that may be used for more of them.

    Where another writer of a store on S3 reads the same logs, that begins again behind what the other one committed;
    without a commit of its own in `wait_s`, it raises StoreBusy.
    """
    summary = Summary()
    until, commits = time.monotonic() + wait_s, 0
    while True:
        try:
            _pass(pipeline, inputs, store, summary, wait_s=wait_s, final=final, durable=durable, advance=advance)
            return summary
        except StoreBusy:
            if summary.commits > commits:
                until, commits = time.monotonic() + wait_s, summary.commits
            # What came through a pipe cannot be read again, and for a lock it has waited already.
            is_gone = any(log.reader.is_stream for log in pipeline.logs)
            if isinstance(store, Path) or is_gone or time.monotonic() > until:
                raise
            summary.take(pipeline)
            # Somebody else is at these logs: that may as well go on for a while.
            time.sleep(OVERTAKEN_S)
            pipeline.begin(pipeline.now, pipeline.chunk)


def _pass(
    pipeline: Pipeline, inputs: Sequence[str], store: Place, summary: Summary, *, wait_s: float, final: bool,
    durable: bool, advance: Callable[[int, str], None] | None,
) -> None:  # fmt: skip
    settings, block_bytes = pipeline.settings, pipeline.block_bytes
    began_ns = time.time_ns()
    with writing(
        store, key=pipeline.key, wait_s=wait_s, durable=durable, extra=configured_dtypes(settings),
        # A store that nobody keeps is nobody else's to read.
        shape=pipeline.shape, group=settings.place.group if durable else None,
    ) as writer:  # fmt: skip
        streams = Streams(writer.position)
        seen = writer.seen(began_ns)
        scattered = False
        saved = read_kept(store, STATE)
        learning = Learning(saved, pipeline.operations, pipeline.routes)
        pipeline.recognised = Recognised(read_kept(store, FOUND))
        duplicates = Duplicates(writer)
        register = Register(writer)

        blocks = pipeline.blocks(inputs, final=final, start=streams.start, advance=advance, seen=seen)
        groups = grouped(streams.follow(blocks))
        batches = _Batches(in_order(lambda group: _parse(pipeline, group), groups), block_bytes)
        # A batch is written while the next one is parsed.
        for written in in_order(lambda batch: _write(writer, batch, learning, duplicates), batches, workers=1, ahead=2):
            _commit(writer, written, streams)
            register.take(written.seen)
            _account(summary, written)
            if len(written.files) > SCATTERED_DAYS:
                scattered = True
                batches.size = block_bytes * SCATTERED_BLOCKS
        if not summary.commits and learning.differs(saved):
            writer.keep(STATE, learning.state())
        if pipeline.recognised.differs():
            writer.keep(FOUND, pipeline.recognised.state())
        summary.take(pipeline)
        writer.keep_seen(seen)
        # Beside others who write to it, and may delete what is read here, what is left of this is for the next run.
        with suppress(StoreBusy, StoreError) if writer.has_rivals else nullcontext():
            _keep_up(writer, pipeline, summary, scattered=scattered, durable=durable)
        register.keep()


def _keep_up(writer: Writer, pipeline: Pipeline, summary: Summary, *, scattered: bool, durable: bool) -> None:
    """Keep the store quick to read, and free of what is too old."""
    today = pipeline.now.date()
    with readable():
        if durable:
            # Files that are read directly are read whole.
            summary.aged = age_out(writer, pipeline.settings, key=pipeline.key, today=today, most_rows=ROWS_AT_ONCE)
        summary.compaction = compact(writer, today=today, every_day=scattered)
        tidy(writer)


def _parse(pipeline: Pipeline, group: Sequence[tuple[Log, Block]]) -> list[_Parsed]:
    return [_parsed(items, piece) for items, piece in parse_together(pipeline, group)]


def _parsed(items: Sequence[tuple[Log, Block]], piece: Piece) -> _Parsed:
    *before, (log, block) = [(log, replace(block, data=b"")) for log, block in items]
    found = Counter(piece.sources())
    return _Parsed(log, block, by_day(piece.events), piece.counts, piece.rejects, found, piece.announced, before)


def _write(writer: Writer, batch: Sequence[_Parsed], learning: Learning, duplicates: Duplicates) -> _Written:
    kept = duplicates.without([(item.days, item.log.unique_id) for item in batch])
    batch = [_less(item, left) for item, left in zip(batch, kept, strict=True)]
    renamed = learning.renamed([item.days for item in batch], [item.announced for item in batch])
    files = writer.write(renamed)
    duplicates.wrote(files)
    return _Written(
        files=files,
        # The last block of each log says how far this batch takes it.
        ends=list({id(log): (log, block) for item in batch for log, block in item.ends}.values()),
        counts=sum((item.counts for item in batch), Counts()),
        rejects=pl.concat([item.rejects for item in batch]),
        sources=sum((item.sources for item in batch), Counter[str | None]()),
        learned=learning.state(),
        seen=seen_in(frame for days in renamed for frame in days.values()),
    )


def _less(item: _Parsed, kept: Kept) -> _Parsed:
    """Return what became of a block, its doubles counted as such."""
    doubles = sum(frame.height for frame in kept.doubles)
    counts = replace(item.counts, stored=item.counts.stored - doubles, duplicates=doubles)
    sources = Counter(item.sources)
    for frame in kept.doubles:
        sources.subtract(attributed_by(frame))
    return replace(item, days=kept.days, counts=counts, sources=+sources)


def _commit(writer: Writer, written: _Written, streams: Streams) -> None:
    # A pipe has no place to go on from.
    ends = [(streams.of(log), block) for log, block in written.ends if not log.reader.is_stream]
    advances = [
        Advance(stream.committed, stream.head, block.end, block.first_line + block.lines - 1) for stream, block in ends
    ]
    # Before the commit: killed in between, the next run counts some requests twice; the other way round it would call
    # paths routeless that events of the store have as routes.
    writer.keep(STATE, written.learned)
    info = {"sources": ", ".join(sorted({log.source.name for log, _ in written.ends}))[:500]}
    after = writer.commit(
        written.files, advances, counts=written.counts, rejects=written.rejects, info=info,
        # What somebody else committed meanwhile may be doubles of these.
        again=not any(log.unique_id for log, _ in written.ends),
    )  # fmt: skip
    for (stream, _), position in zip(ends, after, strict=True):
        stream.committed = position
    for log, _ in written.ends:
        if log.source.chunk:
            log.source.chunk.committed = True


def _account(summary: Summary, written: _Written) -> None:
    summary.counts += written.counts
    summary.commits += 1
    summary.sources += written.sources
    summary.keep_rejects(written.rejects)
