"""From named inputs to parsed, enriched blocks: what ingest and convert share."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import TypeVar

import polars as pl

from apilens.arrange import arranged
from apilens.config import CustomFormat, ReadOptions, Settings
from apilens.enrich import as_they_are, asked, enrich, needed_columns, reject_shape
from apilens.enrich.base import Context
from apilens.enrich.route_table import RouteTable
from apilens.errors import InputError
from apilens.formats import Format, Needs, Parsed, ParseOptions
from apilens.lookups import read_lookups
from apilens.openapi import read_openapi
from apilens.recognition import all_formats, bare_or_enclosed, is_document, named, recognise
from apilens.sources import Block, Reader, Source, expand
from apilens.store import Counts, Position
from apilens.window import CLOCK_SLACK

# Two blocks parse while a third is committed; more would only take memory on the machines this runs on.
BLOCK_BYTES = 12 << 20
WORKERS = 2
AHEAD = 3

REJECTS = {
    "source": pl.String(), "line": pl.Int64(), "reason": pl.String(), "bytes": pl.Int64(), "sha256": pl.String(),
    "shape": pl.String(),
}  # fmt: skip

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class Log:
    """One input while it is read: its format, how well that fits, and where every record of it went so far."""

    source: Source
    reader: Reader
    format: Format
    fit: float | None
    context: Context
    start: Position = field(default_factory=Position)
    counts: Counts = field(default_factory=Counts)
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """A block after parsing: enriched events, rejects (a frame of REJECTS) and where every record went."""

    log: Log
    block: Block
    events: pl.DataFrame
    rejects: pl.DataFrame
    counts: Counts

    def sources(self) -> dict[str | None, int]:
        """Return how many requests each rule found the account of; None: those of which none did."""
        if not {"account_source", "kind"} <= set(self.events.columns):
            return {}
        requests = self.events.filter(pl.col("kind") == "request")["account_source"]
        return dict(requests.value_counts().iter_rows())


class Pipeline:
    """Reads inputs in order.

    On the way `logs` fills with what is read, `problems` with inputs that could not be, `skipped` with files of a
    folder or glob that are no logs, `warnings` with what the user should know.
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
    ) -> None:
        self.settings = settings
        self.options = options
        self.key = key
        self.columns = columns
        self.block_bytes = block_bytes
        self.logs: list[Log] = []
        self.problems: list[InputError] = []
        self.skipped: list[str] = []
        self.warnings: list[str] = []
        self._parse_columns = needed_columns(columns, settings)
        self._latest = now + CLOCK_SLACK
        self._lookups = read_lookups(settings, key, warn=self.warnings.append)
        self.operations = read_openapi(settings.openapi)
        self.routes = RouteTable.of(self.operations, settings)
        self._formats = {**{item.name: item for item in all_formats()}, **custom_formats(settings)}
        self._fixed = self._fixed_format()

    def blocks(
        self, inputs: Sequence[str], *, final: bool, start: Callable[[Reader], Position] | None = None,
        advance: Callable[[int, str], None] | None = None,
    ) -> Iterator[tuple[Log, Block]]:  # fmt: skip
        """Give every block of every readable input. `start` says how far an input was read before.

        final: an unterminated last line is complete, not half written. advance(bytes, name) reports progress.
        """
        sources, errors = expand(inputs)
        self.problems += errors
        for source in sources:
            try:
                with Reader(source, block_bytes=self.block_bytes) as reader:
                    yield from self._read(source, reader, final, start, advance)
            except InputError as error:
                if source.named or self._was_read(source):
                    self.problems.append(error)
                else:
                    self.skipped.append(error.message)

    def parse(self, log: Log, block: Block) -> Piece:
        """Parse and enrich one block. Safe to call from several threads."""
        parsed = self.parsed(log, block)
        add = as_they_are if log.format.normalised else enrich
        events = add(parsed.events, log.context, columns=self.columns)
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
        )
        return Piece(log, block, events, self._rejects(log, block, parsed.rejects), counts)

    def parsed(self, log: Log, block: Block) -> Parsed:
        """Parse one block, as its format has it: with raw values, which are stored nowhere."""
        needs = Needs(*asked(self.settings, log.format.account))
        if log.format.normalised:
            needs = Needs(fields=frozenset(self.settings.columns))
        options = ParseOptions(
            latest=self._latest,
            needs=needs,
            source_tz=self.options.source_tz or self.settings.source_tz or "UTC",
            columns=self._parse_columns,
            prelude=block.prelude,
        )
        return log.format.parse(block.data, block.first_line, options)

    def _read(
        self, source: Source, reader: Reader, final: bool, start: Callable[[Reader], Position] | None,
        advance: Callable[[int, str], None] | None,
    ) -> Iterator[tuple[Log, Block]]:  # fmt: skip
        document = reader.document() if self._is_document(reader.sample) else None
        before = start(reader) if start and not reader.is_stream else Position()
        final = final or reader.is_stream or bool(reader.compression)
        if document:
            blocks = iter([document] if before.offset < document.end else [])
        else:
            blocks = reader.blocks(offset=before.offset, first_line=before.lines + 1, final=final)
        first = next(blocks, None)
        log: Log | None = None
        if first and reader.head_unchanged():
            log = self._open(source, reader, before, document.data if document else reader.sample)
            seen = 0
            for block in arranged(chain([first], blocks), log.format, reader, final=final):
                if not reader.head_unchanged():
                    # Truncated under us: what was read may be a mixture; the next run begins with the new content.
                    return
                if advance:
                    advance(block.progress - seen, source.name)
                    seen = block.progress
                yield log, block
        self.warnings += [f"{source.name}: {words}" for words in reader.warnings]
        if log:
            log.pending = reader.pending

    def _is_document(self, sample: bytes) -> bool:
        return self._fixed.framing == "document" if self._fixed else is_document(sample, tuple(self._formats.values()))

    def _open(self, source: Source, reader: Reader, before: Position, sample: bytes) -> Log:
        options = ParseOptions(
            latest=self._latest, source_tz=self.options.source_tz or self.settings.source_tz or "UTC"
        )
        fit = None
        if self._fixed:
            format = (
                self._fixed if self._fixed.framing == "document" else bare_or_enclosed(sample, self._fixed, options)
            )
        else:
            try:
                found = recognise(sample, tuple(self._formats.values()), options)
            except InputError as error:
                raise InputError(f"{source.name}: {error.message}", hint=error.hint) from None
            # A sample of blank lines and comments says nothing of the format.
            format, fit = found.format, found.rate if found.looks else None
        context = Context(
            settings=self.settings,
            hash_key=self.key,
            time_is=format.time_is,
            labels={"source": source.name, "format": format.name},
            account=format.account,
            lookups=self._lookups,
            routes=self.routes,
        )
        log = Log(source, reader, format, fit, context, before)
        self.logs.append(log)
        return log

    def _fixed_format(self) -> Format | None:
        text = self.options.log_format or (None if self.options.input_format else self.settings.log_format)
        if text:
            from apilens.formats.log_format import compile_log_format

            return compile_log_format(text)
        name = self.options.input_format
        return named(name, self._formats) if name else None

    def _was_read(self, source: Source) -> bool:
        return any(log.source is source for log in self.logs)

    def _rejects(self, log: Log, block: Block, rejects: pl.DataFrame) -> pl.DataFrame:
        long = pl.DataFrame(
            [
                (item.line, f"line too long ({item.bytes} bytes > 1 MiB)", item.bytes, item.digest, "")
                for item in block.overlong
            ],
            schema={name: dtype for name, dtype in REJECTS.items() if name != "source"},
            orient="row",
        )
        # A loop over lines, but only the rejected ones: Polars has no cryptographic hash.
        digests = [hashlib.sha256(text.encode()).hexdigest()[:8] for text in rejects["text"]]
        named = rejects.select(
            "line",
            "reason",
            pl.col("text").str.len_bytes().cast(pl.Int64).alias("bytes"),
            pl.Series("sha256", digests, dtype=pl.String),
            reject_shape(rejects["text"], self.settings.redact).alias("shape"),
        )
        found = pl.concat([named, long]).sort("line") if long.height else named
        return found.select(pl.lit(log.source.name).alias("source"), pl.all())


def custom_formats(settings: Settings) -> dict[str, Format]:
    """Return the formats that apilens.yaml declares, by name."""

    def build(name: str, custom: CustomFormat) -> Format:
        from apilens.formats.json_map import json_format

        if custom.log_format:
            from apilens.formats.log_format import compile_log_format

            return compile_log_format(custom.log_format, name=name, time_is=custom.time_is)
        if custom.csv:
            from apilens.formats.csv_map import csv_format

            separator = "," if custom.csv is True else custom.csv
            return csv_format(name, custom.fields or {}, separator=separator, time_is=custom.time_is)
        return json_format(name, custom.fields or {}, time_is=custom.time_is)

    return {name: build(name, custom) for name, custom in settings.formats.items()}


def in_order(work: Callable[[T], R], items: Iterable[T], *, workers: int = WORKERS, ahead: int = AHEAD) -> Iterator[R]:
    """Give work(item) for each item in order; `workers` are being worked on at once, `ahead` are taken in advance."""
    with ThreadPoolExecutor(workers, thread_name_prefix="apilens") as pool:
        running: deque[Future[R]] = deque()
        try:
            for item in items:
                running.append(pool.submit(work, item))
                if len(running) >= ahead:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()
