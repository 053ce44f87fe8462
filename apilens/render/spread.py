"""A table as people see it: columns in their order, a long one with a column per value, a change beside its number."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

import polars as pl

from apilens.render import Style
from apilens.render.cells import UNATTRIBUTED, human
from apilens.render.cells import points as points_of
from apilens.render.sparkline import marker, sparkline
from apilens.result import Beside, Field, Series, Spread, Table

# A line is drawn in this part of the width.
_LINE_PART = 3
_NOTHING = "(none)"
_MARKS = "(marks)"


def for_people(table: Table, style: Style) -> Table:
    """Return the table as it is to be seen."""
    if table.people:
        table = _ordered(table)
    match table.spread:
        case Spread():
            return _spread(table, table.spread, style.zone)
        case Beside():
            return _side_by_side(table, table.spread, style.zone)
        case Series():
            return _drawn(table, table.spread, style)
    return table


def _ordered(table: Table) -> Table:
    """Return the columns in the order of `people`; one that was put beside others later stands at its own place."""
    order = list(table.people)
    for at, field in enumerate(table.fields):
        if field.name not in table.people:
            order.insert(at, field.name)
    known = {field.name: field for field in table.fields}
    return Table(table.name, tuple(known[name] for name in order), table.rows.select(order), table.spread)


def _spread(table: Table, spread: Spread, zone: tzinfo) -> Table:
    """Return a column for each value of what it is spread by: what has no row is an empty cell; times are in `zone`.

    Values may be called alike, so that columns of the rows are named by their place, and the fields say how they are
    called.
    """
    down, across, cell = list(spread.down), spread.across, spread.cell
    values = list(spread.order) or table.rows[across].unique().sort().to_list()
    fields = {field.name: field for field in table.fields}
    dtype = table.rows.schema[across]
    rows = table.rows.group_by(down, maintain_order=True).agg(
        pl.col(cell).filter(pl.col(across).eq_missing(pl.lit(value, dtype))).first().alias(f"#{place}")
        for place, value in enumerate(values)
    )
    unit, better, heat = fields[cell].unit, fields[cell].better, spread.heat
    columns = (Field(_name(value, fields[across], zone), unit, better, heat=heat) for value in values)
    return Table(table.name, (*(fields[name] for name in down), *columns), rows)


def _name(value: Any, field: Field, zone: tzinfo) -> str:
    """Return what a column is called: the value in short."""
    if value is None:
        return UNATTRIBUTED if human(value, field) == UNATTRIBUTED else _NOTHING
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%m-%d %H:%M}"
    return str(value)


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
