"""Logs into the store, exactly once: sources → formats → enrich → store."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import chain
from pathlib import Path

import polars as pl

from apilens.ageing import ROWS_AT_ONCE, Aged, age_out
from apilens.config import ReadOptions, Settings
from apilens.dedupe import Duplicates, Kept
from apilens.endpoints import STATE
from apilens.enrich import configured_dtypes
from apilens.errors import InputError
from apilens.learning import Learning
from apilens.pieces import REJECTS, Log, Piece, attributed_by
from apilens.pipeline import BLOCK_BYTES, Pipeline
from apilens.recognised import STATE as FOUND
from apilens.recognised import Recognised
from apilens.sources import Block, Reader
from apilens.store import Counts, DataFile, Position, compact, read_kept, tidy, writing
from apilens.store.catalogue import seen_in
from apilens.store.data_files import by_day
from apilens.store.maintenance import Compaction
from apilens.store.registering import Register
from apilens.store.writer import Advance, Writer
from apilens.threads import in_order
from apilens.together import grouped, parse_together

# A log that is not sorted by time makes a file for each day in each commit; larger commits make fewer of them.
SCATTERED_DAYS = 8
SCATTERED_BLOCKS = 8
SHOWN_REJECTS = 20


@dataclass(slots=True)
class Summary:
    """What a run did: a log for each input that was read, totals that balance, and what could not be read."""

    logs: list[Log] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    problems: list[InputError] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    shown_rejects: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REJECTS))
    compaction: Compaction = field(default_factory=Compaction)
    aged: Aged = field(default_factory=Aged)
    commits: int = 0
    # Files that --since left closed.
    untouched: int = 0
    # Rule that found the account → requests; None: no account.
    sources: Counter[str | None] = field(default_factory=Counter)

    def take(self, pipeline: Pipeline) -> None:
        """Take over what a pipeline noted on its way."""
        self.logs, self.problems = pipeline.logs, pipeline.problems
        self.skipped, self.warnings = pipeline.skipped, pipeline.warnings
        self.untouched = pipeline.untouched

    def keep_rejects(self, rejects: pl.DataFrame) -> None:
        """Keep the first rejects, to be shown."""
        room = SHOWN_REJECTS - self.shown_rejects.height
        if room > 0 and rejects.height:
            self.shown_rejects = pl.concat([self.shown_rejects, rejects.head(room)])

    @property
    def pending(self) -> int:
        """Bytes of half-written last lines, which the next run will read."""
        return sum(log.pending for log in self.logs)


@dataclass(slots=True)
class Stream:
    """The content behind one or more inputs of a run: its first bytes, how far it was read, and how far committed."""

    head: bytes
    read: Position
    committed: Position


class Streams:
    """What a run has read by content, so that a log and its copy, both named, are read once."""

    def __init__(self, position: Callable[[bytes], Position]) -> None:
        self._position = position
        self._by_first_line: dict[bytes, list[Stream]] = {}
        self._by_reader: dict[int, Stream] = {}

    def start(self, reader: Reader) -> Position:
        """Return where to go on reading: behind what the store has, or what an earlier input of this run gave."""
        head = reader.head
        alike = self._by_first_line.setdefault(head.partition(b"\n")[0], [])
        stream = next((item for item in alike if head.startswith(item.head) or item.head.startswith(head)), None)
        if stream is None:
            known = self._position(head)
            stream = Stream(head, known, known)
            alike.append(stream)
        elif len(head) > len(stream.head):
            stream.head = head
        self._by_reader[id(reader)] = stream
        return stream.read

    def follow(self, blocks: Iterable[tuple[Log, Block]]) -> Iterator[tuple[Log, Block]]:
        """Pass blocks on, noting how far they take their stream."""
        for log, block in blocks:
            if not log.reader.is_stream:
                stream = self.of(log)
                stream.read = Position(stream.read.stream, block.end, block.first_line + block.lines - 1)
            yield log, block

    def of(self, log: Log) -> Stream:
        """Return the stream that an input is read from."""
        return self._by_reader[id(log.reader)]


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
    inputs: Sequence[str], store: Path, *, settings: Settings, options: ReadOptions, key: bytes, now: datetime,
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
    pipeline: Pipeline, inputs: Sequence[str], store: Path, *, wait_s: float = 30.0, final: bool = False,
    durable: bool = True, advance: Callable[[int, str], None] | None = None,
) -> Summary:  # fmt: skip
    """Do one pass of what `ingest` does, with a pipeline that may be used for more of them."""
    summary = Summary()
    settings, block_bytes, now = pipeline.settings, pipeline.block_bytes, pipeline.now
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
        if durable:
            # Files that are read directly are read whole.
            summary.aged = age_out(writer, settings, key=pipeline.key, today=now.date(), most_rows=ROWS_AT_ONCE)
        summary.compaction = compact(writer, today=now.date(), every_day=scattered)
        tidy(writer)
        register.keep()
    return summary


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
    after = writer.commit(written.files, advances, counts=written.counts, rejects=written.rejects, info=info)
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
