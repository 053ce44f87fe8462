"""What is left out unless it is asked for, counted in passing, against plain Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apilens.analyses import answers
from apilens.analyses.report import ReportOptions, report
from apilens.engine import ENGINES, scan
from apilens.left_out import left_out, lines_of
from apilens.query import summarise
from apilens.result import Result
from apilens.schema import DTYPES
from apilens.scope_settings import Internal, ScopeSettings, scope_problems
from tests.event_frames import NOON, event, events_of

SCOPE = ScopeSettings(
    include=("GET /a", "/b", "account = 'staff-1'"),
    exclude=("POST /b", "account.plan = 'test'"),
    internal=Internal(("staff*",), ("10.0.0.0/8",)),
)
PLAN = {"account.plan": DTYPES["account"]}
ROWS = [
    event(account="acme", endpoint="GET /a", status=500),
    event(account="acme", endpoint="GET /a", is_health_check=True, weight=3),
    event(account="acme", endpoint="OPTIONS /a", method="OPTIONS"),
    event(account="acme", endpoint="OPTIONS /a", method="OPTIONS", auth_scheme="bearer"),
    event(account="acme", endpoint="GET /a", direction="internal"),
    event(account="acme", endpoint="GET /a", direction="outgoing"),
    event(account="acme", kind="action", action="signed_in", is_health_check=True),
]


def ask(rows: list[dict[str, Any]] = ROWS, **options: Any) -> Result:
    return report(events_of(rows), ReportOptions(now=NOON, newest=NOON, **{"scope": ScopeSettings(), **options}))


def requests(result: Result) -> int:
    return int(result.tables[0].rows["requests"].sum())


def test_without_a_scope_everything_counts() -> None:
    assert requests(ask(scope=None)) == 8


@pytest.mark.parametrize("by", [(), ("account",), ("endpoint", "status")])
def test_probes_preflights_and_other_directions_are_left_out_and_counted(by: tuple[str, ...]) -> None:
    result = ask(by=by, metrics=("requests", "p50_ms", "accounts"))

    assert requests(result) == 2
    assert result.header[1:] == (
        "2 requests, the newest event 2026-11-03 12:00, 0 s old",
        "3 health checks, 1 preflight and 1 internal request left out; --all brings them back",
        "1 outgoing call left out; --where \"direction = 'outgoing'\" asks for them",
    )


def test_all_brings_back_what_is_not_outgoing() -> None:
    result = ask(everything=True, by=("account",))

    assert requests(result) == 7
    assert result.command == "apilens report --by account --all"
    assert result.query["all"] is True


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"where": ("direction = 'outgoing'",)}, 1),
        ({"by": ("direction",)}, 4),
        ({"where": ("is_health_check",)}, 3),
        ({"where": ("method = 'OPTIONS'",)}, 2),
        ({"where": ("endpoint <> '/direction is_health_check'",)}, 2),
    ],
)
def test_what_is_named_is_asked_for(asked: dict[str, Any], count: int) -> None:
    assert requests(ask(**asked, metrics=("requests",))) == count


def test_nothing_inside_is_one_row_of_none() -> None:
    rows = ask([event(is_health_check=True)], metrics=("requests", "error_rate", "last_request")).tables[0].rows

    assert rows.rows() == [(0, None, None)]
    assert ask([event(is_health_check=True)], by=("account",)).tables[0].rows.is_empty()
    assert requests(ask([])) == 0


def test_one_of_a_kind_comes_back_as_it() -> None:
    assert lines_of({"excluded": 1}) == ("1 excluded request left out; --all brings it back",)
    assert lines_of({}) == ()


def reason(row: dict[str, Any]) -> str | None:
    """Say why a row is left out, in plain Python."""
    account, endpoint = row["account"], row["endpoint"]
    included = endpoint in ("GET /a", "GET /b", "POST /b") or account == "staff-1"
    if row["is_health_check"]:
        return "health_checks"
    if row["method"] == "OPTIONS" and row["auth_scheme"] is None:
        return "preflights"
    mine = row["client_ip"] is not None and row["client_ip"].startswith("10.")
    if row["direction"] == "internal" or (account or "").startswith("staff") or mine:
        return "internal"
    if not included or endpoint == "POST /b" or row["account.plan"] == "test":
        return "excluded"
    return "outgoing" if row["direction"] == "outgoing" else None


_rows = st.lists(
    st.builds(
        event,
        account=st.sampled_from([None, "acme", "staff-1", "staff-2"]),
        endpoint=st.sampled_from([None, "GET /a", "GET /b", "POST /b", "GET /c"]),
        client_ip=st.sampled_from([None, "10.1.2.3", "110.1.2.3", "::1"]),
        method=st.sampled_from([None, "GET", "OPTIONS"]),
        auth_scheme=st.sampled_from([None, "bearer"]),
        is_health_check=st.booleans(),
        direction=st.sampled_from(["incoming", "incoming", "outgoing", "internal"]),
        status=st.sampled_from([None, 200, 500]),
        weight=st.integers(1, 3),
        duration_ms=st.none() | st.floats(0, 100),
        **{"account.plan": st.sampled_from([None, "test", "pro"])},
    ),
    max_size=15,
)


@settings(max_examples=60, deadline=None)
@given(rows=_rows, by=st.sampled_from([[], ["account"], ["endpoint", "status"]]))
def test_answers_are_those_of_what_is_left_and_counts_are_complete(rows: list[dict[str, Any]], by: list[str]) -> None:
    columns = {**DTYPES, **PLAN}
    leave = left_out(SCOPE, [], columns)
    metrics = ["requests", "error_rate", "p50_ms", "accounts", "endpoint_diversity", "last_request"]
    expected: dict[str, int] = {}
    for row in rows:
        if why := reason(row):
            expected[why] = expected.get(why, 0) + row["weight"]

    def answer(rows: list[dict[str, Any]], **more: Any) -> Any:
        return answers([summarise(events_of(rows, extra=PLAN), metrics=metrics, by=by, dtypes=columns, **more)])[0]

    found = answer(rows, leave=leave)

    inside = [row for row in rows if reason(row) is None]
    assert found.rows.equals(answer(inside).rows)
    assert found.totals.left_out == expected
    assert leave.of(events_of(rows, extra=PLAN)).collect().shape[0] == len(inside)


def test_engines_leave_out_the_same(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    rows = [*ROWS, event(client_ip="10.1.1.1"), event(account="staff-9"), event(endpoint="GET /x")]
    events_of(rows).collect().to_native().write_parquet(path)
    scope = ScopeSettings(exclude=("/x",), internal=SCOPE.internal)

    for by in ((), ("account",)):
        options = ReportOptions(now=NOON, newest=NOON, scope=scope, by=by, metrics=("requests", "p95_ms", "errors"))
        polars, duckdb = [report(scan([str(path)], engine=engine), options) for engine in ENGINES]
        assert polars.header == duckdb.header
        assert "3 internal requests and 1 excluded request" in polars.header[2]
        assert polars.tables[0].rows.equals(duckdb.tables[0].rows)


@pytest.mark.parametrize(
    ("scope", "place", "what"),
    [
        (ScopeSettings(exclude=("statsu = 200",)), ("exclude", 0), "unknown column `statsu`"),
        (ScopeSettings(include=("GET /a", "status >")), ("include", 1), "status >"),
        (ScopeSettings(internal=Internal(("",))), ("internal", "accounts", 0), "is empty"),
        (ScopeSettings(internal=Internal((), ("10.0",))), ("internal", "networks", 0), "is no address or network"),
    ],
)
def test_mistakes_are_named_where_they_are(scope: ScopeSettings, place: tuple[Any, ...], what: str) -> None:
    [(found, words)] = scope_problems(scope, {})

    assert found == place
    assert what in words
