"""Traffic of a few accounts at random, always the same, for tests against oracles; the same events on DuckDB."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
from polars.testing import assert_frame_equal

from apilens.analyses.scope import Scope
from apilens.engine import scan
from apilens.result import Result
from apilens.schema import dtypes
from tests.event_frames import NOON, event, events_of

Event = dict[str, Any]
EXTRA = {"tokens": pl.Int64()}


def traffic(seed: int, count: int, *, weights: tuple[int, ...] = (1,)) -> list[Event]:
    """Return so many events: accounts differ in size and speed; there are ties, nulls, an account with one event."""
    luck = random.Random(seed)
    names = ["acme", "globex", "İnitech ☃", "zeta", None]
    rows = []
    for line in range(count):
        account = luck.choices(names, [8, 4, 3, 2, 2])[0] if line else "lonely"
        slow = 3.0 if account == "zeta" else 1.0
        moment = NOON + timedelta(minutes=luck.randrange(60 * 60))
        rows.append(
            event(
                account=account,
                account_verified=None if account is None else luck.random() < 0.7,
                endpoint=luck.choice(["GET /a", "GET /a", "POST /b", None]),
                status=luck.choice([200, 200, 200, 403, 404, 500, 503, None]),
                error_code=luck.choice([None, None, "bad_id", "no_plan"]),
                timestamp=moment,
                started_at=moment,
                duration_ms=luck.choice([None, slow * luck.randrange(1, 40) * 5.0, slow * luck.lognormvariate(4, 1)]),
                request_bytes=luck.choice([None, 0, luck.randrange(1, 10**7)]),
                response_bytes=luck.choice([None, luck.randrange(1, 10**5)]),
                query_keys=luck.choice([None, "expand,page", "page", "q"]),
                query_values=luck.choice([None, "limit=10", "limit=1000,page=2"]),
                sdk=luck.choice([None, "curl", "acme-python"]),
                client_ip=luck.choice(["10.0.0.1", "::1"]),
                kind=luck.choice(["request"] * 9 + ["action"]),
                weight=luck.choice(weights),
                line=line,
                tokens=luck.choice([None, luck.randrange(5, 500)]),
            )
        )
    return rows


def polars_of(rows: list[Event]) -> nw.LazyFrame[Any]:
    """Return the events as the lazy frame that queries take, the configured column `tokens` included."""
    return events_of(rows, extra=EXTRA)


def on_both(
    rows: list[Event], analysis: Callable[..., Result], options: Scope, folder: Path
) -> tuple[Result, Result]:  # fmt: skip
    """Return what an analysis answers on Polars and on DuckDB."""
    types = dtypes(EXTRA)
    path = str(folder / "events.parquet")
    pl.DataFrame([{name: row.get(name) for name in types} for row in rows], schema=types).write_parquet(path)
    one, other = (
        analysis(scan([path], types, engine=engine), options, columns=types) for engine in ("polars", "duckdb")
    )
    return one, other


def same(one: Result, other: Result) -> None:
    """Assert that two results are the same: integers exactly, floats to 1e-9."""
    assert [table.name for table in one.tables] == [table.name for table in other.tables]
    for left, right in zip(one.tables, other.tables, strict=True):
        assert_frame_equal(left.rows, right.rows, rel_tol=1e-9, abs_tol=1e-9)
    assert (one.header, one.notes, one.query, one.command) == (other.header, other.notes, other.query, other.command)
