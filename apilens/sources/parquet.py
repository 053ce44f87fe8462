"""A Parquet file as the JSON lines of its rows: to whoever reads it, Parquet is one more way to pack text."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from apilens.sources.decompress import Damage

if TYPE_CHECKING:
    import polars as pl

MAGIC = b"PAR1"
# Rows are unpacked so many at a time: about 10 MB of text where events are wide.
ROWS = 20_000


class ParquetText:
    """The text of a regular file's rows in order: call it for the next of it, b"" is the end.

    position: how much of the file that is, by its share of rows. Raises Damage where the file cannot be read.
    """

    def __init__(self, fd: int) -> None:
        # By descriptor, so that whatever happens to its name it is the same file.
        self._path = f"/dev/fd/{fd}"
        self._size = os.fstat(fd).st_size
        self._rows: int | None = None
        self._done = 0
        self.position = 0

    def __call__(self) -> bytes:
        # Slow to import, and most logs are text.
        import polars as pl

        try:
            frames = pl.scan_parquet(self._path, glob=False, hive_partitioning=False)
            if self._rows is None:
                self._rows = int(frames.select(pl.len()).collect().item())
            frame = frames.slice(self._done, ROWS).collect()
            text = _plain(frame).write_ndjson().encode()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            why = (str(error).splitlines() or ["unreadable"])[0]
            raise Damage(f"Parquet is damaged ({why})") from None
        self._done += frame.height
        self.position = self._size * self._done // max(1, self._rows)
        return text if frame.height else b""


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Return rows that JSON can hold: bytes as text, and without lists and structs of bytes."""
    import polars as pl

    columns = []
    for column in frame:
        if column.dtype == pl.Binary:
            columns.append(_text(column))
        elif "Binary" not in str(column.dtype):
            columns.append(column)
    return pl.DataFrame(columns)


def _text(column: pl.Series) -> pl.Series:
    # Old writers did not say which bytes are text, so most are.
    import polars as pl

    try:
        return column.cast(pl.String)
    except pl.exceptions.PolarsError:
        # One value is none, and Polars refuses all of them.
        texts = [None if value is None else value.decode("utf-8", "replace") for value in column]
        return pl.Series(column.name, texts, dtype=pl.String)
