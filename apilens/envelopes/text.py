"""The recipe for envelopes that are a prefix of each line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from apilens.formats.text import read_lines


def prefixed(regex: str, labels: Mapping[str, str] | None = None) -> Callable[[bytes, int], pl.DataFrame]:
    """Return `open` of an envelope whose lines fit a regex with the group `text`, and perhaps others.

    labels: column → the group that states it. A line that does not fit is its own text, not inside.
    """
    groups = dict(labels or {})

    def open(data: bytes, first_line: int) -> pl.DataFrame:
        lines, _ = read_lines(data, first_line)
        found = pl.col("text").str.extract_groups(regex)
        inside = found.struct.field("text").is_not_null()
        return lines.select(
            "line",
            pl.coalesce(found.struct.field("text"), "text").alias("text"),
            inside.alias("inside"),
            *(_stated(found.struct.field(group)).alias(column) for column, group in groups.items()),
        )

    return open


def _stated(text: pl.Expr) -> pl.Expr:
    return pl.when(~text.is_in(["", "-"])).then(text)
