"""Small CSV files that users write (keys, networks, users, accounts): read strictly, every mistake with its line."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from apilens.errors import ConfigError
from apilens.spelling import nearest

# So many mistakes tell enough; a wrong file may have one in every line.
_MOST_MISTAKES = 50
_MOST_BYTES = 256 << 20


@dataclass(slots=True)
class CsvTable:
    """The cells of a CSV file, column by column, stripped of blanks; `lines` says where each row begins."""

    name: str
    columns: dict[str, list[str]]
    lines: list[int]
    mistakes: list[str] = field(default_factory=list)

    def add(self, row: int, what: str) -> None:
        """Note a mistake in a row."""
        self.mistakes.append(f"{self.name}:{self.lines[row]}: {what}")

    def need_values(self, column: str) -> None:
        """Note every row that has nothing in a column."""
        if "" not in self.columns[column]:
            return
        for row, value in enumerate(self.columns[column]):
            if not value:
                self.add(row, f"`{column}` is empty")

    def need_distinct(self, column: str, values: Sequence[str | None] | None = None) -> None:
        """Note every row whose value in a column (or its meaning in `values`) was there before. Says no value."""
        values = self.columns[column] if values is None else values
        if len(set(values)) == len(values):
            return
        first: dict[str, int] = {}
        for row, value in enumerate(values):
            if value and first.setdefault(value, row) != row:
                self.add(row, f"the same `{column}` as in line {self.lines[first[value]]}")

    def check(self) -> None:
        """Raise ConfigError with all mistakes that were noted, if there are any."""
        if self.mistakes:
            more = len(self.mistakes) - _MOST_MISTAKES
            rest = [f"{self.name}: and {more:,} more mistakes"] if more > 0 else []
            raise ConfigError("\n".join([*self.mistakes[:_MOST_MISTAKES], *rest]))


def shown_name(path: str | Path) -> str:
    """Return a path as messages have it: from the current folder where it is below it."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    here = str(Path.cwd()) + os.sep
    return text.removeprefix(here)


def read_csv(path: str | Path, *, required: tuple[str, ...] = (), one_of: tuple[str, ...] = ()) -> CsvTable:
    """Return the rows of a comma-separated UTF-8 file with a header line; blank lines are left out.

    required: columns that must be there; one_of: of these exactly one must. Other columns are kept. Raises ConfigError
    where the file or its header cannot be used; what is wrong with rows is in `mistakes`, without the cells: they may
    be keys.
    """
    name = shown_name(path)
    text = _text(path, name)
    lines, rows = _rows(text, name)
    if not rows:
        raise ConfigError(f"{name}:1: is empty", hint=_header_hint(required, one_of))
    header = [cell.strip() for cell in rows.pop(0)]
    first = lines.pop(0)
    problems = [f"{name}:{first}: {what}" for what in _header_problems(header, required, one_of)]
    if problems:
        raise ConfigError("\n".join(problems), hint=_header_hint(required, one_of))
    table = CsvTable(name, {}, lines)
    width = len(header)
    for row in [row for row, cells in enumerate(rows) if len(cells) != width]:
        table.add(row, f"has {len(rows[row])} cells, the header {width}")
        rows[row] = (rows[row] + [""] * width)[:width]
    cells_of = zip(*rows, strict=True) if rows else [()] * width
    table.columns = {column: [cell.strip() for cell in cells] for column, cells in zip(header, cells_of, strict=True)}
    return table


def _rows(text: str, name: str) -> tuple[list[int], list[list[str]]]:
    """Return the rows that hold anything, and the line that each begins in."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: list[int] = []
    rows: list[list[str]] = []
    begins = 1
    try:
        for cells in reader:
            if "".join(cells).strip():
                rows.append(cells)
                lines.append(begins)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise ConfigError(f"{name}:{begins}: is no CSV: {error}") from None
    return lines, rows


def _text(path: str | Path, name: str) -> str:
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {name}: {error.strerror}") from None
    if len(data) > _MOST_BYTES:
        raise ConfigError(f"{name}: is larger than {_MOST_BYTES >> 20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: is no UTF-8") from None


def _header_problems(header: list[str], required: tuple[str, ...], one_of: tuple[str, ...]) -> list[str]:
    known = (*required, *one_of)
    twice = dict.fromkeys(column for column in header if header.count(column) > 1)
    problems = [f"column `{column}` is there twice" for column in twice]
    spare = [column for column in header if column not in known]
    for column in required:
        if column not in header:
            near = next((f" (`{name}`: {hint})" for name in spare if (hint := nearest(name, [column]))), "")
            problems.append(f"no column `{column}`{near}")
    found = [column for column in one_of if column in header]
    if one_of and len(found) != 1:
        near = next((f" (`{name}`: {hint})" for name in spare if (hint := nearest(name, one_of))), "")
        have = f", has {' and '.join(found)}" if found else near
        problems.append(f"needs exactly one column of {', '.join(one_of)}{have}")
    return problems


def _header_hint(required: tuple[str, ...], one_of: tuple[str, ...]) -> str:
    columns = ",".join([*required, *one_of[:1]])
    return f"the first line names the columns, separated by commas: {columns}"
