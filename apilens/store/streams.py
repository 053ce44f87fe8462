"""Which log is this, and how far was it read: identity by content, so that renaming, gzip and copies change nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

HEAD_BYTES = 4096
RETIRED = -1


@dataclass(frozen=True, slots=True)
class Position:
    """How far a stream was read: `stream` is its id ("" when never seen), in uncompressed bytes and lines."""

    stream: str = ""
    offset: int = 0
    lines: int = 0


@dataclass(frozen=True, slots=True)
class Advance:
    """How far a commit takes one log: its first bytes, where it stood, and where it stands now."""

    before: Position
    head: bytes
    offset: int
    lines: int


def stream_id(head: bytes) -> str:
    """Return the id of a stream whose committed part begins with these bytes (at most HEAD_BYTES)."""
    return f"{len(head)}-{hashlib.blake2b(head, digest_size=16).hexdigest()}"


def offset_key(stream: str) -> str:
    """Return the Delta transaction id under which the stream's offset is kept."""
    return f"offset/{stream}"


def lines_key(stream: str) -> str:
    """Return the Delta transaction id under which the stream's line count is kept."""
    return f"lines/{stream}"


def locate(head: bytes, version_of: Callable[[str], int | None]) -> Position:
    """Return how far the log that begins with `head` (its first HEAD_BYTES bytes) was read.

    The id of a log shorter than HEAD_BYTES was made from what was committed of it, so every line end in the head is
    tried, the longest first. `version_of` reads a Delta transaction id.
    """
    for length in _candidates(head):
        stream = stream_id(head[:length])
        offset = version_of(offset_key(stream))
        if offset is not None and offset != RETIRED:
            return Position(stream, offset, version_of(lines_key(stream)) or 0)
    return Position()


def advance(before: Position, head: bytes, offset: int, lines: int) -> tuple[Position, dict[str, int]]:
    """Return the position after reading up to `offset`, and the Delta transactions that record it.

    While a log is shorter than HEAD_BYTES its id grows with it; the id it outgrew is retired in the same commit.
    """
    after = Position(stream_id(head[: min(HEAD_BYTES, offset)]), offset, lines)
    versions = {offset_key(after.stream): offset, lines_key(after.stream): lines}
    if before.stream and before.stream != after.stream:
        versions[offset_key(before.stream)] = RETIRED
    return after, versions


def _candidates(head: bytes) -> Iterator[int]:
    yield len(head)
    end = len(head) - 1
    while (end := head.rfind(b"\n", 0, end)) >= 0:
        yield end + 1
