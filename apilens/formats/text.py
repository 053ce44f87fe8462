"""A block of bytes as a frame of numbered lines, whatever its bytes are."""

from __future__ import annotations

import io
import re

import polars as pl

_BOM = "\ufeff"
# The first bytes of gzip, zlib and zstd.
PACKED = (b"\x1f", b"x", b"(")
_BAD_BYTES = re.compile("[\udc80-\udcff][^\n]*")


def read_lines(data: bytes, first_line: int) -> tuple[pl.DataFrame, int]:
    """Return the lines of a block as `line` Int64 and `text` String, and in how many of them bytes were no UTF-8.

    Only `\\n` ends a line; a `\\r` in front of it is no part of the text, nor are leading NULs (left by copytruncate)
    and byte order marks. A byte that is no UTF-8 reads as U+FFFD.
    """
    lossy = 0
    try:
        lines = _lines(data)
    except pl.exceptions.ComputeError:
        # Surrogates mark exactly the bad bytes, so their lines can be counted before they become U+FFFD.
        lossy = len(_BAD_BYTES.findall(data.decode("utf-8", "surrogateescape")))
        lines = _lines(data.decode("utf-8", "replace").encode())
    if b"\0" in data:
        lines = lines.with_columns(pl.col("text").str.strip_chars_start("\0"))
    # A search for one byte is much faster than one for three, and nearly always enough.
    if b"\xef" in data and _BOM.encode() in data:
        lines = lines.with_columns(pl.col("text").str.strip_prefix(_BOM))
    numbers = pl.int_range(first_line, first_line + lines.height, dtype=pl.Int64, eager=True).alias("line")
    return lines.select(numbers, "text"), lossy


def _lines(data: bytes) -> pl.DataFrame:
    # Polars would unpack a block that begins like gzip, zlib or zstd, whatever stands in the rest of it.
    packed = data[:1] in PACKED
    lines = pl.read_lines(io.BytesIO(b"\n" + data if packed else data), name="text").slice(int(packed))
    # Dozens of pieces, which every column that is made of the lines would have, and everything be slower for.
    return lines.rechunk()
