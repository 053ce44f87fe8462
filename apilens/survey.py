"""What apilens can read, and how it would read a given log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from apilens.config import ReadOptions, Settings
from apilens.convert import preview
from apilens.formats import Format, ParseOptions
from apilens.formats.base import EARLIEST
from apilens.recognition import all_envelopes, all_formats, candidates, custom_formats, is_document, known_formats
from apilens.result import Field, Result, Table
from apilens.sources import Reader, expand
from apilens.window import CLOCK_SLACK

_MOST_CANDIDATES = 8
_FEW = 3
_ROWS = 5
# Columns that every event has, whatever its format.
_COMMON = ("line", "item", "timestamp", "status")


def formats_result(settings: Settings) -> Result:
    """List formats and envelopes: name, title, what the time is, and the columns that the format's samples fill."""
    known = (*all_formats(), *custom_formats(settings).values())
    rows = [(item.name, item.title, item.time_is, ", ".join(fills(item))) for item in known]
    envelopes = [(item.name, item.title) for item in all_envelopes()]
    return Result(
        "formats",
        "Formats",
        (
            _table("formats", ("format", "reads", "time_is", "fills"), rows),
            _table("envelopes", ("envelope", "opens"), envelopes),
        ),
        notes=("--input-format NAME, or ENVELOPE:NAME, instead of detection",),
        command="apilens formats",
    )


def detection_result(text: str, settings: Settings, options: ReadOptions, *, key: bytes, now: datetime) -> Result:
    """Say how a log would be read: candidates with their hit rates, the first events, the first rejects.

    Raises InputError for what is no readable log.
    """
    sources, problems = expand([text])
    if problems:
        raise problems[0]
    known = tuple(known_formats(settings).values())
    parsing = ParseOptions(latest=now + CLOCK_SLACK, source_tz=options.source_tz or settings.source_tz or "UTC")
    with Reader(sources[0]) as reader:
        sample = reader.document().data if is_document(reader.sample, known) else reader.sample
    tried = candidates(sample, known, parsing)
    # Where some format reads it, those that read nothing say nothing.
    tried = [item for item in tried if item.hits][:_MOST_CANDIDATES] or tried[:_FEW]
    rows = [(item.format.name, item.format.title, item.hits, item.looks, item.rate) for item in tried]
    fields = (
        Field("format"),
        Field("reads"),
        Field("hits", "count"),
        Field("requests", "count"),
        Field("hit_rate", "ratio"),
    )
    tables = [Table("candidates", fields, _frame(tuple(field.name for field in fields), rows))]
    notes = []
    if sources[0].path is None:
        notes.append("a pipe is read once: name a file to see its first events")
    else:
        events, summary = preview([text], rows=_ROWS, settings=settings, options=options, key=key, now=now)
        if summary.problems and not summary.logs:
            notes.append(summary.problems[0].message)
        filled = [name for name in events.columns if events[name].null_count() < events.height]
        tables.append(Table("first events", tuple(map(Field, filled)), events.select(filled)))
        rejects = summary.shown_rejects.select("line", "reason", "shape")
        tables.append(Table("first rejects", tuple(map(Field, rejects.columns)), rejects.head(_ROWS)))
    return Result(
        "formats.detect", f"How {sources[0].name} reads", tuple(tables), query={"file": sources[0].name},
        notes=tuple(notes), command=f"apilens formats detect {sources[0].name}",
    )  # fmt: skip


def fills(format: Format) -> list[str]:
    """Return the columns that the samples of a format fill beyond time and status: what its logs can say."""
    if not format.samples:
        return []
    parsing = ParseOptions(latest=EARLIEST.replace(year=2200))
    # One by one: a document is one sample.
    frames = [format.parse(sample.line.encode() + b"\n", 1, parsing).events for sample in format.samples]
    filled = dict.fromkeys(
        name for frame in frames for name in frame.columns if frame[name].null_count() < frame.height
    )
    return [name.removeprefix("raw_") for name in filled if name not in _COMMON]


def _table(name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    return Table(name, tuple(map(Field, columns)), _frame(columns, rows))


def _frame(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=list(columns), orient="row")
