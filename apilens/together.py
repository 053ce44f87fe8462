"""Small logs of one kind parsed together: a parse takes 30 ms however little it is given, and there may be 50,000."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

import polars as pl

from apilens.pieces import Log, Piece
from apilens.pipeline import DOUBT, Pipeline
from apilens.sources import Block

# What is larger is worth a parse of its own.
_SMALL_BYTES = 64 << 10
_MOST_BYTES = 2 << 20

Item = tuple[Log, Block]


def grouped(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Give blocks in their order, those of small logs that are read the same way in one list."""
    group: list[Item] = []
    size = 0
    for log, block in items:
        if group and (size > _MOST_BYTES or not (_is_small(log, block) and _alike(group[0][0], log))):
            yield group
            group, size = [], 0
        group.append((log, block))
        size += len(block.data)
        if not _is_small(log, block):
            yield group
            group, size = [], 0
    if group:
        yield group


def parse_together(pipeline: Pipeline, items: Sequence[Item]) -> list[tuple[Sequence[Item], Piece]]:
    """Parse blocks as one, and return what each part of them came to: one for all, or one for each."""
    log, block = items[0]
    if len(items) == 1:
        return [(items, pipeline.parse(log, block))]
    data = b"".join(one.data if one.data.endswith(b"\n") else one.data + b"\n" for _, one in items)
    first = replace(block, data=data, first_line=1, lines=sum(one.lines for _, one in items), overlong=())
    piece = pipeline.parse(replace(log, likely=False), first)
    if any(one.likely for one, _ in items) and piece.counts.rejected > DOUBT * first.lines:
        return [([item], pipeline.parse(*item)) for item in items]
    places = _Places(items)
    return [(items, replace(piece, events=places.named(piece.events), rejects=places.named(piece.rejects)))]


class _Places:
    """Where each line of joined blocks comes from."""

    def __init__(self, items: Sequence[Item]) -> None:
        starts = list(accumulate((block.lines for _, block in items[:-1]), initial=1))
        self._starts = pl.Series(starts, dtype=pl.Int64)
        self._shift = pl.Series([block.first_line for _, block in items], dtype=pl.Int64) - self._starts
        self._names = pl.Series([log.source.name for log, _ in items], dtype=pl.String)

    def named(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return events or rejects with the log and the line in it that they come from."""
        at = self._starts.search_sorted(rows["line"], side="right") - 1
        line = rows["line"] + self._shift.gather(at)
        return rows.with_columns(line.alias("line"), self._names.gather(at).alias("source"))


def _is_small(log: Log, block: Block) -> bool:
    alone = log.reader.is_stream or log.format.framing == "document" or block.prelude or block.overlong
    return len(block.data) <= _SMALL_BYTES and not alone


def _alike(one: Log, other: Log) -> bool:
    """Say whether two logs are read the same way. Of the sources of a run there is one origin each, but for labels."""
    return (
        one.format is other.format and one.origin.name == other.origin.name and one.origin.labels == other.origin.labels
    )
