"""Tables with a header line, by a map from event columns to their names: `csv:` and `fields:` in apilens.yaml."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Literal

import polars as pl

from apilens.errors import UsageError
from apilens.formats.base import REJECT_SCHEMA, Format, Parsed, ParseOptions
from apilens.formats.columns import Layout, layout, placed, split_quoted
from apilens.formats.json_events import Place, Texts
from apilens.formats.json_lines import Objects
from apilens.formats.json_map import JsonMap, parse_places, places_of
from apilens.formats.text import read_lines

NO_HEADER = "no header line in front names the columns"


def csv_format(
    name: str, fields: Mapping[str, str], *, separator: str, time_is: Literal["start", "end"] | None = None
) -> Format:
    """Return a format that reads each event column from the column that `fields` names for it.

    A line that has the names of the time and of the status as values is a header, wherever it stands, and says what
    the lines behind it hold. Values may be in double quotes; one that holds a line end is not read. Raises UsageError
    for an unknown event column, or a map without `timestamp`.
    """
    table = _Table(places_of(name, fields), separator)
    if not all(fields.values()):
        raise UsageError(f"format {name!r}: a column without a name", hint="write for example: status: Status")
    return Format(name, f"CSV by the map {name!r}", time_is or "end", table.parse, samples=(), prelude=table.prelude)


class _Table:
    """How a table is read: the names that its columns go by, and what separates them."""

    def __init__(self, places: Mapping[str, tuple[Place, ...]], separator: str) -> None:
        self._places = places
        self._separator = separator
        edge = re.escape(separator)
        # The first of several places has to do: a header without the time says nothing anyway.
        names = [places[column] for column in ("timestamp", "status") if column in places]
        self._marks = [
            rf'(?:^|{edge}) *"?(?:{"|".join(re.escape(place.path) for place in at)})"? *(?:{edge}|$)' for at in names
        ]

    def prelude(self, before: bytes, data: bytes) -> bytes:
        """Return the header line that is in force behind a block."""
        if not any(place.path.encode() in data for place in self._places["timestamp"]):
            return before
        headers = self._headers(read_lines(data, 1)[0]["text"])
        return headers[-1].encode() if len(headers) else before

    def parse(self, data: bytes, first_line: int, options: ParseOptions) -> Parsed:
        """Read a block: see Format."""
        lines, lossy = read_lines(data, first_line)
        marks = self._is_header(lines["text"])
        headers = [options.prelude.decode("utf-8", "replace"), *lines["text"].filter(marks)]
        under = lines.select("line", "text", section=marks.cum_sum()).filter(~marks)
        rows = under.filter(pl.col("text").str.strip_chars() != "")
        layouts = [_layout(header, self._separator) for header in headers]
        known = pl.Series([bool(one.size) for one in layouts]).gather(rows["section"])
        lost = rows.filter(~known).select("line", pl.lit(NO_HEADER).alias("reason"), "text")
        rows = rows.filter(known)
        parts = self._split(rows["text"])

        def read(wanted: Mapping[str, tuple[Place, ...]]) -> tuple[Objects, Texts]:
            names = dict.fromkeys(place.path for at in wanted.values() for place in at)
            found = placed(parts, layouts, rows["section"], names)
            places = rows.select("line", pl.lit(0, dtype=pl.Int32).alias("item"))
            texts = rows.select(pl.col("line").alias(""), *(series.alias(name) for name, series in found.items()))
            raw = rows["text"].cast(pl.Binary).to_list()
            rejects = lost.select(list(REJECT_SCHEMA))
            return Objects(texts, places, raw, rejects, under.height - rows.height - lost.height, 0, lossy), Texts(
                texts
            )

        return replace(parse_places(options, JsonMap(self._places), read), comments=len(headers) - 1)

    def _is_header(self, text: pl.Series) -> pl.Series:
        row = pl.col("text")
        return (
            text.to_frame("text").select(pl.all_horizontal(row.str.contains(mark) for mark in self._marks)).to_series()
        )

    def _headers(self, text: pl.Series) -> pl.Series:
        return text.filter(self._is_header(text))

    def _split(self, text: pl.Series) -> pl.Series:
        row = pl.col("text")
        quoted = row.str.contains('"', literal=True)
        plain = row.str.split(self._separator)
        frame = text.to_frame("text")
        if not frame.select(quoted.any()).item():
            return frame.select(plain).to_series()
        spread = split_quoted(row, self._separator)
        return frame.select(pl.when(quoted).then(spread).otherwise(plain)).to_series()


@lru_cache(maxsize=256)
def _layout(header: str, separator: str) -> Layout:
    try:
        names = next(csv.reader([header], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        names = []
    return layout([name.strip() for name in names], lambda name: (name,))
