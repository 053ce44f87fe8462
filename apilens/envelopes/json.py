"""The recipe for envelopes that are JSON objects with the text of a line under a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from apilens.formats.json_lines import read_objects
from apilens.formats.json_paths import Paths, json_text


def json_texts(
    text: Sequence[str], labels: Mapping[str, Sequence[str]] | None = None
) -> Callable[[bytes, int], pl.DataFrame]:
    """Return `open` of an envelope of JSON lines.

    text: dotted paths to the line within, the first that is there counts; an object there is a JSON line itself.
    labels: column → paths that state it, never an object. A line without a text is its own.
    """
    wanted = {"text": tuple(text), **{column: tuple(paths) for column, paths in (labels or {}).items()}}
    paths = Paths([path for candidates in wanted.values() for path in candidates], dotted_keys=True)

    def open(data: bytes, first_line: int) -> pl.DataFrame:
        objects = read_objects(data, first_line, paths.schema)
        found = {column: pl.coalesce(paths.text(path) for path in at) for column, at in wanted.items()}
        inner = found.pop("text")
        nested = pl.when(inner.str.starts_with("{")).then(json_text(inner)).otherwise(inner)
        # Made by themselves: a key may be called `line`, as a column of places is.
        made = objects.frame.select(
            nested.str.strip_chars_end("\r\n").alias("text"),
            *(pl.when(value.str.contains("^[^{]")).then(value).alias(column) for column, value in found.items()),
        )
        raw = pl.Series("raw", [bytes(item) for item in objects.texts], dtype=pl.Binary).cast(pl.String)
        rows = made.with_columns(
            objects.places["line"], pl.coalesce("text", raw).alias("text"), pl.col("text").is_not_null().alias("inside")
        ).select("line", "text", "inside", *found)
        return with_others(rows, objects.rejects, data, first_line)

    return open


def with_others(rows: pl.DataFrame, rejects: pl.DataFrame, data: bytes, first_line: int) -> pl.DataFrame:
    """Add the lines that are no objects, and blank ones, as they are."""
    lines = data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
    strange = rejects.select("line", "text", pl.lit(False).alias("inside"))
    numbers = pl.int_range(first_line, first_line + lines, dtype=pl.Int64, eager=True).alias("line").to_frame()
    blank = numbers.join(rows, on="line", how="anti").join(strange, on="line", how="anti")
    others = pl.concat([strange, blank.with_columns(pl.lit("").alias("text"), pl.lit(False).alias("inside"))])
    if others.is_empty():
        return rows
    return pl.concat([rows, others], how="diagonal").sort("line", maintain_order=True)
