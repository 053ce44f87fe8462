"""An open log on this machine, by its descriptor: whatever happens to its name, it is the same file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from apilens.errors import InputError
from apilens.sources.inputs import Source, reason
from apilens.sources.parquet import ROWS
from apilens.sources.streams import read_at

if TYPE_CHECKING:
    import polars as pl


class File:
    """A file or pipe that is read. Raises InputError where the log cannot be opened."""

    def __init__(self, source: Source) -> None:
        self._keep = source.path is None and not source.chunk
        self.fd = _open(source)
        mode = os.fstat(self.fd).st_mode
        # Its writer may be at its last line, unlike that of an object, which comes whole.
        self.grows = True
        self.is_pipe = source.path is None or stat.S_ISFIFO(mode)
        # What is neither is no log.
        self.is_log = self.is_pipe or stat.S_ISREG(mode)

    def size(self) -> int:
        """Return the bytes that it has now."""
        return os.fstat(self.fd).st_size

    def pread(self, size: int, position: int) -> bytes:
        """Return bytes from `position`, `size` at most, b"" at the end."""
        return os.pread(self.fd, size, position)

    def unchanged(self, head: bytes, reached: int) -> bool:
        """Say whether it still begins with `head` and is no shorter than what was reached of it."""
        return self.size() >= reached and read_at(self, len(head), 0) == head

    def rows(self) -> tuple[int, Iterator[pl.DataFrame]]:
        """Return the number of rows in a Parquet file, and the rows, some thousands at a time."""
        # Slow to import, and most logs are text.
        import polars as pl

        frames = pl.scan_parquet(f"/dev/fd/{self.fd}", glob=False, hive_partitioning=False)
        count = int(frames.select(pl.len()).collect().item())
        return count, (frames.slice(at, ROWS).collect() for at in range(0, count, ROWS))

    def close(self) -> None:
        """Close it; stdin stays open."""
        if self.fd >= 0 and not self._keep:
            os.close(self.fd)
        self.fd = -1


def _open(source: Source) -> int:
    if source.chunk:
        return source.chunk.fd
    if source.path is None:
        try:
            os.fstat(0)
        except OSError:
            raise InputError("stdin: it is closed", hint="pipe a log into it, or name a file") from None
        return 0
    assert isinstance(source.path, Path)
    try:
        return os.open(source.path, os.O_RDONLY | os.O_NOCTTY)
    except OSError as error:
        raise InputError(f"{source.name}: {reason(error)}") from None
