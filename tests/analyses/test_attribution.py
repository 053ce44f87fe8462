"""Which rules find the accounts, and what has none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from apilens.analyses.attribution import AttributionOptions, attribution
from apilens.result import Result
from tests.event_frames import NOON, event, events_of

ROWS = [
    event(account="acme", account_source="header:x", status=500, endpoint="GET /a"),
    event(account="globex", account_source="header:x", weight=2, endpoint="GET /a"),
    event(account="acme", account_source="remote_user", endpoint="GET /b"),
    event(account=None, endpoint="GET /b", user_agent="curl/8", client_ip="::1"),
    event(account=None, endpoint="GET /c", user_agent="curl/8", status=404, client_ip="::1"),
    event(account=None, endpoint="GET /b", user_agent="x/1", client_ip="::2"),
    event(account=None, kind="action", action="signed_in"),
]


def ask(rows: list[dict[str, Any]] = ROWS, **options: Any) -> Result:
    return attribution(events_of(rows), AttributionOptions(now=NOON + timedelta(hours=1), **options))


def rows(result: Result) -> dict[str, list[tuple[Any, ...]]]:
    return {table.name: table.rows.drop("last_request", strict=False).rows() for table in result.tables}


def test_rules_share_the_requests_and_the_rest_is_told_of() -> None:
    result = ask()

    assert rows(result) == {
        "rules": [("header:x", 3, 0.428571, 2, 0.333333), (None, 3, 0.428571, 0, 0.333333),
                  ("remote_user", 1, 0.142857, 1, 0.0)],
        "unattributed_endpoints": [("GET /b", 2, 0.666667, 0.0, 2), ("GET /c", 1, 0.333333, 1.0, 1)],
        "unattributed_user_agents": [("curl/8", 2, 0.666667, 0.5, 1), ("x/1", 1, 0.333333, 0.0, 1)],
    }  # fmt: skip
    assert result.notes == ("57.1 % of requests have an account",)
    assert result.command == "apilens attribution"
    for table in result.tables:
        assert table.rows.columns == [field.name for field in table.fields]


def test_what_is_left_out_is_counted() -> None:
    result = ask(limit=1, where=("status = 200",), errors="status = 404")

    assert rows(result)["unattributed_endpoints"] == [("GET /b", 2, 1.0, 0.0, 2)]
    assert rows(result)["unattributed_user_agents"] == [("curl/8", 1, 0.5, 0.0, 1)]
    assert result.notes[1:] == ("and 1 more by user_agent; --limit all shows them",)
    assert result.command == "apilens attribution --where 'status = 200' --limit 1"
    assert (result.query["errors"], result.query["limit"]) == ("status = 404", 1)
    assert "errors: status = 404" in result.header


def test_where_all_have_an_account_nothing_else_is_shown() -> None:
    assert list(rows(ask(ROWS[:3]))) == ["rules"]
    assert ask(ROWS[:3]).notes == ("every request has an account",)


def test_without_requests_there_is_no_row() -> None:
    result = ask([])

    assert rows(result) == {"rules": []}
    assert "no request matches" in result.notes[0]
