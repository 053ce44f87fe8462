"""A file as a stream of uncompressed bytes that ends, and says so, where it cannot be read on."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator
from typing import Protocol

from apilens.sources.decompress import CHUNK, Damage

PROBE = 64 << 10


class Stored(Protocol):
    """A file that can be read at any place: on disk, or in an object store. Its methods raise OSError."""

    @property
    def fd(self) -> int: ...

    def size(self) -> int: ...

    def pread(self, size: int, position: int) -> bytes: ...


def read_at(file: Stored, size: int, position: int) -> bytes:
    """Return `size` bytes of a regular file from `position`, fewer only at its end. Raises Damage if the read fails."""
    try:
        data = file.pread(size, position)
        while len(data) < size and (more := file.pread(size - len(data), position + len(data))):
            data += more
    except OSError as error:
        raise Damage(f"cannot be read ({error.strerror})") from None
    return data


def read_pipe(fd: int, size: int) -> bytes:
    """Wait for the next bytes of a pipe, `size` at most, b"" at its end. Raises Damage if the read fails."""
    while True:
        try:
            return os.read(fd, size)
        except BlockingIOError:
            # Whoever made the pipe may have left it non-blocking.
            select.select([fd], [], [])
        except OSError as error:
            raise Damage(f"cannot be read ({error.strerror})") from None


class Chunks(Protocol):
    """Bytes in chunks: call it for the next, b"" is the end. position: how much of the stored file that took."""

    @property
    def position(self) -> int: ...

    def __call__(self) -> bytes: ...


class Raw:
    """The bytes of a file as stored, in chunks: call it for the next, b"" is the end. position counts them.

    head: what was read of a pipe already, `ended` if that is all of it; None for a regular file, which is read from its
    beginning and leaves the descriptor's own position alone.
    """

    def __init__(self, file: Stored, head: bytes | None, *, ended: bool = False) -> None:
        self._file = file
        self._seekable = head is None
        self._ended = ended
        self._head = head or b""
        self.position = 0

    def __call__(self) -> bytes:
        if self._head:
            data, self._head = self._head, b""
        elif self._ended:
            return b""
        elif self._seekable:
            data = read_at(self._file, CHUNK, self.position)
        else:
            data = read_pipe(self._file.fd, CHUNK)
        # A terminal would wait for more after its end.
        self._ended = self._ended or not data
        self.position += len(data)
        return data


class PlainStream:
    """An uncompressed regular file from an offset. Reads end behind a newline where one is near, to spare a copy."""

    def __init__(self, file: Stored, position: int) -> None:
        self._file = file
        self.progress = position
        self.damage: Damage | None = None

    @property
    def damaged(self) -> bool:
        """Say whether reading failed before the end."""
        return self.damage is not None

    def read(self, size: int) -> bytes:
        """Return the next bytes, `size` at most, b"" at the end."""
        try:
            if size > PROBE:
                # Cutting a block at its last newline afterwards would copy it: 1.0 GB/s instead of 2.
                first = size - PROBE
                newline = read_at(self._file, PROBE, self.progress + first).rfind(b"\n")
                size = first + newline + 1 if newline >= 0 else size
            data = read_at(self._file, size, self.progress)
        except Damage as damage:
            self.damage = damage
            return b""
        self.progress += len(data)
        return data

    def give_back(self, data: bytes) -> None:
        """Put the last bytes that were read back, to be read again."""
        self.progress -= len(data)


class ChunkStream:
    """A pipe, a decompressor or a table, of which no more than `max_bytes` is read. total counts what came out."""

    def __init__(self, raw: Chunks, unpack: Callable[[Callable[[], bytes]], Iterator[bytes]], max_bytes: int) -> None:
        self._raw = raw
        self._chunks = _capped(unpack(raw), max_bytes)
        self._held = b""
        self.total = 0
        self.damage: Damage | None = None

    @property
    def damaged(self) -> bool:
        """Say whether the stream broke off before its end."""
        return self.damage is not None

    @property
    def progress(self) -> int:
        """Return how many bytes of the file as stored were consumed."""
        return self._raw.position

    def read(self, size: int) -> bytes:
        """Return the next bytes, `size` at most, b"" at the end."""
        parts, missing = [self._held], size - len(self._held)
        try:
            while missing > 0 and (chunk := next(self._chunks, None)) is not None:
                self.total += len(chunk)
                parts.append(chunk)
                missing -= len(chunk)
        except Damage as damage:
            self.damage = damage
        self._held = b""
        if missing < 0:
            # Only the last part is cut: what is given out is copied once.
            parts[-1], self._held = parts[-1][:missing], parts[-1][missing:]
        return b"".join(parts)

    def give_back(self, data: bytes) -> None:
        """Put the last bytes that were read back, to be read again."""
        self._held = data + self._held


def chunks(raw: Callable[[], bytes]) -> Iterator[bytes]:
    """Yield the bytes of a pipe that is not compressed."""
    while data := raw():
        yield data


def _capped(parts: Iterator[bytes], max_bytes: int) -> Iterator[bytes]:
    total = 0
    for part in parts:
        total += len(part)
        if total > max_bytes:
            raise Damage(f"unpacks to more than {max_bytes / (1 << 30):.3g} GiB; reading stopped")
        yield part
