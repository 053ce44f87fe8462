"""From named inputs to parsed, enriched blocks: what ingest and convert share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import chain

import polars as pl

from apilens.announced import announced
from apilens.arrange import arranged
from apilens.config import ReadOptions, Settings
from apilens.enrich import as_they_are, asked, enrich
from apilens.enrich.base import Context
from apilens.enrich.route_table import RouteTable
from apilens.errors import InputError
from apilens.formats import Format, Needs, Parsed, ParseOptions
from apilens.formats.detect import SAMPLE_BYTES
from apilens.lookups import read_lookups
from apilens.openapi import read_openapi
from apilens.origins import Origin, Origins
from apilens.pieces import Log, Piece, rejects_of
from apilens.reattribute import chain_of
from apilens.recall import Recall
from apilens.recognised import Recognised
from apilens.recognition import bare_or_enclosed, is_document, known_formats, named, recognise
from apilens.shaping import shape_of
from apilens.sources import Block, Chunk, Reader, Source, expand
from apilens.store import Counts, Position, Seen
from apilens.store.shapes import Shape
from apilens.window import CLOCK_SLACK

BLOCK_BYTES = 12 << 20
# A log that was only likely to be in its format is looked at again when it rejects this share of the lines.
DOUBT = 0.02


class Pipeline:
    """Reads inputs in order.

    On the way `logs` fills with what is read, `problems` with inputs that could not be, `skipped` with files of a
    folder or glob that are no logs, `warnings` with what the user should know. since: what is older is read and not
    kept; files that were not written to since are not opened, and `untouched` counts them.
    """

    def __init__(
        self,
        settings: Settings,
        options: ReadOptions,
        *,
        key: bytes,
        now: datetime,
        columns: Collection[str] | None = None,
        block_bytes: int = BLOCK_BYTES,
        since: datetime | None = None,
    ) -> None:
        self.settings = settings
        # Before the tables of account rules are read: one that changes in between is older then, not newer.
        self.shape: Shape = {**shape_of(settings), **chain_of(settings)}
        self.key = key
        self.columns = columns
        self.block_bytes = block_bytes
        self.since = since
        # Asked between blocks: whether to leave the rest of a file for another time.
        self.stopping: Callable[[], bool] = lambda: False
        self._recall = Recall()
        # What earlier runs found out, where there is a store that remembers it.
        self.recognised = Recognised()
        self.begin(now)
        everywhere = [*settings.account, *(rule for source in settings.sources.values() for rule in source.account)]
        self.lookups = read_lookups(everywhere, key, warn=self.warnings.append)
        self.operations = read_openapi(settings.openapi)
        self.routes = RouteTable.of(self.operations, settings)
        self.formats = known_formats(settings)
        self.origins = Origins(settings, options, self.formats, columns)

    def begin(self, now: datetime, chunk: Chunk | None = None) -> None:
        """Forget what was noted, for another pass over the inputs; `chunk`: what `-` is in this one."""
        self.now = now
        self.chunk = chunk
        self.logs: list[Log] = []
        self.problems: list[InputError] = []
        self.skipped: list[str] = []
        self.warnings: list[str] = []
        self.untouched = 0
        self._latest = now + CLOCK_SLACK

    def blocks(
        self, inputs: Sequence[str], *, final: bool, start: Callable[[Reader], Position] | None = None,
        advance: Callable[[int, str], None] | None = None, seen: Seen | None = None,
    ) -> Iterator[tuple[Log, Block]]:  # fmt: skip
        """Give every block of every readable input, or with no inputs of all logs of the sources in apilens.yaml.

        start: says how far an input was read before. final: an unterminated last line is complete, not half written.
        advance(bytes, name) reports progress. seen: files that need not be opened; what is read to its end joins them.
        """
        sources, errors, notes = (*expand(inputs), []) if inputs else self.origins.find()
        self.problems += errors
        self.warnings += notes
        for found in sources:
            if self._is_untouched(found) or (seen and seen.has(found.info)):
                continue
            source, origin = self.origins.of(replace(found, chunk=None if found.path else self.chunk))
            try:
                with Reader(source, block_bytes=self.block_bytes) as reader:
                    yield from self._read(source, origin, reader, final, start, advance)
                    if seen and reader.complete and not (reader.pending or reader.warnings or self.stopping()):
                        seen.add(source.info)
            except InputError as error:
                if source.named or self._was_read(source):
                    self.problems.append(error)
                else:
                    self.skipped.append(error.message)

    def parse(self, log: Log, block: Block) -> Piece:
        """Parse and enrich one block. Safe to call from several threads."""
        piece = self._parse(log, block)
        if log.likely and piece.counts.rejected > DOUBT * block.lines:
            # A block is all there is of such a log, so nobody else has it in hand.
            options = ParseOptions(latest=self._latest, source_tz=log.origin.source_tz)
            with suppress(InputError):
                log.format = recognise(block.data, tuple(self.formats.values()), options).format
            log.context = self._context(log.source, log.origin, log.format)
            piece = self._parse(log, block)
        return piece

    def _parse(self, log: Log, block: Block) -> Piece:
        parsed = self.parsed(log, block)
        young = parsed.events
        if self.since is not None:
            young = young.filter(pl.col("timestamp") >= self.since)
        add = as_they_are if log.format.normalised else enrich
        events = add(young, log.context, columns=self.columns)
        long = len(block.overlong)
        counts = Counts(
            read=block.lines + parsed.extra,
            stored=events.height,
            rejected=parsed.rejects.height + long,
            other=parsed.other,
            # An over-long line left an empty one in its place.
            blank=parsed.blank - long,
            comments=parsed.comments,
            lossy=parsed.lossy,
            older=parsed.events.height - young.height,
        )
        return Piece(log, block, events, rejects_of(log, block, parsed.rejects), counts, announced(young, events))

    def parsed(self, log: Log, block: Block) -> Parsed:
        """Parse one block, as its format has it: with raw values, which are stored nowhere."""
        settings = log.origin.settings
        needs = Needs(*asked(settings, log.format.account, columns=self.columns))
        if log.format.normalised:
            needs = Needs(fields=frozenset(settings.column_types()))
        options = ParseOptions(
            latest=self._latest,
            needs=needs,
            source_tz=log.origin.source_tz,
            columns=log.origin.columns,
            prelude=block.prelude,
        )
        return log.format.parse(block.data, block.first_line, options)

    def _read(
        self, source: Source, origin: Origin, reader: Reader, final: bool,
        start: Callable[[Reader], Position] | None, advance: Callable[[int, str], None] | None,
    ) -> Iterator[tuple[Log, Block]]:  # fmt: skip
        document = reader.document() if self._is_document(reader.sample, origin) else None
        before = start(reader) if start and not reader.is_stream else Position(lines=source.lines_before)
        final = final or reader.is_whole
        if document:
            blocks = iter([document] if before.offset < document.end else [])
        else:
            blocks = reader.blocks(offset=before.offset, first_line=before.lines + 1, final=final)
        first = next(blocks, None)
        log: Log | None = None
        if first and not reader.head_unchanged():
            reader.complete = False
        elif first:
            log = self._open(source, origin, reader, before, document.data if document else reader.sample)
            seen = 0
            for block in arranged(chain([first], blocks), log.format, reader, final=final):
                if not reader.head_unchanged():
                    # Truncated under us: what was read may be a mixture; the next run begins with the new content.
                    reader.complete = False
                    return
                if self.stopping() and not source.chunk:
                    return
                if advance:
                    advance(block.progress - seen, source.name)
                    seen = block.progress
                yield log, block
        self.warnings += [f"{source.name}: {words}" for words in reader.warnings]
        if log:
            log.pending = reader.pending

    def _is_document(self, sample: bytes, origin: Origin) -> bool:
        if origin.format:
            return origin.format.framing == "document"
        return is_document(sample, tuple(self.formats.values()))

    def _open(self, source: Source, origin: Origin, reader: Reader, before: Position, sample: bytes) -> Log:
        format, fit, likely = self._format_of(source, origin, sample)
        log = Log(source, reader, format, fit, origin, self._context(source, origin, format), before, likely=likely)
        self.logs.append(log)
        return log

    def _format_of(self, source: Source, origin: Origin, sample: bytes) -> tuple[Format, float | None, bool]:
        """Return a log's format, how well it fits (None: nobody looked), and whether parsing has to tell if it does."""
        options = ParseOptions(latest=self._latest, source_tz=origin.source_tz)
        name = source.name
        if stated := origin.format:
            whole = stated.framing == "document"
            return stated if whole else bare_or_enclosed(sample, stated, options), None, False
        # What comes through a pipe does not change its format because little of it comes at a time.
        if met := self._recall.met(name, b"" if source.chunk else sample):
            return met.format, met.rate, False
        if len(sample) < SAMPLE_BYTES and not source.chunk and (alike := self._recall.alike(name, sample)):
            return alike, None, True
        try:
            found = self.recognised.find(
                sample, self.formats, options, declared=repr(self.settings.formats),
                search=lambda: recognise(sample, tuple(self.formats.values()), options),
                named=lambda known: named(known, self.formats),
            )  # fmt: skip
        except InputError as error:
            raise InputError(f"{name}: {error.message}", hint=error.hint) from None
        self._recall.add(name, b"" if source.chunk else sample, found)
        # A sample of blank lines and comments says nothing of the format.
        return found.format, found.rate if found.looks else None, False

    def _context(self, source: Source, origin: Origin, format: Format) -> Context:
        return Context(
            settings=origin.settings,
            hash_key=self.key,
            time_is=format.time_is,
            labels={**origin.labels, "source": source.name, "format": format.name},
            account=format.account,
            lookups=self.lookups,
            routes=self.routes,
        )

    def _is_untouched(self, source: Source) -> bool:
        """Say whether a file was not written to since `since`, and count it."""
        if self.since is None or source.info is None or source.size is None:
            return False
        untouched = source.info.st_mtime < self.since.timestamp()
        self.untouched += untouched
        return untouched

    def _was_read(self, source: Source) -> bool:
        return any(log.source is source for log in self.logs)
