"""Parquet: the rows of the first table, typed."""

from __future__ import annotations

import io

from apilens.render import Style
from apilens.result import Result


def to_parquet(result: Result, style: Style) -> bytes:
    """Return a Parquet file of the first table's rows."""
    buffer = io.BytesIO()
    result.tables[0].rows.write_parquet(buffer)
    return buffer.getvalue()
