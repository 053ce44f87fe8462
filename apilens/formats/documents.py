"""The recipe for documents: files that are one JSON value, whose entries a format of JSON lines reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import polars as pl

from apilens.formats.base import EMPTY_EVENTS, REJECT_SCHEMA, Format, Parsed, ParseOptions, Sample


def document(
    lines: Format, entries: Callable[[bytes], Sequence[bytes]], *, name: str, title: str,
    recognises: Callable[[bytes], bool], samples: tuple[Sample, ...],
) -> Format:  # fmt: skip
    """Return a format of documents that hold what `lines` reads.

    entries(data) gives the entries of a document, and raises msgspec.MsgspecError for what is none. Every event has the
    number of the document's first line, and its item says which entry it was.
    """

    def parse(data: bytes, first_line: int, options: ParseOptions) -> Parsed:
        count = data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
        if not data.strip():
            return Parsed(pl.DataFrame(schema=dict(EMPTY_EVENTS)), blank=count)
        try:
            texts = [msgspec.json.format(entry, indent=-1) for entry in entries(data)]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            rejected = (first_line, f"no {title}: {error}", data[:200].decode("utf-8", "replace"))
            rejects = pl.DataFrame([rejected], schema=dict(REJECT_SCHEMA), orient="row")
            return Parsed(pl.DataFrame(schema=dict(EMPTY_EVENTS)), rejects, extra=1 - count)
        parsed = lines.parse(b"\n".join(texts), 1, options)
        place = pl.lit(first_line, dtype=pl.Int64).alias("line")
        return replace(
            parsed,
            events=parsed.events.with_columns((pl.col("line") - 1).cast(pl.Int32).alias("item")).with_columns(place),
            rejects=parsed.rejects.with_columns(place),
            extra=parsed.extra + len(texts) - count,
        )

    return replace(
        lines, name=name, title=title, parse=parse, samples=samples, framing="document", recognises=recognises
    )
