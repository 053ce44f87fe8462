"""A long table as people see it: one column for each value of what it is spread by."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any

import polars as pl

from apilens.render.cells import UNATTRIBUTED, human
from apilens.result import Field, Table

_NOTHING = "(none)"


def for_people(table: Table, zone: tzinfo = UTC) -> Table:
    """Return the table spread out, where it is to be: what has no row is an empty cell; times are in `zone`.

    Values may be called alike, so that columns of the rows are named by their place, and the fields say how they are
    called.
    """
    if table.spread is None:
        return table
    down, across, cell = list(table.spread.down), table.spread.across, table.spread.cell
    values = list(table.spread.order) or table.rows[across].unique().sort().to_list()
    fields = {field.name: field for field in table.fields}
    dtype = table.rows.schema[across]
    rows = table.rows.group_by(down, maintain_order=True).agg(
        pl.col(cell).filter(pl.col(across).eq_missing(pl.lit(value, dtype))).first().alias(f"#{place}")
        for place, value in enumerate(values)
    )
    unit, better, heat = fields[cell].unit, fields[cell].better, table.spread.heat
    spread = (Field(_name(value, fields[across], zone), unit, better, heat=heat) for value in values)
    return Table(table.name, (*(fields[name] for name in down), *spread), rows)


def _name(value: Any, field: Field, zone: tzinfo) -> str:
    """Return what a column is called: the value in short."""
    if value is None:
        return UNATTRIBUTED if human(value, field) == UNATTRIBUTED else _NOTHING
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%m-%d %H:%M}"
    return str(value)
