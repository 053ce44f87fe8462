"""The recipe for formats of JSON lines: a table of columns and the paths at which they stand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Literal

import polars as pl

from apilens.config import IdentityRule
from apilens.formats.base import Format, Parsed, ParseOptions, Sample
from apilens.formats.json_events import Place
from apilens.formats.json_lines import Unwrap
from apilens.formats.json_map import JsonMap, parse_mapped


def declared(
    name: str, title: str, columns: Mapping[str, str], *, time_is: Literal["start", "end"], telling: tuple[str, ...],
    samples: tuple[Sample, ...], account: tuple[IdentityRule, ...] = (), headers: Mapping[str, str] | None = None,
    finish: Callable[[pl.DataFrame], pl.DataFrame] | None = None, unwrap: Unwrap | None = None,
    no_status: tuple[str, ...] = (), attributes: tuple[str, ...] = (),
    only: tuple[str, Collection[str]] | None = None, unique_id: Literal["event_id"] | None = None,
) -> Format:  # fmt: skip
    """Return a format that reads each column from the first of its paths that states something.

    columns: column → paths, apart by blanks; a number behind a colon is the unit of plain numbers in ms
    (`Duration:0.000001` is in nanoseconds). headers to only: see JsonMap; the rest: see Format.
    """
    mapping = JsonMap(
        {column: tuple(_place(path) for path in paths.split()) for column, paths in columns.items()},
        headers or {},
        finish,
        attributes,
        unwrap,
        no_status,
        only,
    )

    def parse(data: bytes, first_line: int, options: ParseOptions) -> Parsed:
        return parse_mapped(data, first_line, options, mapping)

    return Format(name, title, time_is, parse, samples, account=account, telling=telling, unique_id=unique_id)


def _place(text: str) -> Place:
    path, _, milliseconds = text.partition(":")
    return Place(path, float(milliseconds or 1))
