"""A table as people see it: a long one with a column per value, a changed number with its change in one cell."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

import polars as pl

from apilens.render import Style
from apilens.render.cells import human
from apilens.render.cells import points as points_of
from apilens.render.sparkline import marker, sparkline
from apilens.result import Beside, Field, Series, Spread, Table

# A line is drawn in this part of the width.
_LINE_PART = 3
_MARKS = "(marks)"


def for_people(table: Table, style: Style) -> Table:
    """Return the table as it is to be seen."""
    match table.spread:
        case Spread():
            return _spread(table, table.spread)
        case Beside():
            return _side_by_side(table, table.spread, style.zone)
        case Series():
            return _drawn(table, table.spread, style)
    return table


def _spread(table: Table, spread: Spread) -> Table:
    """Return a column for each value of what it is spread by: what has no row is an empty cell."""
    down, across, cell = list(spread.down), spread.across, spread.cell
    values = table.rows[across].unique().sort().to_list()
    fields = {field.name: field for field in table.fields}
    rows = table.rows.group_by(down, maintain_order=True).agg(
        pl.col(cell).filter(pl.col(across) == value).first().alias(str(value)) for value in values
    )
    columns = tuple(Field(str(value), fields[cell].unit, fields[cell].better) for value in values)
    return Table(table.name, (*(fields[name] for name in down), *columns), rows)


def _side_by_side(table: Table, beside: Beside, zone: tzinfo) -> Table:
    shown = [field for field in table.fields if field.name not in beside.hidden]
    columns, fields = [], []
    for field in shown:
        behind = beside.changes.get(field.name)
        if behind is None:
            columns.append(table.rows[field.name])
            fields.append(field)
            continue
        words = [change_of(value, points=behind.endswith("_diff")) for value in table.rows[behind]]
        numbers = [human(value, field, zone) for value in table.rows[field.name]]
        left, right = (max(map(len, texts), default=0) for texts in (numbers, words))
        # Right-aligned here: renderers do not keep the blank where there is no change.
        cells = [f"{number:>{left}} {word:>{right}}" for number, word in zip(numbers, words, strict=True)]
        columns.append(pl.Series(field.name, cells, dtype=pl.String))
        fields.append(Field(field.name))
    return Table(table.name, tuple(fields), pl.DataFrame(columns))


def _drawn(table: Table, series: Series, style: Style) -> Table:
    """Return a row per group with a line for each number, and from what to what it goes; of one group, a row each."""
    down = list(series.down)
    drawn = [field for field in table.fields if field.name not in (*down, series.at)]
    width = style.width // (_LINE_PART if down else 2)
    marks = marker(table.rows[series.at].n_unique(), series.marked, width=width, unicode=style.unicode)
    if not down:
        lines = {field.name: _line(table.rows[field.name].to_list(), field, style, width=width) for field in drawn}
        lines |= {_MARKS: marks} if series.marked else {}
        rows = pl.DataFrame({"metric": list(lines), f"by {series.at}": list(lines.values())})
        return Table(table.name, tuple(map(Field, rows.columns)), rows)
    groups = table.rows.group_by(down, maintain_order=True).agg(field.name for field in drawn)
    columns: dict[str, list[str]] = {}
    for number, field in enumerate(field for field in table.fields if field.name in down):
        names = [human(value, field, style.zone) for value in groups[field.name]]
        columns[field.name] = [*names, *([_MARKS if number == 0 else ""] if series.marked else [])]
    for field in drawn:
        texts = [_line(list(values), field, style, width=width) for values in groups[field.name]]
        columns[field.name] = [*texts, *([marks] if series.marked else [])]
    return Table(
        table.name, tuple(map(Field, columns)), pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    )


def _line(values: list[Any], field: Field, style: Style, *, width: int) -> str:
    known = [value for value in values if value is not None]
    if field.unit in ("time", "date", "text"):
        return human(max(known, default=None), field, style.zone)
    line = sparkline(values, width=width, unicode=style.unicode)
    ends = [human(value, field, style.zone) for value in (min(known), max(known))] if known else []
    # One value, or several that read alike, is no range.
    return " ".join([line, " … ".join(dict.fromkeys(ends))]).rstrip()


def change_of(value: float | None, *, points: bool) -> str:
    """Return a change for people: `+12.0 %` of what it was, or `+1.2 pts` of a rate; "" where it is unknown."""
    if value is None:
        return ""
    words = points_of(value, 1)
    return words if points else words.replace("pts", "%")
