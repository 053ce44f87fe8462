"""An open log: known by its content, read from any offset in blocks of whole lines."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

from apilens.errors import InputError
from apilens.objects import Object
from apilens.sources.decompress import Damage, compression_of, unpack
from apilens.sources.file import File
from apilens.sources.inputs import Source
from apilens.sources.lines import BOM, Block, Cutter
from apilens.sources.parquet import MAGIC, ParquetText
from apilens.sources.sniff import binary_kind, unsupported_compression, wide_encoding
from apilens.sources.streams import ChunkStream, PlainStream, Raw, chunks, read_at, read_pipe

if TYPE_CHECKING:
    from apilens.sources.remote import RemoteFile

HEAD = 4096
SAMPLE = 64 << 10


class Reader:
    """An open log, read through one descriptor whatever happens to its name. Use it as a context manager.

    compression: `gzip`, `zstd`, `bzip2`, `xz`, `parquet` (its rows are JSON lines) by content, or None. head: the first
    4096 uncompressed bytes or all there are. sample: the first 64 KiB, without the NULs that stand before them.
    is_stream: a pipe, read once from its beginning to its end. After `blocks`: pending, the bytes of an unterminated
    last line that was held back; complete, the end was reached and all is well; truncated, the file is shorter than
    the offset asked for; warnings, what the user should know.

    max_line: longer lines are left out (`Block.overlong`). max_bytes: what may come out of a decompressor.
    Raises InputError if the file cannot be opened or is no text log: a device, binary, UTF-16, an unknown compression.
    """

    def __init__(
        self,
        source: Source,
        *,
        block_bytes: int = 12 << 20,
        max_line: int = 1 << 20,
        max_bytes: int = 64 << 30,
    ) -> None:
        self.source = source
        self.pending = 0
        self.complete = False
        self.truncated = False
        self.warnings: list[str] = []
        self._block_bytes, self._max_line, self._max_bytes = block_bytes, max_line, max_bytes
        self._reached = 0
        self._opened: PlainStream | ChunkStream | None = None
        self._raw_head = self.head = self.sample = b""
        self._file = _open(source)
        try:
            self._start()
        except Damage as damage:
            self.close()
            raise InputError(f"{source.name}: {damage}") from None
        except BaseException:
            self.close()
            raise

    @property
    def is_whole(self) -> bool:
        """Say whether an unterminated last line is whole: nobody is still writing at what is packed, or an object."""
        return self.is_stream or self.compression is not None or not self._file.grows

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, and let go of what was read of it but `head`; stdin stays open."""
        self._file.close()
        # Whoever reads 50,000 logs may keep their readers.
        self._opened, self._raw_head, self.sample = None, b"", b""

    def blocks(self, *, offset: int = 0, first_line: int = 1, final: bool) -> Iterator[Block]:
        """Yield the lines from an uncompressed offset on, at which line number `first_line` begins.

        final: give out a last line that has no newline. Without it such a line of a plain file is held back, since its
        writer may still be at it; a pipe, an object or a complete compressed file gives it out anyway. Raises
        InputError after the last whole line where the file breaks off: compressed data that end early or are damaged,
        or are a bomb.
        """
        self.pending, self.complete, self.truncated = 0, False, False
        stream = self._stream_at(offset)
        if stream is None:
            return
        final = final or self.is_whole
        cutter = Cutter(
            stream,
            block_bytes=self._block_bytes,
            max_line=self._max_line,
            position=offset,
            line=first_line,
            final=final,
        )
        for block in cutter:
            self._reached = max(self._reached, block.end)
            yield block
        self.pending = cutter.pending
        self._warn(stream, cutter)
        if stream.damage is not None:
            lines = cutter.line - 1
            raise InputError(f"{self.source.name}: {stream.damage} at byte {stream.progress} ({lines} lines read)")
        self.complete = True

    def document(self, *, max_bytes: int = 256 << 20) -> Block:
        """Return all there is as one block, lines of any length, to be stored as a whole or not at all.

        A document is known by its whole content: `head` is a digest from here on. Raises InputError where the file
        breaks off, and for one of more than `max_bytes`.
        """
        stream = self._stream_at(0)
        assert stream is not None, "nothing is shorter than 0 bytes"
        parts: list[bytes] = []
        size = 0
        while data := stream.read(self._block_bytes):
            parts.append(data)
            size += len(data)
            if size > max_bytes:
                raise InputError(f"{self.source.name}: a document of more than {max_bytes >> 20} MiB is not read whole")
        if stream.damage is not None:
            raise InputError(f"{self.source.name}: {stream.damage} at byte {stream.progress}")
        data = b"".join(parts).removeprefix(BOM)
        self.head = hashlib.sha256(data).hexdigest().encode()
        self._reached, self.complete = size, True
        lines = data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
        return Block(data, 1, lines, 0, size, stream.progress)

    def skipped_part(self, offset: int) -> Iterator[bytes]:
        """Yield the bytes in front of an uncompressed offset, a block at a time; of a pipe, what is known of them."""
        if self.source.chunk:
            yield self.source.chunk.directives
        stream = None if self.is_stream else self._new_stream()
        while stream is not None and offset > 0 and (data := stream.read(min(offset, self._block_bytes))):
            offset -= len(data)
            yield data

    def head_unchanged(self) -> bool:
        """Say whether the file still begins as when it was opened and holds what was read; a pipe always does.

        False means that it was truncated or written over meanwhile, and what was read may be torn.
        """
        if self.is_stream:
            return True
        try:
            return self._file.unchanged(self._raw_head, 0 if self.compression else self._reached)
        except (OSError, Damage):
            return False

    def _start(self) -> None:
        """Look at the first bytes: compression, head and sample, and whether this is a text log at all."""
        self.is_stream = self._file.is_pipe
        if not self._file.is_log:
            raise Damage("a directory or device, not a log")
        self._raw_head = self._first_of_pipe() if self.is_stream else read_at(self._file, HEAD, 0)
        if (kind := unsupported_compression(self._raw_head)) is not None:
            raise InputError(f"{self.source.name}: unsupported compression: {kind}", hint="unpack it first")
        self.compression = "parquet" if self._raw_head.startswith(MAGIC) else compression_of(self._raw_head)
        if self.compression == "parquet" and self.is_stream:
            raise InputError(f"{self.source.name}: Parquet cannot be read from a pipe", hint="name the file itself")
        # Read for the sample and then for the first blocks, so that nothing is decompressed twice.
        self._opened = self._new_stream()
        sample = self._opened.read(SAMPLE)
        self._opened.give_back(sample)
        self.head = sample[:HEAD]
        self.sample = sample.lstrip(b"\0") or self._behind_hole(len(sample))
        self._refuse_unless_text(sample)

    def _refuse_unless_text(self, sample: bytes) -> None:
        name = self.source.name
        if (encoding := wide_encoding(sample)) is not None:
            charset = encoding.split()[0]
            hint = f"iconv -f {charset} -t UTF-8 LOG | apilens … -"
            raise InputError(f"{name}: {encoding}: convert with iconv", hint=hint)
        if (kind := binary_kind(self.sample)) is not None:
            raise InputError(f"{name}: not a text log: it looks like {kind}")

    def _behind_hole(self, position: int) -> bytes:
        """Return a plain file's first bytes behind the NULs that copytruncate left, b"" if there are none."""
        if self.compression is not None or self.is_stream:
            return b""
        while data := read_at(self._file, 1 << 20, position):
            if text := data.lstrip(b"\0"):
                return text[:SAMPLE]
            position += len(data)
        return b""

    def _first_of_pipe(self) -> bytes:
        head = b""
        while len(head) < HEAD and (data := read_pipe(self._file.fd, HEAD - len(head))):
            head += data
        return head

    def _new_stream(self) -> PlainStream | ChunkStream:
        if self.compression == "parquet":
            return ChunkStream(ParquetText(self._file), chunks, self._max_bytes)
        short = len(self._raw_head) < HEAD
        raw = Raw(self._file, self._raw_head if self.is_stream else None, ended=self.is_stream and short)
        if self.compression is not None:
            return ChunkStream(raw, partial(unpack, self.compression), self._max_bytes)
        return ChunkStream(raw, chunks, sys.maxsize) if self.is_stream else PlainStream(self._file, 0)

    def _stream_at(self, offset: int) -> PlainStream | ChunkStream | None:
        """Return a stream that stands at an uncompressed offset, or None if the file ends before that."""
        stream = self._opened
        if stream is None:
            if self.is_stream:
                raise ValueError("a pipe is read once")
            stream = self._new_stream()
        self._opened = None
        if isinstance(stream, PlainStream):
            self.truncated = self._file.size() < offset
            return None if self.truncated else PlainStream(self._file, offset)
        while offset > 0 and (skipped := stream.read(min(offset, self._block_bytes))):
            offset -= len(skipped)
        self.truncated = offset > 0 and stream.damage is None
        return None if self.truncated else stream

    def _warn(self, stream: PlainStream | ChunkStream, cutter: Cutter) -> None:
        name = self.source.name
        if cutter.nuls:
            self.warnings.append(f"{name}: ends in {cutter.nuls} NUL bytes and no text; nothing was read from them")
        # Logs shrink 5 to 40 times; 1000 times is a bomb or a file of nothing.
        if isinstance(stream, ChunkStream) and stream.total > max(1 << 20, 1000 * stream.progress):
            self.warnings.append(f"{name}: unpacks to more than 1000 times its size")


def _open(source: Source) -> File | RemoteFile:
    if not isinstance(source.path, Object):
        return File(source)
    # With it comes pyarrow.
    from apilens.sources.remote import RemoteFile

    return RemoteFile(source.path)
