"""A Parquet file as the JSON lines of its rows: to whoever reads it, Parquet is one more way to pack text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from apilens.sources.decompress import Damage

if TYPE_CHECKING:
    import polars as pl

MAGIC = b"PAR1"
# Rows are unpacked so many at a time: about 10 MB of text where events are wide.
ROWS = 20_000


class Rows(Protocol):
    """A file that holds rows: how many, and all of them, some thousands at a time."""

    def size(self) -> int: ...

    def rows(self) -> tuple[int, Iterator[pl.DataFrame]]: ...


class ParquetText:
    """The text of a file's rows in order: call it for the next of it, b"" is the end.

    position: how much of the file that is, by its share of rows. Raises Damage where the file cannot be read.
    """

    def __init__(self, file: Rows) -> None:
        self._file = file
        self._size = file.size()
        self._frames: Iterator[pl.DataFrame] | None = None
        self._rows = self._done = 0
        self.position = 0

    def __call__(self) -> bytes:
        # Slow to import, and most logs are text.
        import polars as pl

        try:
            if self._frames is None:
                self._rows, self._frames = self._file.rows()
            frame = next(self._frames, None)
            text = _plain(frame).write_ndjson().encode() if frame is not None else b""
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            why = (str(error).splitlines() or ["unreadable"])[0]
            raise Damage(f"Parquet is damaged ({why})") from None
        self._done += frame.height if frame is not None else 0
        self.position = self._size * self._done // max(1, self._rows)
        return text


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
