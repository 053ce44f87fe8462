"""The newest events, as a sort of all of them in plain Python has them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apilens.analyses.events import EventsOptions, events
from apilens.engine import ENGINES, scan
from apilens.errors import UsageError
from apilens.result import Result
from apilens.schema import DTYPES
from tests.event_frames import NOON, event, events_of, random_events

DAY = timedelta(days=1)
ROWS = [
    event(timestamp=NOON - 3 * DAY, line=1, account="acme", status=500, request_id="r1", trace_id="t/1 ü"),
    event(timestamp=NOON, line=2, account="acme", status=200, request_id="r2", event_id="e2", duration_ms=12.0),
    event(timestamp=NOON, line=3, account=None, status=404, request_id="r3"),
    event(timestamp=NOON - DAY, line=4, account="globex", status=500, trace_id="t2"),
    event(timestamp=NOON, line=5, account="acme", kind="action", action="signed_in"),
]


def ask(rows: list[dict[str, Any]] = ROWS, **options: Any) -> Result:
    return events(events_of(rows), EventsOptions(now=NOON, newest=NOON, **options))


def lines(result: Result) -> list[str]:
    return [location.removeprefix("access.log:") for location in result.tables[0].rows["location"]]


def days_of(rows: list[dict[str, Any]]) -> tuple[Any, ...]:
    return tuple({row["timestamp"].date() for row in rows})


def test_the_newest_come_first_and_of_one_moment_the_later_line() -> None:
    result = ask()

    assert lines(result) == ["3", "2", "4", "1"]
    assert result.notes == ()
    assert result.command == "apilens events"
    assert result.tables[0].rows.columns == [field.name for field in result.tables[0].fields]


@pytest.mark.parametrize("days", [(), days_of(ROWS)])
def test_a_limit_says_that_there_are_older_ones(days: tuple[Any, ...]) -> None:
    result = ask(limit=3, days=days)

    assert lines(result) == ["3", "2", "4"]
    assert result.notes == ("and older ones; --limit all shows them, --id REQUEST_ID all of one",)
    assert ask(limit=4, days=days).notes == ()


def test_actions_are_shown_where_they_are_asked_for() -> None:
    assert lines(ask(where=("kind = 'action'",))) == ["5"]
    assert lines(ask(shown=("action", "location"), limit=1)) == ["5"]
    assert lines(ask(where=("error_code IS NULL",), limit=1)) == ["3"]


@pytest.mark.parametrize(("id", "line"), [("r2", "2"), ("e2", "2"), ("t2", "4")])
def test_one_event_is_shown_whole(id: str, line: str) -> None:
    result = ask(ids=(id,), days=days_of(ROWS))

    assert lines(result) == [line]
    assert {"source", "line", "weight", "format"} <= set(result.tables[0].rows.columns)
    assert "error_code" not in result.tables[0].rows.columns
    assert result.command == f"apilens events --id {id}"


def test_an_id_that_nothing_has_is_one_sentence() -> None:
    result = ask(ids=("it's",), days=days_of(ROWS))

    assert result.tables[0].rows.is_empty()
    assert result.notes == ("no event has the id it's: widen --since, or loosen --where",)
    assert ask([]).notes == ("no event matches: widen --since, or loosen --where",)


def test_links_are_encoded_and_missing_where_a_field_is() -> None:
    links = {"trace": "https://t.example/{trace_id}?a={account}", "home": "https://h.example/"}

    rows = ask(links=links, shown=("location",)).tables[0].rows

    assert rows.columns == ["location", "link.trace", "link.home"]
    assert rows["link.trace"].to_list() == [
        None, None, "https://t.example/t2?a=globex", "https://t.example/t%2F1%20%C3%BC?a=acme",
    ]  # fmt: skip
    assert set(rows["link.home"]) == {"https://h.example/"}


def test_times_and_numbers_in_links_read_as_machines_take_them() -> None:
    links = {"log": "https://l.example/?at={timestamp}&status={status}"}

    [found] = ask(links=links, shown=("location",), ids=("r2",)).tables[0].rows["link.log"]

    assert found == "https://l.example/?at=2026-11-03T12%3A00%3A00Z&status=200"


def test_an_unknown_column_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="--columns: no column `statsu`") as caught:
        ask(shown=("statsu",))

    assert caught.value.hint == "did you mean `status`?"


def test_computed_and_configured_columns_can_be_shown() -> None:
    extra = {"tokens": pl.Int64()}
    frame = events_of([{**event(status=404), "tokens": 7}], extra=extra)

    options = EventsOptions(now=NOON, shown=("status_class", "tokens", "hour"))
    result = events(frame, options, columns={**DTYPES, **extra})

    assert result.tables[0].rows.rows() == [("4xx", 7, NOON)]


@settings(max_examples=60, deadline=None)
@given(rows=random_events, limit=st.integers(1, 8), known=st.booleans())
def test_a_walk_back_over_days_finds_what_a_sort_finds(rows: list[dict[str, Any]], limit: int, known: bool) -> None:
    result = ask(rows, limit=limit, days=days_of(rows) if known else ())

    requests = [row for row in rows if row["kind"] == "request"]
    requests.sort(key=lambda row: (row["timestamp"], row["source"], row["line"]), reverse=True)
    assert lines(result) == [str(row["line"]) for row in requests[:limit]]


def test_engines_find_the_same(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    events_of(ROWS).collect().to_native().write_parquet(path)
    options = EventsOptions(now=NOON, limit=3, days=days_of(ROWS), links={"t": "https://t.example/{trace_id}"})

    polars, duckdb = [events(scan([str(path)], engine=engine), options).tables[0].rows for engine in ENGINES]

    assert polars.equals(duckdb)
    assert polars.height == 3
