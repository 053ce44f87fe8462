"""A format within an envelope, as a format: what comes behind need not know of envelopes."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from apilens.envelopes.base import LABELS, Envelope
from apilens.formats import Format, Parsed, ParseOptions
from apilens.formats.values import NO_TIME

# What applications print between requests has none of this; a damaged request line mostly still has it.
_REQUEST = r'HTTP/[0-9]|"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /'
# Why formats reject what is nothing of theirs.
_MISFIT = f"^(?:{NO_TIME}|not JSON|not a JSON object|does not fit)"


def enclosed(envelope: Envelope, format: Format) -> Format:
    """Return a format that opens the envelope and reads what is in it.

    Its name is `envelope:format`. Lines that the format cannot read and that have nothing of a request are *other*:
    containers mix their application's output with its access log.
    """

    def parse(data: bytes, first_line: int, options: ParseOptions) -> Parsed:
        rows = envelope.open(data, first_line)
        return _outside(format.parse(joined(rows), 1, options), rows, _line_count(data))

    def prelude(before: bytes, data: bytes) -> bytes:
        return format.prelude(before, joined(envelope.open(data, 1))) if format.prelude else before

    return replace(
        format,
        name=f"{envelope.name}:{format.name}",
        title=f"{format.title}, in {envelope.title}",
        parse=parse,
        framing=envelope.framing,
        recognises=envelope.recognises,
        prelude=prelude if format.prelude else None,
        held=envelope.held,
    )


def joined(rows: pl.DataFrame) -> bytes:
    """Return the texts as a block of lines, one for each row."""
    texts = rows["text"].fill_null("")
    if texts.str.contains("\n", literal=True).any():
        texts = texts.str.replace_all(r"\r?\n", " ")
    return "".join((texts.str.join("\n").item() or "", "\n" if rows.height else "")).encode()


def _outside(parsed: Parsed, rows: pl.DataFrame, lines: int) -> Parsed:
    """Give events and rejects the numbers of the lines around them, and events the labels of their line."""
    at = parsed.events["line"] - 1
    events = parsed.events.with_columns(rows["line"].gather(at))
    if rows["line"].is_duplicated().any():
        # Several texts on one line: they are counted through, as several events of one text are.
        events = events.with_columns(pl.int_range(pl.len(), dtype=pl.Int32).over("line").alias("item"))
    for name in LABELS:
        if name in rows.columns:
            label = rows[name].gather(at)
            given = events[name] if name in events.columns else None
            events = events.with_columns(
                label
                if given is None
                else given.to_frame("given").select(pl.coalesce("given", label)).to_series().alias(name)
            )
    other = parsed.rejects["reason"].str.contains(_MISFIT) & ~parsed.rejects["text"].str.contains(_REQUEST)
    rejects = parsed.rejects.filter(~other)
    return replace(
        parsed,
        events=events,
        rejects=rejects.with_columns(rows["line"].gather(rejects["line"] - 1)),
        other=parsed.other + int(other.sum()),
        extra=parsed.extra + rows.height - lines,
    )


def _line_count(data: bytes) -> int:
    return data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
