"""What a report says around its numbers, and the overview."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apilens.analyses.report import OVERVIEW_METRICS, ReportOptions, default_metrics, report
from apilens.errors import UsageError
from apilens.metrics import BY_NAME
from apilens.result import Result
from apilens.window import Window
from tests.event_frames import NOON, event, events_of

NOW = NOON + timedelta(hours=20)
ROWS = [
    event(account="acme", status=401, endpoint="GET /a", duration_ms=10.0, timestamp=NOON),
    event(account="acme", status=200, endpoint="GET /b", duration_ms=30.0, timestamp=NOON + timedelta(hours=1)),
    event(account=None, status=200, endpoint="GET /b", timestamp=NOON + timedelta(hours=2)),
]


def ask(rows: list[dict[str, Any]] = ROWS, **options: Any) -> Result:
    return report(events_of(rows), ReportOptions(now=NOW, **options))


def test_a_breakdown_shows_the_default_metrics() -> None:
    result = ask(by=("account",))

    assert (result.kind, result.version, result.title) == ("report", 1, "Report by account")
    (table,) = result.tables
    assert table.rows.columns == [field.name for field in table.fields]
    assert table.rows.rows() == [
        ("acme", 2, 0.5, 1, 0.0, 29.0, 2, NOON + timedelta(hours=1)),
        (None, 1, 0.0, 0, 0.0, None, 1, NOON + timedelta(hours=2)),
    ]
    assert result.notes == ("66.6 % of requests have an account",)


def test_default_metrics_never_count_what_is_broken_down() -> None:
    for by, breadth in ((("account",), "endpoints"), (("endpoint",), "accounts"), (("endpoint", "account"), "ips")):
        assert breadth in default_metrics(by)
    assert {*OVERVIEW_METRICS, *default_metrics(("account",))} <= set(BY_NAME)


def test_the_overview_has_totals_and_the_tops() -> None:
    result = ask()
    tables = {table.name: table.rows for table in result.tables}

    assert result.title == "Overview"
    assert list(tables) == ["overview", "status_classes", "accounts", "endpoints"]
    assert tables["overview"].row(0, named=True) | {"first_request": None, "last_request": None} == {
        "requests": 3,
        "error_rate": 0.333333,
        "errors": 1,
        "client_errors": 1,
        "server_errors": 0,
        "p50_ms": 20.0,
        "p95_ms": 29.0,
        "accounts": 1,
        "endpoints": 2,
        "first_request": None,
        "last_request": None,
    }
    assert tables["status_classes"].rows() == [("2xx", 2, 0.666667), ("4xx", 1, 0.333333)]
    assert tables["accounts"]["account"].to_list() == ["acme", None]
    assert tables["endpoints"]["endpoint"].to_list() == ["GET /b", "GET /a"]
    for table in result.tables:
        assert table.rows.columns == [field.name for field in table.fields]


def test_metrics_without_a_breakdown_are_one_row() -> None:
    (table,) = ask(metrics=("requests", "errors")).tables

    assert table.rows.rows() == [(3, 1)]


def test_the_header_says_window_zone_events_and_age() -> None:
    window = Window(NOON, NOON + timedelta(hours=2))

    assert ask(by=("account",), window=window, tz="Europe/Berlin", where=("status < 500",)).header == (
        "window: from 2026-11-03 13:00 until 2026-11-03 15:00 (Europe/Berlin)",
        "where: status < 500",
        "2 requests, the newest event 2026-11-03 14:00, 19 h old",
    )
    assert ask([event()]).header == (
        "window: all events (UTC)",
        "1 request, the newest event 2026-11-03 12:00, 20 h old",
    )
    assert (
        ask(newest=NOW - timedelta(minutes=5)).header[-1] == "3 requests, the newest event 2026-11-04 07:55, 5 min old"
    )


def test_notes_say_what_is_left_out() -> None:
    rows = [event(account=f"a{number}", weight=1000) for number in range(5)]

    assert ask(rows, by=("account",), limit=2).notes == (
        "and 3 more; --limit all shows them",
        "quantiles are within 1 %: there are more than 2,000,000 events, or sampled ones",
    )
    assert ask(rows, by=("account",), metrics=("requests",), limit=None).notes == ()
    assert ask([event()], by=("account",)).notes == ("no request has an account: set `account:` in apilens.yaml",)
    assert ask([], by=("account",)).notes == ask([]).notes == ("no request matches: widen --since, or loosen --where",)


def test_nearly_all_attributed_is_not_all() -> None:
    rows = [event(account="acme", weight=9999), event()]

    assert ask(rows, by=("account",), metrics=("requests",)).notes == ("99.9 % of requests have an account",)


def test_the_question_is_json_and_the_command_asks_it_again() -> None:
    result = ask(
        by=("account", "endpoint"),
        metrics=("requests", "count(status = 401)"),
        where=("account = 'acme'",),
        having="requests > 0",
        sort="requests:asc",
        limit=None,
        window=Window(since=datetime(2026, 11, 1, tzinfo=UTC)),
        inputs=("my logs/access.log",),
    )

    assert json.loads(json.dumps(result.query)) == {
        "by": ["account", "endpoint"],
        "metrics": ["requests", "count(status = 401)"],
        "where": ["account = 'acme'"],
        "having": "requests > 0",
        "sort": "requests:asc",
        "limit": "all",
        "since": "2026-11-01T00:00:00Z",
        "until": None,
        "tz": "UTC",
    }
    assert result.command == (
        "apilens report 'my logs/access.log' --by account,endpoint --metrics 'requests,count(status = 401)'"
        " --where \"account = 'acme'\" --having 'requests > 0' --since 2026-11-01T00:00:00Z"
        " --sort requests:asc --limit all"
    )
    assert ask().command == "apilens report"


def test_a_mistake_is_a_usage_error() -> None:
    for wrong in ({"by": ("nope",)}, {"metrics": ("nope",)}, {"where": ("nope = 1",)}, {"tz": "Mars/Olympus"}):
        with pytest.raises(UsageError):
            ask(**wrong)  # type: ignore[arg-type]


def test_a_comparison_says_with_what_and_asks_the_same_again() -> None:
    window = Window(NOON + timedelta(hours=1), NOON + timedelta(hours=3))
    result = ask(by=("endpoint",), window=window, compare="previous")

    assert result.header[-1] == "compared with from 2026-11-03 11:00 until 2026-11-03 13:00 (UTC)"
    assert result.tables[0].rows.select("endpoint", "state", "requests").rows() == [
        ("GET /b", "new", 2), ("GET /a", "gone", 0),
    ]  # fmt: skip
    assert result.query["compare"] == "previous"
    assert result.command == (
        "apilens report --by endpoint --since 2026-11-03T13:00:00Z --until 2026-11-03T15:00:00Z --compare previous"
    )
    assert [table.name for table in ask(window=window, compare="1h-ago").tables] == [
        "overview", "status_classes", "accounts", "endpoints", "error_rate_change",
    ]  # fmt: skip
