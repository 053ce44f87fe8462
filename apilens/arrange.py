"""Blocks as a format needs them: with the directives in force before them, and not cut where a text goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from apilens.formats import Format
from apilens.sources import Block, Reader


def arranged(blocks: Iterator[Block], format: Format, reader: Reader, *, final: bool) -> Iterator[Block]:
    """Return the blocks of a reader as the format needs them.

    final: lines at the end that are said to go on are given out; else they are left for the next run.
    """
    if format.held:
        blocks = _regrouped(blocks, format.held, reader, final=final)
    return _with_prelude(blocks, format.prelude, reader) if format.prelude else blocks


def _with_prelude(blocks: Iterator[Block], prelude: Callable[[bytes, bytes], bytes], reader: Reader) -> Iterator[Block]:
    before: bytes | None = None
    for block in blocks:
        if before is None:
            # What earlier runs read says how to read this one.
            before, rest = b"", b""
            for data in reader.skipped_part(block.start):
                lines = (rest + data).rpartition(b"\n")
                before, rest = prelude(before, lines[0] + lines[1]), lines[2]
        yield replace(block, prelude=before)
        before = prelude(before, block.data)


def _regrouped(
    blocks: Iterator[Block], held: Callable[[bytes], int], reader: Reader, *, final: bool
) -> Iterator[Block]:
    kept: Block | None = None
    for block in blocks:
        whole, kept = _split(_joined(kept, block), held)
        if whole.lines:
            yield whole
    if kept and kept.lines:
        if final:
            yield kept
        else:
            reader.pending += len(kept.data)


def _joined(kept: Block | None, block: Block) -> Block:
    if not kept or not kept.lines:
        return block
    return replace(
        block,
        data=kept.data + block.data,
        first_line=kept.first_line,
        lines=kept.lines + block.lines,
        start=kept.start,
        overlong=kept.overlong + block.overlong,
    )


def _split(block: Block, held: Callable[[bytes], int]) -> tuple[Block, Block]:
    size = held(block.data)
    cut = len(block.data) - size
    tail = block.data[cut:]
    lines = block.lines - _count(tail)
    end = block.end - size
    return (
        replace(block, data=block.data[:cut], lines=lines, end=end),
        replace(block, data=tail, first_line=block.first_line + lines, lines=_count(tail), start=end, overlong=()),
    )


def _count(data: bytes) -> int:
    return data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
