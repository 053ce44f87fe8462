"""Markdown tables, for tickets and pull requests."""

from __future__ import annotations

import re

from apilens.render import Style
from apilens.render.cells import human
from apilens.render.safe import safe
from apilens.render.spread import for_people
from apilens.result import Result, Table

_SPECIAL = re.compile(r"([\\|`*_\[\]<>])")


def to_markdown(result: Result, style: Style) -> str:
    """Return title, header, every table, notes and the command that makes it again."""
    parts = [f"## {_text(result.title)}", "  \n".join(_text(line) for line in result.header)]
    for number, table in enumerate(for_people(table, style.zone) for table in result.tables):
        if number:
            parts.append(f"### {_text(table.name)}")
        parts.append(_table(table, style))
    parts += [f"- {_text(note)}" for note in result.notes]
    if result.command:
        # A fence longer than any in the command: a backtick in it would end the code.
        fence = "`" * (1 + max(map(len, re.findall("`+", result.command)), default=0))
        parts.append(f"{fence}{safe(result.command)}{fence}")
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(table: Table, style: Style) -> str:
    align = ["---" if field.unit in ("text", "time", "date") else "---:" for field in table.fields]
    lines = [[_text(field.name) for field in table.fields], align]
    lines += [
        [_text(human(value, field, style.zone)) for value, field in zip(row, table.fields, strict=True)]
        for row in table.rows.iter_rows()
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _text(value: object) -> str:
    return _SPECIAL.sub(r"\\\1", safe(value))
