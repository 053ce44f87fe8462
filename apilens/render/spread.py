"""A table as people see it: a long one with a column per value, a changed number with its change in one cell."""

from __future__ import annotations

from datetime import UTC, tzinfo

import polars as pl

from apilens.render.cells import human
from apilens.render.cells import points as points_of
from apilens.result import Beside, Field, Spread, Table


def for_people(table: Table, zone: tzinfo = UTC) -> Table:
    """Return the table as it is to be seen; zone: of the times that stand in one cell with something else."""
    if isinstance(table.spread, Spread):
        return _spread(table, table.spread)
    return _side_by_side(table, table.spread, zone) if table.spread else table


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


def change_of(value: float | None, *, points: bool) -> str:
    """Return a change for people: `+12.0 %` of what it was, or `+1.2 pts` of a rate; "" where it is unknown."""
    if value is None:
        return ""
    words = points_of(value, 1)
    return words if points else words.replace("pts", "%")
