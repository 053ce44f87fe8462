"""TSV and CSV: full values, nothing wrapped or cut."""

from __future__ import annotations

import csv
import io
import re

from apilens.render import Style
from apilens.render.cells import plain
from apilens.render.safe import safe
from apilens.result import Field, Result

# What a spreadsheet would run, full-width forms included.
_FORMULA = re.compile(r"^[=+\-@\t\r＝＋－＠]")


def to_tsv(result: Result, style: Style) -> str:
    """Return the first table, tab-separated; tabs and control characters in values are shown as escapes."""
    table = result.tables[0]
    lines = ["\t".join(field.name for field in table.fields)] if style.header else []
    lines += [
        "\t".join(safe(plain(value, field)) for value, field in zip(row, table.fields, strict=True))
        for row in table.rows.iter_rows()
    ]
    return "".join(f"{line}\n" for line in lines)


def to_csv(result: Result, style: Style) -> str:
    """Return the first table as CSV (RFC 4180), control characters in values shown as escapes.

    A text that a spreadsheet would run gets an apostrophe before it. With `csv_raw` values are as they are.
    """
    table = result.tables[0]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    if style.header:
        writer.writerow(field.name for field in table.fields)
    for row in table.rows.iter_rows():
        writer.writerow(_cell(value, field, style) for value, field in zip(row, table.fields, strict=True))
    return text.getvalue()


def _cell(value: object, field: Field, style: Style) -> str:
    text = plain(value, field)
    if style.csv_raw:
        return text
    # A negative number is no formula; a text that looks like one is.
    return f"'{safe(text)}" if isinstance(value, str) and _FORMULA.match(text) else safe(text)
