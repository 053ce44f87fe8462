"""Tables for people, as wide as their terminal."""

from __future__ import annotations

import io
from typing import Literal

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from apilens.render import Style
from apilens.render.cells import human
from apilens.render.heat import Block, blocks, heading, shade
from apilens.render.safe import safe
from apilens.render.spread import for_people
from apilens.result import Field, Prose, Result, Spread, Table

_LEFT = ("text", "time", "date")
# From here on a rate of errors is shown in colour; the number stands beside it in any case.
_BAD_RATE = 0.1
_LONGEST = 200
# A single row of more columns than this is shown as a list.
_WIDE = 6
# The bar of a whole takes this part of the width, and so many cells at most.
_BAR_PART, _LONGEST_BAR = 8, 24
_EIGHTHS = " ▏▎▍▌▋▊▉"
_ASCII = str.maketrans({"·": "-", "…": "...", "→": "->", "×": "x"})
# Rich puts a blank on both sides of a column's edge.
_GAP = 3


def to_table(result: Result, style: Style) -> str:
    """Return header lines, every table and the notes."""
    text = io.StringIO()
    console = Console(
        file=text, width=style.width, markup=False, emoji=False, highlight=False, force_terminal=style.color,
        color_system="256" if style.color else None, no_color=not style.color, legacy_windows=False,
        # Without a height, Rich takes a dumb terminal for one of 80 columns.
        height=100,
    )  # fmt: skip
    for line in result.header:
        console.print(Text(_glyphs(safe(line), style), style="dim", overflow="fold"))
    hidden: list[str] = []
    for number, given in enumerate(result.tables):
        table = for_people(given, style)
        if number:
            console.print(Text(f"\n{table.name.replace('_', ' ')}", style="bold"))
        if isinstance(table.spread, Prose):
            console.print(_sentences(table, table.spread, style))
        elif len(table.fields) == 1 and isinstance(given.spread, Spread) and given.spread.heat:
            # A map without cells: the name of its rows would stand over nothing, and a note says why.
            continue
        elif any(field.heat for field in table.fields):
            for at, block in enumerate(blocks(table, lambda value, field: _cell(value, field, style), style.width)):
                console.print(*([""] if at else []), _heated(block, style), sep="\n")
        elif table.rows.height == 1 and len(table.fields) > _WIDE:
            console.print(_listing(table, style))
        else:
            shown = _fitting(table, style)
            hidden += [field.name for field in table.fields[shown:] if table.rows.height]
            console.print(_grid(table, shown, style))
    if hidden:
        # Several tables may lack the same column.
        names = ", ".join(dict.fromkeys(hidden))
        console.print(Text(f"no room for {names}: widen the terminal, or --format tsv", style="dim"))
    for note in result.notes:
        console.print(Text(_glyphs(safe(note), style), style="dim", overflow="fold"))
    # Rich pads rows to the width of the table; trailing blanks are a nuisance to whoever copies them.
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def _empty(style: Style) -> Grid:
    return Grid(
        box=box.SIMPLE_HEAD if style.unicode else box.ASCII, show_edge=False, pad_edge=False, header_style="bold"
    )


def _grid(table: Table, shown: int, style: Style) -> Grid:
    grid = _empty(style)
    for field in table.fields[:shown]:
        justify: Literal["left", "right"] = "left" if field.unit in _LEFT else "right"
        # Rich first narrows the columns that may wrap, and their cells do not: half a number would be another number.
        grid.add_column(
            Text(safe(field.name), no_wrap=True), justify=justify, no_wrap=field.unit != "text", overflow="ellipsis"
        )
    for row in table.rows.iter_rows():
        cells = zip(row[:shown], table.fields[:shown], strict=True)
        grid.add_row(*(_cell(value, field, style) for value, field in cells))
    return grid


def _sentences(table: Table, prose: Prose, style: Style) -> Grid:
    """Return the rows as numbered sentences."""
    grid = Grid(box=None, show_header=False, pad_edge=False)
    grid.add_column(justify="right")
    grid.add_column(overflow="fold")
    for number, (sentence, command) in enumerate(table.rows.select(prose.sentence, prose.command).iter_rows(), 1):
        grid.add_row(f"{number}.", Text(_glyphs(safe(sentence), style)))
        grid.add_row("", Text(_glyphs(f"→ {safe(command)}", style), style="dim"))
    return grid


def _heated(block: Block, style: Style) -> Grid:
    """Return some columns of a heat map: names give way where there is no room, numbers never."""
    grid = _empty(style)
    for field, width in zip(block.fields, block.widths, strict=True):
        if field.heat:
            grid.add_column(Text(_glyphs(heading(field), style)), justify="right", no_wrap=True, min_width=width)
        else:
            grid.add_column(Text(safe(field.name)), no_wrap=True, overflow="ellipsis", max_width=width)
    for row in block.rows.iter_rows():
        cells = []
        for value, field in zip(row, block.fields, strict=True):
            cell = _cell(value, field, style)
            if field.heat:
                cell.style = shade(value, block.greatest) or cell.style
            cells.append(cell)
        grid.add_row(*cells)
    return grid


def _listing(table: Table, style: Style) -> Grid:
    """Return a single row as a list of names and values: side by side they would not fit."""
    grid = Grid(box=None, show_header=False, pad_edge=False)
    for field, value in zip(table.fields, table.rows.row(0), strict=True):
        grid.add_row(Text(safe(field.name), style="bold"), _cell(value, field, style))
    return grid


def _fitting(table: Table, style: Style) -> int:
    """Return how many columns, from the left, fit side by side; at least two, which are then cut."""
    room = style.width
    for number, field in enumerate(table.fields):
        values = table.rows.to_series(number).to_list()
        widest = max((_cell(value, field, style).cell_len for value in values), default=0)
        # The first column names the row; when it is long it gives way before others are left out.
        room -= max(len(field.name), min(widest, style.width // 2) if number == 0 else widest) + _GAP
        if room + _GAP < 0 and number >= 2:
            return number
    return len(table.fields)


def _cell(value: object, field: Field, style: Style) -> Text:
    words = _glyphs(safe(human(value, field, style.zone)), style)
    if field.bar and isinstance(value, float):
        words = f"{_bar(value, style)} {words:>7}"
    short = words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"
    bad = field.unit == "ratio" and field.better == "lower" and isinstance(value, float) and value >= _BAD_RATE
    return Text(_glyphs(short, style), style="red" if bad else "dim" if value is None else "", no_wrap=True)


def _bar(share: float, style: Style) -> str:
    """Return a bar as long as the share is great, in eighths of a cell where there are such."""
    longest = min(style.width // _BAR_PART, _LONGEST_BAR)
    eighths = round(min(max(share, 0.0), 1.0) * longest * 8)
    if not style.unicode:
        return ("#" * round(eighths / 8)).ljust(longest)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()).ljust(longest)


def _glyphs(text: str, style: Style) -> str:
    return text if style.unicode else text.translate(_ASCII).encode("ascii", "backslashreplace").decode()
