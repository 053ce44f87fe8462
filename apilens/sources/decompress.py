"""Compressed bytes to plain ones, chunk by chunk in bounded memory, with everything that is whole before the damage.

gzip, bzip2 and xz come from the standard library: zlib gave 540 MB/s of log text, well above what parsing takes, and
frees the interpreter meanwhile. zstd comes from `compression.zstd` (Python 3.14) and from pyarrow before that, imported
only then.
"""

from __future__ import annotations

import bz2
import io
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any

CHUNK = 256 << 10  # bytes of input at a time, and of output out of zlib
# bz2, lzma and zstd lose the output of the call that meets the damage, so their calls are small.
STEP = 4 << 10
# An xz header may ask for a 4 GiB dictionary; the strongest preset needs 65 MiB.
XZ_MEMORY = 256 << 20

MAGIC: tuple[tuple[str, bytes], ...] = (
    ("gzip", b"\x1f\x8b"),
    ("zstd", b"\x28\xb5\x2f\xfd"),
    ("xz", b"\xfd7zXZ\x00"),
    ("bzip2", b"BZh"),
)
# "BZh9" may begin a line of text; the block (or end of stream) magic behind it may not.
BZIP2_BLOCKS = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")


class Damage(Exception):
    """Why a stream cannot be read on; the text goes between a file's name and "at byte N"."""


def compression_of(head: bytes) -> str | None:
    """Name the compression by a file's first bytes (`gzip`, `zstd`, `xz`, `bzip2`), or None: names of files lie."""
    for name, magic in MAGIC:
        if head.startswith(magic):
            return name if name != "bzip2" or head[4:10] in BZIP2_BLOCKS else None
    # A zstd file may open with a frame to skip, as those of pzstd do.
    return "zstd" if head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50 else None


def unpack(kind: str, raw: Callable[[], bytes]) -> Iterator[bytes]:
    """Yield the bytes that a compressed stream holds; all members or frames of it, and zero padding between them.

    kind: as `compression_of` names it. raw: gives the next compressed bytes, b"" at the end. Raises Damage after the
    last good bytes: the stream ends early, is corrupt (checksums included) or has something else behind it.
    """
    if kind == "gzip":
        return _gunzip(raw)
    if kind == "bzip2":
        return _members(kind, raw, bz2.BZ2Decompressor, OSError)
    if kind == "xz":
        return _members(kind, raw, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY), lzma.LZMAError)
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdDecompressor, ZstdError

        return _members(kind, raw, ZstdDecompressor, ZstdError)
    return _unzstd(raw)


def _gunzip(raw: Callable[[], bytes]) -> Iterator[bytes]:
    data = raw()
    while data:
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            data = data or raw()
            if not data:
                yield member.flush()
                raise Damage("gzip ends early")
            # A call that fails gives nothing, so the state before it (40 KB) is what the good bytes come from.
            before = member.copy()
            try:
                out = member.decompress(data, CHUNK)
            except zlib.error:
                yield from _before_damage(before, data)
                raise Damage("gzip is damaged") from None
            if out:
                yield out
            data = member.unconsumed_tail
        data = _next_member("gzip", member.unused_data, raw, (b"\x1f\x8b",))


def _before_damage(member: Any, data: bytes) -> Iterator[bytes]:
    """Decompress byte by byte what comes before the damage: at most one chunk, since the chunk failed."""
    for at in range(len(data)):
        try:
            out = member.decompress(data[at : at + 1])
        except zlib.error:
            return
        if out:
            yield out


def _members(kind: str, raw: Callable[[], bytes], new: Callable[[], Any], error: type[Exception]) -> Iterator[bytes]:
    magics = tuple(magic for name, magic in MAGIC if name == kind)
    if kind == "zstd":
        magics += tuple(bytes([low]) + b"\x2a\x4d\x18" for low in range(0x50, 0x60))
    data = raw()
    while data:
        member = new()
        while not member.eof:
            if member.needs_input and not (data := data or raw()):
                raise Damage(f"{kind} ends early")
            try:
                # It keeps what it has not used, so each byte goes in once.
                out = member.decompress(data, STEP)
            except error:
                raise Damage(f"{kind} is damaged") from None
            data = b""
            if out:
                yield out
        data = _next_member(kind, member.unused_data, raw, magics)


def _next_member(kind: str, data: bytes, raw: Callable[[], bytes], magics: tuple[bytes, ...]) -> bytes:
    """Skip zero padding behind a member and return the bytes of the next one, b"" at the end of the stream."""
    while not (data := data.lstrip(b"\0")):
        if not (data := raw()):
            return b""
    while len(data) < len(magics[0]) and (more := raw()):
        data += more
    if not data.startswith(magics):
        raise Damage(f"something else than {kind} follows the {kind} data")
    return data


class _RawFile(io.RawIOBase):
    """The compressed bytes as the file object that pyarrow asks for."""

    def __init__(self, raw: Callable[[], bytes]) -> None:
        super().__init__()
        self._raw = raw
        self._held = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._held or self._raw()
        if size < 0:
            size = len(data)
        self._held = data[size:]
        return data[:size]


def _unzstd(raw: Callable[[], bytes]) -> Iterator[bytes]:
    # 93 MB of code that only zstd needs; see the module's docstring.
    import pyarrow  # type: ignore[import-untyped, unused-ignore]

    failed: list[Damage] = []

    def guarded() -> bytes:
        # What a read raises must not come out of pyarrow as an error of zstd.
        try:
            return raw()
        except Damage as damage:
            failed.append(damage)
            return b""

    stream = pyarrow.CompressedInputStream(pyarrow.PythonFile(_RawFile(guarded), mode="r"), "zstd")
    while True:
        try:
            out = stream.read(STEP)
        except OSError as error:
            # pyarrow tells the two apart in its text only.
            early = "Truncated" in str(error)
            damage = Damage("zstd ends early" if early else "zstd is damaged, or something else follows it")
            raise (failed[0] if failed else damage) from None
        if failed:
            raise failed[0]
        if not out:
            return
        yield out
