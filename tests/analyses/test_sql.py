"""Full SQL over the events: what a query may say, what it comes to in every output, and how mistakes are told."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from apilens.analyses.sql import SqlOptions, sql
from apilens.engine import scan
from apilens.errors import StoreError, UsageError
from apilens.render import RENDERERS, Style
from apilens.result import Result
from apilens.window import Window
from tests.event_frames import NOON, event, events_of

ROWS = [
    event(account="acme", status=200, response_bytes=10),
    event(account="acme", status=500, timestamp=NOON + timedelta(hours=1), line=2),
    event(account=None, status=200, user="ann", timestamp=NOON + timedelta(days=1), line=3),
]
TYPED = (
    "SELECT array_agg(timestamp) AS times, min(timestamp)::time AS clock, max(timestamp) - min(timestamp) AS length,"
    " 1.5::decimal(10,2) AS price, max(day) AS last_day, '2026-01-01'::timestamp AS naive, NULL AS nothing FROM events"
)


def ask(statement: str, window: Window | None = None) -> Result:
    return sql(events_of(ROWS), SqlOptions(now=NOON, statement=statement, window=window or Window()))


def test_a_query_is_answered_in_its_own_order_and_names() -> None:
    result = ask("SELECT account, count(*) AS n FROM events GROUP BY account ORDER BY n DESC, account")

    assert result.tables[0].rows.rows() == [("acme", 2), (None, 1)]
    assert result.command == (
        "apilens sql 'SELECT account, count(*) AS n FROM events GROUP BY account ORDER BY n DESC, account'"
    )


@pytest.mark.parametrize(
    "statement", ["WITH x AS (SELECT 1 AS n) SELECT n FROM x", "-- why\n/* not */ (SELECT 1 AS n)"]
)
def test_whatever_reads_is_run(statement: str) -> None:
    assert ask(statement).tables[0].rows.rows() == [(1,)]


def test_only_events_of_the_window_are_there() -> None:
    window = Window(NOON + timedelta(minutes=1), NOON + timedelta(hours=2))

    result = ask("SELECT line FROM events", window)

    assert result.tables[0].rows.rows() == [(2,)]
    assert result.header == ("window: from 2026-11-03 12:01 until 2026-11-03 14:00 (UTC)",)


def test_units_come_from_names_and_types() -> None:
    result = ask("SELECT avg(response_bytes) AS mean_bytes, 0.5 AS ok_rate, count(*) AS n, min(day) AS d FROM events")

    assert [field.unit for field in result.tables[0].fields] == ["bytes", "ratio", "number", "date"]


def test_json_has_every_type() -> None:
    [row] = json.loads(str(RENDERERS["json"](ask(TYPED), Style())))["rows"]

    assert row == {
        "times": ["2026-11-03T12:00:00Z", "2026-11-03T13:00:00Z", "2026-11-04T12:00:00Z"],
        "clock": "12:00:00", "length": 86_400_000, "price": "1.50", "last_day": "2026-11-04",
        "naive": "2026-01-01T00:00:00Z", "nothing": None,
    }  # fmt: skip


def test_tsv_and_people_have_every_type() -> None:
    times = '["2026-11-03T12:00:00Z", "2026-11-03T13:00:00Z", "2026-11-04T12:00:00Z"]'

    assert str(RENDERERS["tsv"](ask(TYPED), Style())).splitlines()[1].split("\t") == [
        times, "12:00:00", "86400000.0", "1.50", "2026-11-04", "2026-01-01T00:00:00Z", "",
    ]  # fmt: skip
    shown = str(RENDERERS["table"](ask(TYPED), Style(width=200)))
    assert "24.0 h" in shown and "2026-01-01 00:00:00" in shown and "1.50" in shown


def test_parquet_has_the_types_themselves() -> None:
    made = RENDERERS["parquet"](ask(TYPED), Style())
    assert isinstance(made, bytes)

    [row] = pl.read_parquet(io.BytesIO(made)).rows()

    assert row == (
        [NOON, NOON + timedelta(hours=1), NOON + timedelta(days=1)], time(12), timedelta(days=1), Decimal("1.50"),
        date(2026, 11, 4), datetime(2026, 1, 1), None,
    )  # fmt: skip


@pytest.mark.parametrize("kind", [name for name in RENDERERS if name != "parquet"])
def test_what_hides_in_a_list_is_shown_as_an_escape(kind: str) -> None:
    rows = events_of([event(path="\x9b2J\u202e")])
    result = sql(rows, SqlOptions(now=NOON, statement="SELECT array_agg(path) AS paths FROM events"))

    assert not {"\x9b", "\u202e"} & set(str(RENDERERS[kind](result, Style())))


@pytest.mark.parametrize(
    ("statement", "says", "hint"),
    [
        ("", "a query begins with SELECT or WITH", "FROM events"),
        ("DROP TABLE events", "a query begins with SELECT or WITH", "FROM events"),
        ("SELECT FROM", "sql parser error", "docs/sql.md"),
        ("SELECT acount FROM events", 'unable to find column "acount"', "did you mean `account`?"),
        ("SELECT n FROM evnts", "'evnts' was not found", "the table is `events`"),
        ("SELECT user FROM events", "`user` is a word of SQL", 'write "user", in double quotes'),
        ("SELECT status + path FROM events", "arithmetic on", "docs/sql.md"),
        ("SELECT '2026-13-01'::date AS d FROM events", "parse dates", "docs/sql.md"),
        ("SELECT account::int AS n FROM events", "conversion from", "docs/sql.md"),
        ("SELECT * FROM read_csv('/nowhere')", "/nowhere", "docs/sql.md"),
        ("SELECT 1; SELECT 2", "one (and only one) statement", "docs/sql.md"),
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_answered_is_a_mistake_of_one_line(statement: str, says: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        ask(statement)

    assert says in raised.value.message and "\n" not in raised.value.message
    assert hint in (raised.value.hint or "")


@pytest.mark.parametrize("data", [None, b"PAR1 no parquet at all PAR1"])
def test_a_missing_or_damaged_file_of_the_store_is_no_mistake_of_the_query(data: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    if data:
        path.write_bytes(data)

    with pytest.raises(StoreError):
        sql(scan([str(path)]), SqlOptions(now=NOON, statement="SELECT status FROM events"))


def test_a_time_without_a_zone_is_utc_in_any_zone_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    from apilens.render.cells import iso

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    import time as clock

    clock.tzset()
    try:
        assert iso(datetime(2026, 1, 1)) == iso(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00Z"
    finally:
        monkeypatch.undo()
        clock.tzset()
