"""JSON: a stable contract, to which fields are only ever added."""

from __future__ import annotations

import json
import re
from typing import Any

from apilens.render import Style
from apilens.render.cells import jsonable
from apilens.render.safe import UNSAFE
from apilens.result import Result, Table


def to_json(result: Result, style: Style) -> str:
    """Return one document: schema, query, rows of the first table, further tables by name, notes."""
    main, *others = result.tables
    document: dict[str, Any] = {
        "schema": f"apilens.{result.kind}/{result.version}",
        "query": dict(result.query),
        "rows": rows(main),
    }
    if others:
        document["tables"] = {table.name: rows(table) for table in others}
    document["notes"] = list(result.notes)
    return dumps(document, indent=2) + "\n"


def to_jsonl(result: Result, style: Style) -> str:
    """Return the rows of the first table, one per line."""
    return "".join(f"{dumps(row)}\n" for row in rows(result.tables[0]))


def rows(table: Table) -> list[dict[str, Any]]:
    """Return the rows of a table, JSON-ready; an unknown account stays null."""
    return [{name: jsonable(value) for name, value in row.items()} for row in table.rows.iter_rows(named=True)]


def dumps(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON in which nothing acts on a terminal."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, default=str)
    return UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    """Return what a terminal would act on as JSON's own escape, which means the same; half a surrogate as U+FFFD."""
    # Values have no raw line breaks any more: those that are left are the layout.
    if match[0] == "\n":
        return match[0]
    return "\\ufffd" if "\ud800" <= match[0] <= "\udfff" else json.dumps(match[0])[1:-1]
