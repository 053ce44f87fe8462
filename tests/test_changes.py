"""What changed, on frames one can check in the head, and against plain Python over random events on both engines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import duckdb
import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings

from apilens.analyses import answers
from apilens.answer import Answer, Events
from apilens.changes import plan_changes
from apilens.comparison import Comparison, parse_comparison
from apilens.errors import UsageError
from apilens.window import Window
from tests import oracle
from tests.event_frames import NOON, event, events_of, random_events

DAY = timedelta(days=1)
# Yesterday: acme 4 requests, 1 error · globex 2, 0 · hooli 1, 1. Today: acme 2, 1 · globex 2, 0 · initech 1, 0.
ROWS = [
    *(event(account="acme", status=status, timestamp=NOON - DAY) for status in (200, 200, 200, 500)),
    *(event(account="globex", timestamp=moment) for moment in (NOON - DAY, NOON - DAY, NOON, NOON)),
    event(account="hooli", status=404, timestamp=NOON - DAY),
    event(account="acme", duration_ms=5.0),
    event(account="acme", status=500, duration_ms=7.0),
    event(account="initech"),
]
TODAY = Window(NOON, NOON + DAY)


def compare(
    events: Events,
    text: str = "previous",
    *,
    window: Window = TODAY,
    metrics: Sequence[str] = ("requests",),
    **rest: Any,
) -> Answer:
    plan = plan_changes(events, parse_comparison(text, window, now=NOON), metrics=metrics, **rest)
    return plan.finish(answers(plan.summaries))


def on_duckdb(events: Events) -> Events:
    table: pl.DataFrame = nw.to_native(events).collect()
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return nw.from_native(connection.from_arrow(table).set_alias("events"))


def test_each_metric_has_what_it_was_and_by_how_much_it_changed() -> None:
    found = compare(events_of(ROWS), metrics=("requests", "error_rate", "p95_ms"), by=("account",))

    assert found.rows.rows(named=True)[0] == {
        "account": "acme", "state": "changed", "requests": 2, "requests_before": 4, "requests_change": -0.5,
        "error_rate": 0.5, "error_rate_before": 0.25, "error_rate_change": 1.0, "error_rate_diff": 0.25,
        "p95_ms": 6.9, "p95_ms_before": None, "p95_ms_change": None,
    }  # fmt: skip
    assert [field.name for field in found.fields] == found.rows.columns
    assert (found.groups, found.totals.requests) == (4, 5)


def test_groups_that_are_in_one_window_only_are_new_or_gone() -> None:
    rows = compare(events_of(ROWS), metrics=("requests", "error_rate", "share"), by=("account",)).rows

    assert rows.select("account", "state", "requests", "requests_before", "requests_change").rows() == [
        ("acme", "changed", 2, 4, -0.5),
        ("globex", "changed", 2, 2, 0.0),
        ("initech", "new", 1, 0, None),
        ("hooli", "gone", 0, 1, -1.0),
    ]
    # Who is not there has no rate of errors, and a share of 0.
    assert rows.select("error_rate_before", "error_rate_diff", "share", "share_diff").rows()[2:] == [
        (None, None, 0.2, 0.2),
        (1.0, None, 0.0, -0.142857),
    ]
    assert compare(events_of(ROWS), by=("account",)).rows["state"].to_list() == ["changed", "same", "new", "gone"]


def test_without_dimensions_there_is_one_row() -> None:
    assert compare(events_of(ROWS)).rows.rows() == [("changed", 5, 7, -0.285714)]
    assert compare(events_of([event()])).rows.rows() == [("new", 1, 0, None)]
    assert compare(events_of([event(timestamp=NOON - DAY)])).rows.rows() == [("gone", 0, 1, -1.0)]
    assert compare(events_of([])).rows.rows() == [("same", 0, 0, None)]
    assert compare(events_of([]), by=("account",)).rows.height == 0


@pytest.mark.parametrize(
    ("having", "kept"),
    [
        ("error_rate_diff > 0.2", ["acme"]),
        ("requests_change < 0", ["acme", "hooli"]),
        ("requests_before >= 2 AND errors_change = 0", ["acme"]),
        ("gone", ["hooli"]),
        ("new OR gone", ["initech", "hooli"]),
        ("state = 'same'", ["globex"]),
        (
            "count(status = 404)_before > 0".replace("count(status = 404)_before", '"count(status = 404)_before"'),
            ["hooli"],
        ),
        ("count(status=500) = 1 AND NOT gone", ["acme"]),
        ("account = 'acme'", ["acme"]),
    ],
)
def test_conditions_name_the_columns_of_change_of_metrics_shown_or_not(having: str, kept: list[str]) -> None:
    assert compare(events_of(ROWS), by=("account",), having=having).rows["account"].to_list() == kept


def test_rows_sort_by_a_column_of_change() -> None:
    def order(sort: str) -> list[str]:
        return compare(events_of(ROWS), by=("account",), sort=sort).rows["account"].to_list()

    assert order("requests_before") == ["acme", "globex", "hooli", "initech"]
    assert order("requests_change:asc") == ["hooli", "acme", "globex", "initech"]
    assert order("error_rate_diff") == ["acme", "globex", "hooli", "initech"]
    assert order("state") == ["acme", "hooli", "initech", "globex"]
    limited = compare(events_of(ROWS), by=("account",), limit=1)
    assert (limited.rows.height, limited.left_out) == (1, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"metrics": ()}, {"metrics": ("nope",)}, {"by": ("nope",)}, {"having": "nope_diff > 1"}, {"sort": "nope"},
        {"sort": "requests_diff"}, {"having": "requests_diff > 1"}, {"sort": "last_request_change"},
    ],
)  # fmt: skip
def test_a_name_that_cannot_be_meant_is_a_usage_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        compare(events_of(ROWS), **wrong)


def weekly(account: str, counts: Sequence[int], **columns: Any) -> list[dict[str, Any]]:
    """Return so many requests now, and as many weeks before as there are further counts."""
    moments = [NOON - week * 7 * DAY for week, count in enumerate(counts) for _ in range(count)]
    return [event(account=account, timestamp=moment, **columns) for moment in moments]


def test_what_is_typical_is_the_median_of_the_weeks_before() -> None:
    rows = [*weekly("acme", [9, 1, 2, 30, 4]), *weekly("globex", [1, 0, 0, 0, 8]), *weekly("new", [1])]

    assert compare(events_of(rows), "typical", by=("account",)).rows.rows() == [
        ("acme", "changed", 9, 3.0, 2.0),
        ("globex", "changed", 1, 0.0, None),
        ("new", "new", 1, 0.0, None),
    ]


def test_weeks_without_any_request_say_nothing_of_what_is_typical() -> None:
    events = events_of([*weekly("acme", [5, 2, 4]), *weekly("globex", [1, 1, 1], status=500)])
    plan = plan_changes(
        events, parse_comparison("typical", TODAY, now=NOON), metrics=["requests"], where=["status >= 500"]
    )
    found = answers(plan.summaries)

    assert compare(events, "typical").rows.rows() == [("changed", 6, 4.0, 0.5)]
    # A week with requests, and none of those that are asked for, is a week of 0 of them.
    assert plan.finish(found).rows.rows() == [("same", 1, 1.0, 0.0)]
    assert plan.notes(found) == ("what is typical comes from 2 of 4 weeks: the others have no requests",)
    assert compare(events, "typical", where=["account = 'x'"]).rows.rows() == [("same", 0, 0.0, None)]


METRICS = [
    "requests",
    "errors",
    "error_rate",
    "p50_ms",
    "endpoints",
    "share",
    "excess_errors",
    "rate(status IN (401, 403))",
]
WINDOW = Window(datetime(2026, 11, 3, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC))


@given(random_events)
@settings(max_examples=8, deadline=None)
def test_the_numbers_are_those_of_plain_python_on_both_engines(rows: list[dict[str, Any]]) -> None:
    for text in ("previous", "typical"):
        comparison = parse_comparison(text, WINDOW, now=NOON)
        for by in ([], ["account"], ["account", "endpoint"]):
            expected = by_hand(rows, comparison, by)
            once = by == ["account"] and text == "previous"
            for events in (events_of(rows), *([on_duckdb(events_of(rows))] if once else [])):
                found = compare(events, text, window=WINDOW, metrics=METRICS, by=by).rows
                assert {tuple(row[name] for name in by) for row in found.rows(named=True)} == set(expected)
                for row in found.rows(named=True):
                    check(row, expected[tuple(row[name] for name in by)])


def check(row: dict[str, Any], numbers: dict[str, tuple[Any, Any]]) -> None:
    assert row["state"] == numbers["state"][0]
    for name in METRICS:
        now, before = numbers[name]
        assert near(row[name], now), name
        assert near(row[f"{name}_before"], before), name
        change = now / before - 1 if now is not None and before is not None and before > 1e-4 else None
        assert (before is not None and 0 < before <= 1e-4) or near(row[f"{name}_change"], change, 1e-2), name
        if f"{name}_diff" in row:
            assert near(row[f"{name}_diff"], None if now is None or before is None else now - before, 3e-6)


def near(found: Any, expected: Any, tolerance: float = 2e-6) -> bool:
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=tolerance, abs_tol=tolerance)


def by_hand(rows: list[dict[str, Any]], comparison: Comparison, by: list[str]) -> dict[tuple[Any, ...], Any]:
    def table(window: Window) -> dict[tuple[Any, ...], dict[str, Any]]:
        assert window.since is not None and window.until is not None
        inside = [row for row in rows if window.since <= row["timestamp"] < window.until]
        return oracle.table(inside, by, METRICS)

    head = table(comparison.head)
    weeks = [found for found in map(table, comparison.bases) if found] or [{}]
    keys = {key for part in (head, *weeks) for key in part} | ({()} if not by else set())
    return {key: {"state": state(key, head, weeks), **numbers(key, head, weeks)} for key in keys}


def numbers(key: tuple[Any, ...], head: dict[Any, Any], weeks: list[dict[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    found = {}
    for name in METRICS:
        old = [value for week in weeks if (value := number(key, week, name)) is not None]
        found[name] = (number(key, head, name), median(old) if old else None)
    return found


def number(key: tuple[Any, ...], table: dict[Any, Any], name: str) -> Any:
    if key in table:
        value = table[key][name]
        return round(value, 6) if isinstance(value, float) else value
    return 0 if name in ("requests", "errors", "endpoints") or (name == "share" and table) else None


def state(key: tuple[Any, ...], head: dict[Any, Any], weeks: list[dict[Any, Any]]) -> tuple[str]:
    here, there = key in head, any(key in week for week in weeks)
    if here != there:
        return ("new",) if here else ("gone",)
    different = any(not near(now, before, 1e-9) for now, before in numbers(key, head, weeks).values())
    return ("changed",) if different else ("same",)


@given(random_events)
@settings(max_examples=10, deadline=None)
def test_a_window_compared_with_itself_has_not_changed(rows: list[dict[str, Any]]) -> None:
    itself = Comparison("itself", WINDOW, (WINDOW,))
    for by in ([], ["account", "endpoint"]):
        plan = plan_changes(events_of(rows), itself, metrics=METRICS, by=by)
        found = plan.finish(answers(plan.summaries)).rows
        assert set(found["state"]) <= {"same"}
        for name in found.columns:
            if name.endswith(("_change", "_diff")):
                assert set(found[name]) <= {0.0, None}
