"""Objects of S3 as logs: which ones a URL means, and how one is read, in pieces and never as a whole."""

from __future__ import annotations

import errno
import glob
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyarrow import fs  # type: ignore[import-untyped, unused-ignore]

from apilens import s3
from apilens.file_pattern import glob_regex
from apilens.objects import Object
from apilens.sources.parquet import ROWS
from apilens.sources.streams import PROBE

if TYPE_CHECKING:
    import polars as pl

# What is fetched ahead of small reads in order: a request takes 20 to 100 ms, however little it brings.
PIECE = 4 << 20


def matches(text: Object) -> list[tuple[Object, os.stat_result]]:
    """Return the objects that a key, a prefix or a glob means, in no order, and what S3 says of each.

    Keys with a part that begins with a dot are left out of prefixes and globs. Raises InputError where S3 fails.
    """
    with s3.explained(text):
        system = s3.connect(text.bucket)
        # What is meant most likely is asked for first; wildcards may stand in the name of an object.
        ways = (_meant, _named) if glob.has_magic(text.key) else (_named, _meant)
        infos = next((found for way in ways if (found := way(system, text))), [])
    return [(Object(text.bucket, info.path.partition("/")[2]), s3.facts(info)) for info in infos]


def _named(system: fs.FileSystem, text: Object) -> list[fs.FileInfo]:
    """Return the object of that very name."""
    info = system.get_file_info(text.path.rstrip("/"))
    return [info] if info.type == fs.FileType.File else []


def _meant(system: fs.FileSystem, text: Object) -> list[fs.FileInfo]:
    """Return the objects below a prefix, or those of a glob."""
    parts = [part for part in text.key.split("/") if part]
    first = next((at for at, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    base = "/".join([text.bucket, *parts[:first]])
    return list(_walked(system, base, parts[first:]) if first < len(parts) else _below(system, base))


def _walked(system: fs.FileSystem, base: str, parts: list[str]) -> Iterator[fs.FileInfo]:
    """Give the objects that parts of a key stand for, a level at a time: a bucket may hold millions of others."""
    part, *rest = parts
    if part == "**":
        pattern = re.compile(glob_regex("/".join(parts)), re.DOTALL)
        yield from (info for info in _below(system, base) if pattern.fullmatch(info.path[len(base) + 1 :]))
        return
    pattern = re.compile(glob_regex(part), re.DOTALL)
    for info in _listed(system, base):
        hidden = info.base_name.startswith(".") and not part.startswith(".")
        if hidden or not pattern.fullmatch(info.base_name):
            continue
        if info.type == fs.FileType.Directory:
            yield from _walked(system, info.path, rest) if rest else _below(system, info.path)
        elif not rest:
            yield info


def _below(system: fs.FileSystem, base: str) -> Iterator[fs.FileInfo]:
    for info in _listed(system, base, recursive=True):
        if info.type == fs.FileType.File and "/." not in info.path[len(base) :]:
            yield info


def _listed(system: fs.FileSystem, base: str, *, recursive: bool = False) -> list[fs.FileInfo]:
    try:
        found: list[fs.FileInfo] = system.get_file_info(fs.FileSelector(base, recursive=recursive))
    except FileNotFoundError:
        return []
    return found


class RemoteFile:
    """An object that is read. Raises InputError where it cannot be opened; its methods raise OSError."""

    fd = -1
    is_pipe = False
    is_log = True
    grows = False

    def __init__(self, place: Object) -> None:
        self._place = place
        with s3.explained(place):
            self._system = s3.connect(place.bucket)
            self._opened = self._system.open_input_file(place.path)
            self._size = int(self._opened.size())
            # Objects are put as wholes, so one of another age is another one.
            self._age = self._state()
            self._at, self._piece = 0, self._fetch(0, PIECE)

    def size(self) -> int:
        """Return its bytes."""
        return self._size

    def pread(self, size: int, position: int) -> bytes:
        """Return bytes from `position`, `size` at most, b"" at the end."""
        start = position - self._at
        if 0 <= start < len(self._piece):
            return self._piece[start : start + size]
        if size <= PROBE or size >= PIECE:
            return self._fetch(position, size)
        self._at, self._piece = position, self._fetch(position, PIECE)
        return self._piece[:size]

    def unchanged(self, head: bytes, reached: int) -> bool:
        """Say whether it is still the object that was opened; what came with one request is of one in any case."""
        return self._size <= PIECE or self._state() == self._age

    def rows(self) -> tuple[int, Iterator[pl.DataFrame]]:
        """Return the number of rows in a Parquet file, and the rows, some thousands at a time."""
        import polars as pl
        from pyarrow import ArrowException, parquet  # type: ignore[import-untyped, unused-ignore]

        try:
            table = parquet.ParquetFile(self._opened, pre_buffer=False)
        except ArrowException as error:
            raise OSError(errno.EIO, str(error)) from None

        def frames() -> Iterator[pl.DataFrame]:
            try:
                for batch in table.iter_batches(batch_size=ROWS):
                    frame = pl.from_arrow(batch)
                    assert isinstance(frame, pl.DataFrame)
                    yield frame
            except ArrowException as error:
                raise OSError(errno.EIO, str(error)) from None

        return int(table.metadata.num_rows), frames()

    def close(self) -> None:
        """Let go of it."""
        self._opened.close()
        self._piece = b""

    def _fetch(self, position: int, size: int) -> bytes:
        # Behind the end S3 answers with an error.
        if position >= self._size:
            return b""
        try:
            data: bytes = self._opened.read_at(min(size, self._size - position), position)
        except OSError as error:
            raise OSError(errno.EIO, s3.brief(error, self._place)) from None
        return data

    def _state(self) -> tuple[int, int]:
        info = self._system.get_file_info(self._place.path)
        return info.size, info.mtime_ns
