"""Frames and writers for tests of the store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from apilens.schema import conform

START = datetime(2026, 11, 20, tzinfo=UTC)
KEY = b"k" * 32

Make = Callable[..., pl.DataFrame]


@pytest.fixture
def make() -> Make:
    """Return make(rows, first=1, day=0): `rows` events, a second apart, lines counted from `first`."""

    def build(rows: int, *, first: int = 1, day: int = 0, source: str = "a.log") -> pl.DataFrame:
        stamps = [START + timedelta(days=day, seconds=row) for row in range(rows)]
        frame = pl.DataFrame(
            {
                "timestamp": stamps,
                "started_at": stamps,
                "account": [f"account-{row % 3}" for row in range(rows)],
                "source": [source] * rows,
                "line": list(range(first, first + rows)),
                "item": [0] * rows,
                "weight": [1] * rows,
            }
        )
        return conform(frame.with_columns(pl.col("timestamp").dt.date().alias("day")))

    return build


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"
