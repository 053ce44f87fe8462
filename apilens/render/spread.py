"""A table as people see it: columns in their order, or one column for each value of what it is spread by."""

from __future__ import annotations

import polars as pl

from apilens.result import Field, Table


def for_people(table: Table) -> Table:
    """Return the table in the order that people see it in, or spread out: what has no row is an empty cell."""
    if table.people:
        # A column that was put beside the others later (`show:`) stands at its own place.
        rest = [(at, field.name) for at, field in enumerate(table.fields) if field.name not in table.people]
        order = list(table.people)
        for at, name in rest:
            order.insert(at, name)
        known = {field.name: field for field in table.fields}
        return Table(table.name, tuple(known[name] for name in order), table.rows.select(order))
    if table.spread is None:
        return table
    down, across, cell = list(table.spread.down), table.spread.across, table.spread.cell
    values = table.rows[across].unique().sort().to_list()
    fields = {field.name: field for field in table.fields}
    rows = table.rows.group_by(down, maintain_order=True).agg(
        pl.col(cell).filter(pl.col(across) == value).first().alias(str(value)) for value in values
    )
    spread = tuple(Field(str(value), fields[cell].unit, fields[cell].better) for value in values)
    return Table(table.name, (*(fields[name] for name in down), *spread), rows)
