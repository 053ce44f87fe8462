"""A stream of bytes cut into blocks of whole lines, in memory bounded by the block whatever the lines are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Overlong:
    """A line that is too long to keep: its number, its length in bytes, the first 8 hex digits of its SHA-256."""

    line: int
    bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines: the last one lacks its newline only where the stream ends and it was asked for.

    data: their bytes; an over-long line is an empty one here, so that numbers stay true. first_line: number of the
    first. lines: how many. start, end: offsets in the uncompressed stream of the first byte and behind the last.
    progress: bytes of the file as stored (compressed) that were consumed so far. prelude: for whoever knows the format:
    the directive lines before this block that say how to read it.
    """

    data: bytes
    first_line: int
    lines: int
    start: int
    end: int
    progress: int
    overlong: tuple[Overlong, ...] = ()
    prelude: bytes = b""


class Stream(Protocol):
    """Uncompressed bytes in order. damaged: nothing more comes, and not because this is the end."""

    @property
    def damaged(self) -> bool: ...

    @property
    def progress(self) -> int: ...

    def read(self, size: int) -> bytes:
        """Return the next bytes, `size` at most, b"" at the end."""
        ...

    def give_back(self, data: bytes) -> None:
        """Put the last bytes that were read back, to be read again."""
        ...


class Cutter:
    """Iterate over a stream's blocks once. pending and nuls are true afterwards.

    position, line: where the stream stands; afterwards, where it ended: behind the last line that was given out.
    final: give an unterminated last line out. pending: bytes of the last line that were held back; nuls: of those, the
    bytes of a line that has nothing but NULs.
    """

    def __init__(
        self, stream: Stream, *, block_bytes: int, max_line: int, position: int, line: int, final: bool
    ) -> None:
        self._stream = stream
        self._size = block_bytes
        self._max_line = max_line
        self._final = final
        self.position = position
        self.line = line
        self.pending = 0
        self.nuls = 0

    def __iter__(self) -> Iterator[Block]:
        mark = self._skip_mark() if self.position == 0 else 0
        while data := self._stream.read(self._size):
            cut = data.rfind(b"\n") + 1
            if cut:
                self._stream.give_back(data[cut:])
                yield self._lines(data[:cut], mark + cut)
            elif block := self._one_line(data, mark):
                yield block
            else:
                return
            mark = 0

    def _skip_mark(self) -> int:
        """Read over a byte order mark and return its length, 0 if there is none."""
        first = b""
        while len(first) < len(BOM) and (data := self._stream.read(len(BOM) - len(first))):
            first += data
        if first == BOM:
            return len(BOM)
        self._stream.give_back(first)
        return 0

    def _lines(self, data: bytes, taken: int) -> Block:
        """Make a block of lines that all have their newline."""
        overlong: list[Overlong] = []
        pieces: list[bytes] = []
        kept = 0
        counted = self.line
        for start, end in _long_spans(data, self._max_line):
            pieces.append(data[kept:start])
            counted += pieces[-1].count(b"\n")
            line = _Line(self._max_line)
            line.add(data[start:end])
            pieces.append(line.text)
            overlong += line.overlong(counted)
            kept = end
        if pieces:
            data = b"".join([*pieces, data[kept:]])
        return self._block(data, data.count(b"\n"), taken, overlong)

    def _one_line(self, data: bytes, mark: int) -> Block | None:
        """Read a line that is longer than a block, or the unterminated last one; None if it is held back."""
        line = _Line(self._max_line)
        taken = mark
        line.add(data)
        while data:
            taken += len(data)
            data = self._stream.read(self._size)
            end = data.find(b"\n")
            if end >= 0:
                self._stream.give_back(data[end + 1 :])
                line.add(data[:end])
                return self._block(line.text + b"\n", 1, taken + end + 1, line.overlong(self.line))
            line.add(data)
        if line.size and self._final and not self._stream.damaged:
            overlong = line.overlong(self.line)
            return self._block(b"\n" if overlong else line.text, 1, taken, overlong)
        self.pending = taken - mark
        self.nuls = 0 if line.size else self.pending
        return None

    def _block(self, data: bytes, lines: int, taken: int, overlong: list[Overlong]) -> Block:
        start, first_line = self.position, self.line
        self.position += taken
        self.line += lines
        progress = self._stream.progress
        return Block(data, first_line, lines, start, self.position, progress, tuple(overlong))


class _Line:
    """One line in pieces: its text while that may be kept, then only its length and hash.

    NULs at its beginning are no part of it: copytruncate leaves as many as the file was long, gigabytes maybe.
    """

    def __init__(self, max_line: int) -> None:
        self._max_line = max_line
        self._hash: hashlib._Hash | None = None
        self.text = b""
        self.size = 0

    def add(self, data: bytes) -> None:
        if not self.size:
            data = data.lstrip(b"\0")
        self.size += len(data)
        if self._hash is not None:
            self._hash.update(data)
        elif self.size > self._max_line:
            self._hash = hashlib.sha256(self.text + data)
            self.text = b""
        else:
            self.text += data

    def overlong(self, number: int) -> list[Overlong]:
        """Return what is known of the line if it is too long, as a list of one, else an empty list."""
        return [Overlong(number, self.size, self._hash.hexdigest()[:8])] if self._hash is not None else []


def _long_spans(data: bytes, max_line: int) -> Iterator[tuple[int, int]]:
    """Yield start and end (its newline) of each line over max_line bytes, by jumps: no work per line."""
    start = 0
    while len(data) - start > max_line:
        last = data.rfind(b"\n", start, start + max_line + 1)
        if last < 0:
            end = data.index(b"\n", start)
            yield start, end
            last = end
        start = last + 1
