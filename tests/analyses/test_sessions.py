"""What `sessions` says: by account, by endpoint, single ones; the same on both engines."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from apilens.analyses.sessions import SessionOptions, sessions
from apilens.engine import scan
from apilens.errors import UsageError
from apilens.render import Style
from apilens.render.markdown import to_markdown
from apilens.result import Result
from apilens.schema import DTYPES
from tests.event_frames import NOON, event, events_of


def call(minute: float, account: str | None, endpoint: str, **columns: Any) -> dict[str, Any]:
    moment = NOON + timedelta(minutes=minute)
    return event(started_at=moment, timestamp=moment, account=account, endpoint=endpoint, line=int(minute), **columns)


# acme: 20 minutes with an error, then a single call, then 10 minutes. globex: one call. Nobody: one of each of two.
ROWS = [
    call(0, "acme", "POST /login"),
    call(20, "acme", "GET /a", status=500),
    call(60, "acme", "GET /a"),
    call(120, "acme", "POST /login"),
    call(130, "acme", "GET /b"),
    call(5, "globex", "GET /a", session="t", user="u"),
    call(6, None, "GET /a", client_ip="::1"),
    call(7, None, "GET /a", client_ip="::2"),
    call(8, "acme", "POST /hook", direction="outgoing"),
]


def ask(rows: list[dict[str, Any]] = ROWS, **options: Any) -> Result:
    return sessions(events_of(rows), SessionOptions(now=NOON, **options))


def test_accounts_with_their_sessions_lengths_errors_and_ways() -> None:
    result = ask()

    minutes = 60_000.0
    assert result.tables[0].rows.rows() == [
        ("acme", 3, 5, 1, 0.333333, 10 * minutes, 19 * minutes, "POST /login", "GET /a"),
        (None, 2, 2, 0, 0.0, 0.0, 0.0, "GET /a", "GET /a"),
        ("globex", 1, 1, 0, 0.0, 0.0, 0.0, "GET /a", "GET /a"),
    ]
    assert result.tables[1].rows.rows() == [
        ("GET /a", 4, 0.666667, 5, 0.833333),
        ("POST /login", 2, 0.333333, 0, 0.0),
        ("GET /b", 0, 0.0, 1, 0.166667),
    ]
    assert "75.0 % of requests have an account" in result.notes
    assert result.header[1].startswith("8 requests")


def test_single_sessions_the_newest_first() -> None:
    result = ask(single=True, limit=3)

    assert result.tables[0].rows.select("account", "began", "length_ms", "calls").rows() == [
        ("acme", NOON + timedelta(minutes=120), 600_000.0, 2),
        ("acme", NOON + timedelta(minutes=60), 0.0, 1),
        (None, NOON + timedelta(minutes=7), 0.0, 1),
    ]
    assert result.notes[0] == "and older ones; --limit all shows them"
    assert ask(single=True, limit=6).notes[0] != result.notes[0]
    assert ask(single=True).tables[0].rows["session"].drop_nulls().to_list() == ["t"]


def test_the_limit_counts_accounts_and_idle_is_said() -> None:
    result = ask(limit=1, idle=timedelta(hours=1))

    assert result.tables[0].rows.select("account", "sessions").rows() == [(None, 2)]
    assert result.notes[0] == "and 2 more; --limit all shows them"
    assert result.header[-1].endswith("a pause of more than 1h")
    assert result.command == "apilens sessions --idle 1h --limit 1"


@pytest.mark.parametrize("single", [True, False])
def test_nothing_is_a_sentence(single: bool) -> None:
    for result in (ask([], single=single), ask(single=single, where=("status = 418",)), ask(ROWS[-1:], single=single)):
        assert all(table.rows.is_empty() for table in result.tables)
        assert result.notes == ("no call matches: widen --since, or loosen --where",)
        assert "NaN" not in to_markdown(result, Style())


def test_no_pause_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="--idle is no pause"):
        ask(idle=timedelta(0))


@pytest.mark.parametrize("asked", [{}, {"single": True}, {"single": True, "limit": 2}, {"limit": 1}])
def test_duckdb_gives_the_same_rows(tmp_path: Path, asked: dict[str, Any]) -> None:
    path = str(tmp_path / "events.parquet")
    pl.DataFrame(ROWS, schema=dict(DTYPES)).drop("day", "sdk").write_parquet(path)
    options = SessionOptions(now=NOON, **asked)

    one, other = (sessions(scan([path], engine=engine), options) for engine in ("polars", "duckdb"))  # type: ignore[arg-type]

    assert one.tables[0].rows.height
    for ours, theirs in zip(one.tables, other.tables, strict=True):
        assert theirs.rows.equals(ours.rows)
    assert other.notes == one.notes
