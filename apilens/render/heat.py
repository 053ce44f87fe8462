"""Heat maps on a terminal: a colour for each cell, and the columns in blocks that fit, so that no number is cut."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import polars as pl
from rich.text import Text

from apilens.render.safe import safe
from apilens.result import REST, Field, Table

# From pale to glowing, with black figures: readable on dark and light terminals, and for who sees no red.
_SHADES = tuple(f"color(16) on color({number})" for number in (230, 223, 216, 209, 203))
_LONGEST = 20
# Rich puts a blank on both sides of a column's edge.
_GAP = 3


@dataclass(frozen=True, slots=True)
class Block:
    """Columns side by side: names first, then as many heated ones as fit. greatest: the cell that is hottest of all."""

    fields: tuple[Field, ...]
    rows: pl.DataFrame
    widths: tuple[int, ...]
    greatest: float


def blocks(table: Table, cell: Callable[[Any, Field], Text], width: int) -> Iterator[Block]:
    """Give the table in blocks, each with the columns that name its rows; the names take half of the width at most."""
    widths = [_width(table.rows.to_series(at), field, cell) for at, field in enumerate(table.fields)]
    names = [at for at, field in enumerate(table.fields) if not field.heat]
    for at in names:
        widths[at] = max(min(widths[at], width // 2 // len(names) - _GAP), 1)
    room = width - sum(widths[at] + _GAP for at in names)
    ends, used = [len(names)], 0
    for at in range(len(names), len(table.fields)):
        if used and used + widths[at] > room:
            ends.append(at)
            used = 0
        used += widths[at] + _GAP
    for first, last in pairwise([*ends, len(table.fields)]):
        chosen = [*names, *range(first, last)]
        yield Block(
            tuple(table.fields[at] for at in chosen),
            table.rows.select(table.rows.columns[at] for at in chosen),
            tuple(widths[at] for at in chosen),
            _greatest(table),
        )


def heading(field: Field) -> str:
    """Return the name of a column in two lines where it has two words: `11-17 12:00`, `GET /v1/a`."""
    return "\n".join(_short(part) for part in safe(field.name).split(" ", 1))


def shade(value: Any, greatest: float) -> str | None:
    """Return the style of a cell: by the root of its part of the greatest: the rest is not pale beside it."""
    if not isinstance(value, int | float) or value <= 0 or greatest <= 0:
        return None
    return _SHADES[max(math.ceil(math.sqrt(min(value / greatest, 1)) * len(_SHADES)), 1) - 1]


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _width(values: pl.Series, field: Field, cell: Callable[[Any, Field], Text]) -> int:
    named = heading(field).split("\n") if field.heat else [field.name]
    return max(len(part) for part in [*named, *(" " * cell(value, field).cell_len for value in values)])


def _greatest(table: Table) -> float:
    """Return the greatest number of a cell that stands for itself: what is left over would outshine all."""
    numbers = [
        float(value)
        for row in table.rows.iter_rows()
        if row[0] != REST
        for value, field in zip(row, table.fields, strict=True)
        if field.heat and field.name != REST and isinstance(value, int | float)
    ]
    return max(numbers, default=0.0)
