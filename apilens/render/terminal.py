"""Tables for people, as wide as their terminal."""

from __future__ import annotations

import io

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from apilens.render import Style
from apilens.render.cells import human
from apilens.render.safe import safe
from apilens.result import Field, Result, Table

_LEFT = ("text", "time", "date")
# From here on a rate of errors is shown in colour; the number stands beside it in any case.
_BAD_RATE = 0.1
_LONGEST = 200


def to_table(result: Result, style: Style) -> str:
    """Return header lines, every table and the notes."""
    text = io.StringIO()
    console = Console(
        file=text, width=style.width, markup=False, emoji=False, highlight=False, force_terminal=style.color,
        color_system="standard" if style.color else None, legacy_windows=False,
    )  # fmt: skip
    for line in result.header:
        console.print(Text(_glyphs(safe(line), style), style="dim", overflow="fold"))
    for number, table in enumerate(result.tables):
        if number:
            console.print(Text(f"\n{table.name.replace('_', ' ')}", style="bold"))
        console.print(_grid(table, style))
    for note in result.notes:
        console.print(Text(_glyphs(safe(note), style), style="dim", overflow="fold"))
    # Rich pads rows to the width of the table; trailing blanks are a nuisance to whoever copies them.
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def _grid(table: Table, style: Style) -> Grid:
    grid = Grid(
        box=box.SIMPLE_HEAD if style.unicode else box.ASCII, show_edge=False, pad_edge=False, header_style="bold"
    )
    for field in table.fields:
        first = field is table.fields[0]
        grid.add_column(
            Text(safe(field.name)), justify="left" if field.unit in _LEFT else "right", no_wrap=True,
            overflow="ellipsis", min_width=8 if first else None,
        )  # fmt: skip
    for row in table.rows.iter_rows():
        grid.add_row(*(_cell(value, field, style) for value, field in zip(row, table.fields, strict=True)))
    return grid


def _cell(value: object, field: Field, style: Style) -> Text:
    words = _glyphs(safe(human(value, field)), style)
    short = words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"
    bad = field.unit == "ratio" and field.better == "lower" and isinstance(value, float) and value >= _BAD_RATE
    return Text(_glyphs(short, style), style="red" if bad else "dim" if value is None else "", no_wrap=True)


def _glyphs(text: str, style: Style) -> str:
    return text if style.unicode else text.replace("·", "-").replace("…", "...").replace("→", "->").encode(
        "ascii", "backslashreplace"
    ).decode()  # fmt: skip
