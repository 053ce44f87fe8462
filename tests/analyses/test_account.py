"""The page of an account, by hand and against plain Python; and what may stand in a support ticket."""

from __future__ import annotations

import statistics
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings

from apilens.account_names import Whose
from apilens.analyses.account import AccountOptions, account
from apilens.endpoints import Endpoints
from apilens.engine import ENGINES, scan
from apilens.render import RENDERERS, Style
from apilens.result import Result
from apilens.window import Window
from tests.event_frames import NOON, event, events_of, random_events

DAY = timedelta(days=1)
ACME = Whose("acme", {})
DOCUMENTED = Endpoints.of({"documented": [["GET /a", False, None], ["GET /spare", False, None]]})


def of(line: int, account: str | None, endpoint: str, status: int = 200, **columns: Any) -> dict[str, Any]:
    return event(line=line, account=account, endpoint=endpoint, status=status, **columns)


ROWS = [
    of(1, "acme", "GET /a", duration_ms=100.0, timestamp=NOON - 2 * DAY, sdk="acme-python", sdk_version="1.0"),
    of(2, "acme", "GET /a", 422, duration_ms=300.0, error_code="missing", sdk="acme-python", sdk_version="2.0"),
    of(3, "acme", "GET /a", 422, duration_ms=300.0, error_code="missing", request_id="r3", trace_id="t 3"),
    of(4, "acme", "POST /b", 500, duration_ms=10.0, timestamp=NOON - DAY),
    of(5, "globex", "GET /a", duration_ms=20.0),
    of(6, "globex", "GET /c", duration_ms=777.0),
    of(7, "initech", "GET /a", duration_ms=40.0),
    of(8, "initech", "GET /c", duration_ms=777.0),
    of(9, "initech", "GET /rare", duration_ms=777.0),
    of(10, None, "GET /a", duration_ms=9000.0),
]


def ask(rows: list[dict[str, Any]] = ROWS, **options: Any) -> Result:
    asked = {"whose": ACME, "known": DOCUMENTED, "now": NOON + timedelta(hours=1), "newest": NOON, **options}
    return account(events_of(rows), AccountOptions(**asked))


def table(result: Result, name: str, *columns: str) -> list[tuple[Any, ...]]:
    [rows] = [table.rows for table in result.tables if table.name == name]
    return rows.select(columns or pl.all()).rows()


def test_traffic_and_errors_are_of_the_account_alone() -> None:
    result = ask()

    assert table(result, "traffic", "requests", "errors", "endpoints", "active_days") == [(4, 3, 2, 3)]
    assert table(result, "errors", "status", "error_code", "requests", "share") == [
        (422, "missing", 2, 0.666667), (500, None, 1, 0.333333),
    ]  # fmt: skip
    assert table(result, "endpoints", "endpoint", "requests", "error_rate") == [
        ("GET /a", 3, 0.666667), ("POST /b", 1, 1.0),
    ]  # fmt: skip
    for shown in result.tables:
        assert shown.rows.columns == [field.name for field in shown.fields]


def test_times_stand_beside_those_of_other_accounts_on_the_same_endpoints() -> None:
    names = ("endpoint", "p50_ms", "peers_p50_ms", "peers")

    assert table(ask(), "latency", *names) == [("GET /a", 300.0, 30.0, 2), ("POST /b", 10.0, None, 0)]


def test_what_is_documented_or_common_and_never_called_is_listed() -> None:
    assert table(ask(), "never_used") == [("GET /c", False, 2), ("GET /spare", True, 0)]


def test_the_last_errors_have_their_lines_and_links() -> None:
    result = ask(links={"trace": "https://t.example/{trace_id}", "crm": "https://c.example/{account}"}, limit=2)

    assert table(result, "last_errors", "location", "error_code", "link.trace")[:2] == [
        ("access.log:3", "missing", "https://t.example/t%203"), ("access.log:2", "missing", None),
    ]  # fmt: skip
    assert "crm: https://c.example/acme" in result.header
    assert (
        "all errors, with the same window and filters: apilens events --account acme --where 'status >= 400'"
        in result.notes
    )


def test_a_window_is_set_beside_the_one_before() -> None:
    window = Window(NOON - timedelta(hours=36), NOON + timedelta(hours=1))

    result = ask(window=window)

    names = ("window", "requests", "errors", "endpoints")
    assert table(result, "changes", *names) == [("before", 1, 0, 1), ("now", 3, 3, 2)]
    assert AccountOptions(
        whose=ACME, known=DOCUMENTED, now=NOON, window=window
    ).reads().since == window.since - timedelta(hours=37)
    assert not any("what changed" in note for note in result.notes)


def test_an_account_without_requests_is_one_sentence() -> None:
    whose = Whose("wonka", {}, NOON - 3 * DAY)

    result = ask(whose=whose)

    assert [table.name for table in result.tables] == ["traffic"]
    assert result.notes == ("no request of wonka matches; last seen 3 days ago: widen --since, or loosen --where",)
    assert ask([]).notes == ("no request of acme matches: widen --since, or loosen --where",)


def test_requests_of_nobody_have_a_page_too() -> None:
    result = ask(whose=Whose(None, {}))

    assert table(result, "traffic", "requests") == [(1,)]
    assert result.command == "apilens account '(unattributed)'"


def test_names_that_mean_more_are_asked_for_in_sql() -> None:
    rows = [of(1, "a*", "GET /a", 500), of(2, "ab", "GET /a", 500)]

    result = ask(rows, whose=Whose("a*", {}))

    assert table(result, "traffic", "requests") == [(1,)]
    assert "--where \"account = 'a*'\"" in result.notes[-1]


def test_what_is_shared_names_nobody_else() -> None:
    rows = [{**row, "source": "/logs/globex/access.log"} for row in ROWS]

    result = ask(rows, share=True, where=("account <> 'globex'",), inputs=("/logs/globex/access.log",),
                 links={"trace": "https://internal.example/{trace_id}"}, window=Window(NOON - DAY))  # fmt: skip

    for name in ("markdown", "json", "table"):
        text = str(RENDERERS[name](result, Style()))
        assert "acme" in text
        for secret in ("globex", "initech", "777", "/rare", "GET /c", "peers", "internal.example"):
            assert secret not in text, name
    assert table(result, "never_used") == [("GET /spare", True)]
    assert "a part of the requests is left out" in result.notes


def _said(result: Result) -> object:
    tables = [(table.name, table.rows.rows()) for table in result.tables]
    return tables, result.header, result.notes, result.query, result.title, result.command


@settings(max_examples=40, deadline=None)
@given(rows=random_events)
def test_what_is_shared_is_the_same_whatever_others_do(rows: list[dict[str, Any]]) -> None:
    mine = [row for row in rows if row["account"] == "acme"]

    assert _said(ask(rows, share=True)) == _said(ask(mine, share=True))


@settings(max_examples=30, deadline=None)
@given(rows=random_events)
def test_peers_are_counted_as_plain_python_counts_them(rows: list[dict[str, Any]]) -> None:
    requests = [row for row in rows if row["kind"] == "request"]
    mine = [row for row in requests if row["account"] == "acme"]
    others = [row for row in requests if row["account"] not in ("acme", None)]
    expected = set()
    for name in {row["endpoint"] for row in mine}:
        own, theirs = ([row for row in group if row["endpoint"] == name] for group in (mine, others))
        times = [[row["duration_ms"] for row in group if row["duration_ms"] is not None] for group in (own, theirs)]
        if times[0]:
            medians = [round(statistics.median(values), 6) if values else None for values in times]
            expected.add((name, len(own), *medians, len({row["account"] for row in theirs})))

    result = ask(rows, limit=None)

    names = ("endpoint", "requests", "p50_ms", "peers_p50_ms", "peers")
    found = {shown.name: shown.rows.select(names).rows() for shown in result.tables if shown.name == "latency"}
    approx = pytest.approx
    assert sorted(found.get("latency", []), key=str) == [
        tuple(approx(value) if isinstance(value, float) else value for value in row)
        for row in sorted(expected, key=str)
    ]


def test_engines_say_the_same(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    events_of(ROWS).collect().to_native().write_parquet(path)
    options = AccountOptions(whose=ACME, known=DOCUMENTED, now=NOON, newest=NOON, window=Window(NOON - DAY))

    polars, duckdb = [account(scan([str(path)], engine=engine), options) for engine in ENGINES]

    assert _said(polars) == _said(duckdb)
    assert RENDERERS["json"](polars, Style()) == RENDERERS["json"](duckdb, Style())
