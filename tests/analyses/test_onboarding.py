"""How new accounts get going: by hand, by a slow oracle over random events, and by both engines."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings

from apilens.accounts import Accounts
from apilens.analyses.onboarding import OnboardingOptions, onboarding
from apilens.engine import scan
from apilens.errors import UsageError
from apilens.result import Result
from apilens.schema import DTYPES, TIME
from apilens.store.catalogue import Catalogue, seen_in
from apilens.window import Window
from tests.event_frames import event, events_of, random_events

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR_MS = 3_600_000.0


def at(day: int, hour: int = 12, **columns: Any) -> dict[str, Any]:
    moment = datetime(2026, 11, day, hour, tzinfo=UTC)
    return event(timestamp=moment, started_at=moment, **{"endpoint": "GET /a", **columns})


def accounts(**created: datetime | None) -> Accounts:
    rows = {"account": list(created), "account.created_at": list(created.values())}
    schema = {"account": pl.String(), "account.created_at": TIME}
    return Accounts(pl.DataFrame(rows, schema=schema).with_columns(pl.lit("pro").alias("account.plan")))


# hooli was there from the beginning.
ROWS = [
    at(1, account="hooli"),
    at(19, account="hooli"),
    # acme is created, calls two hours later, succeeds after three, finds its way, and goes on.
    at(3, 2, account="acme", status=401, endpoint="POST /b"),
    at(3, 3, account="acme"),
    at(4, 0, account="acme", endpoint="GET /c"),
    at(19, account="acme", endpoint="GET /d"),
    # globex was not announced, and stopped; a webhook that is sent to it is no call.
    at(10, account="globex", status=500),
    at(10, account="globex", endpoint=None, status=None),
    at(19, account="globex", direction="outgoing"),
    at(19, account=None),
]
KNOWN = accounts(acme=datetime(2026, 11, 3, tzinfo=UTC), wonka=datetime(2026, 11, 5, tzinfo=UTC), stark=None)


def options_of(rows: list[dict[str, Any]], **given: Any) -> OnboardingOptions:
    frame = pl.DataFrame(rows, schema=dict(DTYPES)) if rows else pl.DataFrame(schema=dict(DTYPES))
    return OnboardingOptions(**{"now": NOW, "seen": Catalogue(seen_in([frame]), 0), "accounts": KNOWN, **given})


def ask(rows: list[dict[str, Any]] = ROWS, **given: Any) -> Result:
    columns = {**DTYPES, "account.created_at": TIME, "account.plan": pl.String()}
    known = [{**row, "account.plan": "pro" if row["account"] in ("acme", "wonka") else None} for row in rows]
    events = events_of(known, extra={"account.created_at": TIME, "account.plan": pl.String()})
    return onboarding(events, options_of(rows, **given), columns=columns)


def test_who_never_called_who_stopped_and_who_goes_on() -> None:
    result = ask()

    names = (
        "account",
        "state",
        "started_by",
        "first_call_ms",
        "first_success_ms",
        "endpoints_1d",
        "endpoints_7d",
        "requests",
    )
    assert result.tables[0].rows.select(names).rows() == [
        ("wonka", "never called", "created_at", None, None, 0, 0, 0),
        ("globex", "stalled", "first_seen", None, None, 1, 1, 2),
        # Midnight of the next day is a day after the start: the third endpoint is of the week only.
        ("acme", "active", "created_at", 2 * HOUR_MS, 3 * HOUR_MS, 2, 3, 4),
    ]  # fmt: skip
    assert result.tables[1].rows.row(0) == (3, 1, 1, 1, 2 * HOUR_MS, 3 * HOUR_MS, 1.0, 1.0)
    assert result.header[-1] == "3 accounts began: 1 never called, 1 stalled, 1 active"
    assert "1 account was there within a day of the first event (2026-11-01): nobody knows since when" in result.notes
    assert result.command == "apilens onboarding"


def test_the_window_is_about_when_accounts_began() -> None:
    week = Window(datetime(2026, 11, 4, tzinfo=UTC), datetime(2026, 11, 11, tzinfo=UTC))

    result = ask(window=week)

    assert result.tables[0].rows["account"].to_list() == ["wonka", "globex"]
    assert not any("first event" in note for note in result.notes)


def test_whatever_came_first_is_the_start() -> None:
    late = accounts(globex=datetime(2026, 11, 15, tzinfo=UTC))

    row = ask(accounts=late).tables[0].rows.row(by_predicate=pl.col("account") == "globex", named=True)

    assert (row["started"], row["first_call_ms"]) == (datetime(2026, 11, 10, 12, tzinfo=UTC), 0.0)


def test_conditions_on_accounts_choose_them_and_others_their_calls() -> None:
    assert ask(where=("account = 'globex'",)).tables[0].rows["account"].to_list() == ["globex"]
    assert ask(where=("account.plan = 'pro'",)).tables[0].rows["account"].to_list() == ["wonka", "acme"]
    rows = ask(where=("endpoint = 'GET /c'",)).tables[0].rows
    assert rows.select("account", "state", "requests").rows() == [
        ("wonka", "never called", 0), ("globex", "never called", 0), ("acme", "active", 1)
    ]  # fmt: skip


def test_what_an_error_is_decides_what_a_success_is() -> None:
    row = ask(errors="status >= 500").tables[0].rows.row(by_predicate=pl.col("account") == "acme", named=True)

    assert row["first_success_ms"] == 2 * HOUR_MS


def test_nothing_at_all_is_said_in_one_sentence() -> None:
    result = ask([], accounts=None)

    assert result.tables[0].rows.is_empty()
    assert result.tables[1].rows.row(0) == (0, 0, 0, 0, None, None, None, None)
    assert result.notes[0] == "no account is known to have begun in the window: widen --since"


def test_a_column_of_other_things_than_times_is_a_mistake() -> None:
    table = pl.DataFrame({"account": ["acme"], "account.created_at": ["last year"]})

    with pytest.raises(UsageError, match="`created_at` of the accounts file holds other things than times"):
        ask(accounts=Accounts(table))


@settings(max_examples=60, deadline=None)
@given(random_events)
def test_as_plain_python_has_it(events: list[dict[str, Any]]) -> None:
    created = {"acme": datetime(2026, 10, 30, tzinfo=UTC), "wonka": datetime(2026, 11, 2, tzinfo=UTC)}

    rows, summary = (table.rows for table in ask(events, accounts=accounts(**created)).tables)

    expected = {}
    oldest = min((e["timestamp"] for e in events), default=None)
    requests = [e["timestamp"] for e in events if e["kind"] == "request"]
    until = max(requests, default=NOW) + timedelta(microseconds=1)
    for account in {*created, *(e["account"] for e in events)} - {None}:
        mine = [e for e in events if e["account"] == account]
        moments = [e["timestamp"] for e in mine]
        if account not in created and min(moments) < oldest + timedelta(days=1):
            continue
        start = min([*moments, *([created[account]] if account in created else [])])
        calls = [e for e in mine if e["kind"] == "request"]
        first = min((e["timestamp"] for e in calls), default=None)
        good = [e["timestamp"] for e in calls if e["status"] is not None and e["status"] < 400]
        found = [
            len({e["endpoint"] for e in calls if e["timestamp"] < start + timedelta(days=days)} - {None})
            for days in (1, 7)
        ]
        late = first and max(e["timestamp"] for e in calls) < until - timedelta(days=3)
        expected[account] = (
            "never called" if first is None else "stalled" if late else "active",
            round((first - start) / timedelta(milliseconds=1), 3) if first and account in created else None,
            round((min(good) - start) / timedelta(milliseconds=1), 3) if good else None,
            *found, len(calls), start,
        )  # fmt: skip
    names = (
        "account",
        "state",
        "first_call_ms",
        "first_success_ms",
        "endpoints_1d",
        "endpoints_7d",
        "requests",
        "started",
    )
    if requests:
        assert {row[0]: row[1:] for row in rows.select(names).iter_rows()} == expected
        waits = [row[1] for row in expected.values() if row[1] is not None]
        assert summary["median_first_call_ms"].item() == (statistics.median(waits) if waits else None)
        weeks = [row[4] for row in expected.values() if row[6] + timedelta(days=7) <= until]
        assert summary["median_endpoints_7d"].item() == (statistics.median(weeks) if weeks else None)


def test_duckdb_gives_the_same_rows(tmp_path: Path) -> None:
    path = str(tmp_path / "part.parquet")
    pl.DataFrame(ROWS, schema=dict(DTYPES)).drop("day").write_parquet(path)

    one, other = (onboarding(scan([path], engine=engine), options_of(ROWS)) for engine in ("polars", "duckdb"))  # type: ignore[arg-type]

    assert one.tables[0].rows.height == 3
    for ours, theirs in zip(one.tables, other.tables, strict=True):
        assert theirs.rows.equals(ours.rows) and theirs.rows.schema == ours.rows.schema
    assert (other.header, other.notes) == (one.header, one.notes)
