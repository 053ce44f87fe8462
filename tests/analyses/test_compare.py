"""Two sides compared: only what differs is shown, what fails comes first, and nothing differs from itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from apilens.analyses.compare import Compared, CompareOptions, compare
from apilens.errors import UsageError
from apilens.scope_settings import ScopeSettings
from apilens.window import Window
from tests.event_frames import NOON, event, events_of, random_events
from tests.test_changes import on_duckdb

BASE = [event(endpoint="GET /a"), event(endpoint="GET /b"), event(endpoint="GET /b"), event(endpoint="GET /old")]
HEAD = [
    event(endpoint="GET /a"), event(endpoint="GET /b"), event(endpoint="GET /b", status=500),
    *(event(endpoint="GET /new", status=404) for _ in range(5)),
]  # fmt: skip


def ask(head: Any, base: Any, **options: Any) -> Compared:
    asked = CompareOptions(now=NOON, base="base", head="head", before=Window(), inputs=("base", "head"), **options)
    return compare(head, base, asked)


def test_only_what_differs_is_shown() -> None:
    found = ask(events_of(HEAD), events_of(BASE))
    rows = found.result.tables[0].rows

    assert rows.select("endpoint", "state", "requests", "error_rate_diff").rows() == [
        ("GET /new", "new", 5, None), ("GET /b", "changed", 2, 0.5), ("GET /old", "gone", 0, None),
    ]  # fmt: skip
    assert (found.failing, found.has_data) == (0, True)


def test_rows_that_fail_come_first_and_what_is_unknown_does_not_fail() -> None:
    found = ask(events_of(HEAD), events_of(BASE), fail_on="error_rate_diff > 0.1 OR gone", metrics=("requests",))

    assert found.result.tables[0].rows.select("endpoint", "fails").rows() == [
        ("GET /b", True), ("GET /old", True), ("GET /new", False),
    ]  # fmt: skip
    assert found.failing == 2
    # The limit cuts what is shown, and not what is judged; what is the same may fail, too.
    limited = ask(events_of(HEAD), events_of(BASE), fail_on="requests >= 1", limit=1, metrics=("requests",))
    assert (limited.failing, limited.result.notes) == (3, ("and 3 more; --limit all shows them",))


def test_health_checks_are_left_out_unless_asked_for() -> None:
    checks = [event(endpoint="GET /b", is_health_check=True) for _ in range(3)]
    sides = events_of([*HEAD, *checks]), events_of(BASE)

    assert "head: 3 health checks left out; --all brings them back" in ask(*sides, scope=ScopeSettings()).result.header
    found = [ask(*sides, scope=ScopeSettings(), everything=whole).result.tables[0].rows for whole in (False, True)]
    assert [rows.filter(endpoint="GET /b")["requests"].item() for rows in found] == [2, 5]


def test_both_engines_say_the_same() -> None:
    one = ask(events_of(HEAD), events_of(BASE), fail_on="new")
    other = ask(on_duckdb(events_of(HEAD)), on_duckdb(events_of(BASE)), fail_on="new")

    assert one.result.tables[0].rows.equals(other.result.tables[0].rows)
    assert one.failing == other.failing == 1


def test_a_side_without_requests_has_nothing_to_judge() -> None:
    assert not ask(events_of(HEAD), events_of([])).has_data
    assert not ask(events_of([]), events_of(BASE), window=Window(NOON, NOON + timedelta(days=1))).has_data


def test_the_command_asks_the_same_again() -> None:
    result = ask(events_of(HEAD), events_of(BASE), fail_on="gone", where=("status < 500",), limit=None).result

    assert result.command == "apilens compare base head --where 'status < 500' --fail-on gone --limit all"
    assert result.header[-1] == "where: status < 500"


@pytest.mark.parametrize("wrong", [{"fail_on": "nope"}, {"fail_on": "requests"}, {"by": ("nope",)}, {"sort": "nope"}])
def test_a_name_that_cannot_be_meant_is_a_usage_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        ask(events_of(HEAD), events_of(BASE), **wrong)


@given(random_events)
@settings(max_examples=8, deadline=None)
def test_nothing_differs_from_itself(rows: list[dict[str, Any]]) -> None:
    for by in (("endpoint",), ("account", "status")):
        found = ask(events_of(rows), events_of(rows), by=by, fail_on="new OR gone OR requests_change != 0")
        assert found.result.tables[0].rows.is_empty()
        assert found.failing == 0
