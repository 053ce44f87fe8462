"""Retention against a brute-force oracle in plain Python, over many small random histories at once."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apilens.analyses import collect
from apilens.periods import PERIODS
from apilens.returning import cells_of, curve_of, plan_returns
from apilens.window import Window

START = datetime(2026, 1, 28, tzinfo=UTC)
UNTIL = datetime(2026, 3, 12, 7, tzinfo=UTC)
# In the middle of things, and just when a month or a week (and a day) are over.
ENDS = (UNTIL, datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC))

Event = dict[str, Any]


def next_day(start: date) -> date:
    return start + timedelta(days=1)


def next_week(start: date) -> date:
    return start + timedelta(days=7)


def next_month(start: date) -> date:
    return date(start.year + start.month // 12, start.month % 12 + 1, 1)


# The start of the period of a day, and the start of the period after it.
CALENDAR: dict[str, tuple[Callable[[date], date], Callable[[date], date]]] = {
    "1d": (lambda day: day, next_day),
    "1w": (lambda day: day - timedelta(days=day.weekday()), next_week),
    "1M": (lambda day: day.replace(day=1), next_month),
}


def oracle(events: list[Event], every: str, window: Window, *, unbounded: bool, until: datetime) -> list[Any]:
    """Return (cohort, size, period, returned, complete), period by period, the slow and obvious way."""
    start, following = CALENDAR[every]
    histories: dict[str, list[Event]] = {}
    for event in events:
        if event["account"] is not None:
            histories.setdefault(event["account"], []).append(event)
    cohorts: dict[date, list[tuple[datetime, list[Event]]]] = {}
    for history in histories.values():
        firsts = [event["timestamp"] for event in history if event["first"]]
        if (
            not firsts
            or (window.since and min(firsts) < window.since)
            or (window.until and min(firsts) >= window.until)
        ):
            continue
        cohorts.setdefault(start(min(firsts).date()), []).append((min(firsts), history))
    rows = []
    for cohort, members in sorted(cohorts.items()):
        begins, period = cohort, 0
        while period == 0 or datetime(begins.year, begins.month, begins.day, tzinfo=UTC) < until:
            ends = following(begins)
            returned = 0
            for began, history in members:
                days = [e["timestamp"].date() for e in history if e["returning"] and e["timestamp"] >= began]
                returned += any(begins <= day and (unbounded or day < ends) for day in days)
            over = datetime(ends.year, ends.month, ends.day, tzinfo=UTC) <= until
            rows.append((cohort, len(members), period, returned, over))
            begins, period = ends, period + 1
    return rows


def frame_of(events: list[Event]) -> pl.DataFrame:
    schema = {
        "account": pl.String(), "timestamp": pl.Datetime("us", "UTC"), "first": pl.Boolean(), "returning": pl.Boolean(),
    }  # fmt: skip
    return pl.DataFrame(events, schema=schema)


def cells(events: Any, every: str, window: Window, *, unbounded: bool = False, until: datetime = UNTIL) -> pl.DataFrame:
    period = PERIODS[every]
    plan = plan_returns(
        nw.from_native(events), unit="account", period=period, first=nw.col("first"), returning=nw.col("returning"),
        window=window, unbounded=unbounded,
    )  # fmt: skip
    sizes, returns = collect([plan.sizes, plan.returns])
    return cells_of(sizes, returns, period=period, until=until, unbounded=unbounded)


def histories_of(seed: int) -> list[Event]:
    """Return 60 short histories. They are drawn from a seed: lists that hypothesis draws by itself are too sparse for
    events of one account to meet in a period, and to tie.
    """
    chance = random.Random(seed)
    events = []
    for number in range(60):
        start, days = chance.randrange(43), chance.choice([1, 5, 43])
        events += [
            {
                "account": f"a{number}" if number else None,
                "timestamp": START
                + timedelta(days=(start + chance.randrange(days)) % 43, hours=6 * chance.randrange(4)),
                # NULL is what a condition may make of an event.
                "first": chance.choice([True, False, None]),
                "returning": chance.choice([True, False, None]),
            }
            for _ in range(chance.randrange(9))
        ]
    chance.shuffle(events)
    return events


histories = st.integers(0, 2**32).map(histories_of)
a_window = st.sampled_from(
    [Window(), Window(datetime(2026, 2, 4, 12, tzinfo=UTC), None), Window(START, datetime(2026, 2, 20, tzinfo=UTC))]
)


@pytest.mark.parametrize("unbounded", [False, True])
@pytest.mark.parametrize("every", list(PERIODS))
# 35 × 60 histories in each mode.
@settings(max_examples=35)
@given(events=histories, window=a_window, until=st.sampled_from(ENDS))
def test_random_histories_come_out_as_counted_by_hand(
    every: str, unbounded: bool, events: list[Event], window: Window, until: datetime
) -> None:
    found = cells(frame_of(events).lazy(), every, window, unbounded=unbounded, until=until)

    columns = ["cohort", "size", "period", "returned", "complete"]
    assert found.select(columns).rows() == oracle(events, every, window, unbounded=unbounded, until=until)


@settings(max_examples=25)
@given(events=histories, every=st.sampled_from(list(PERIODS)), window=a_window)
def test_what_always_holds(events: list[Event], every: str, window: Window) -> None:
    anything = frame_of(events).with_columns(pl.lit(True).alias("first"), pl.lit(True).alias("returning")).lazy()
    bounded, unbounded = (cells(anything, every, window, unbounded=way) for way in (False, True))

    assert unbounded["cohort"].to_list() == bounded["cohort"].to_list()
    assert (unbounded["returned"] >= bounded["returned"]).all()
    for found in (bounded, unbounded):
        assert found["rate"].drop_nulls().is_between(0, 1).all()
        assert (found["rate"].is_null() == ~found["complete"]).all()
        # Who began was there in the period in which they began.
        assert (found.filter(period=0)["returned"] == found.filter(period=0)["size"]).all()
    falls = unbounded.select(pl.col("returned").diff().over("cohort").fill_null(0) <= 0).to_series()
    assert falls.all()
    units = {event["account"] for event in events if event["account"] is not None}
    if window == Window():
        assert bounded.filter(period=0)["size"].sum() == len(units)


@settings(max_examples=5)
@given(events=histories, every=st.sampled_from(list(PERIODS)), unbounded=st.booleans(), window=a_window)
def test_duckdb_says_the_same(events: list[Event], every: str, unbounded: bool, window: Window) -> None:
    frame = frame_of(events)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("events", frame.to_arrow())
        found = cells(connection.table("events"), every, window, unbounded=unbounded)

    assert found.equals(cells(frame.lazy(), every, window, unbounded=unbounded))


def test_periods_are_calendar_months_weeks_from_monday_and_days() -> None:
    begins = {every: period.holding(datetime(2026, 3, 1, 23, 59, tzinfo=UTC)) for every, period in PERIODS.items()}

    assert begins == {"1d": date(2026, 3, 1), "1w": date(2026, 2, 23), "1M": date(2026, 3, 1)}


def test_the_curve_weighs_cohorts_by_their_size_and_leaves_out_what_is_not_over() -> None:
    rows = [
        # cohort, size, period, returned, complete
        (date(2026, 2, 2), 3, 0, 3, True), (date(2026, 2, 2), 3, 1, 3, True), (date(2026, 2, 2), 3, 2, 1, True),
        (date(2026, 2, 9), 1, 0, 1, True), (date(2026, 2, 9), 1, 1, 0, True), (date(2026, 2, 9), 1, 2, 0, False),
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema=["cohort", "size", "period", "returned", "complete"], orient="row")

    assert curve_of(frame).rows() == [(0, 2, 4, 4, 1.0), (1, 2, 4, 3, 0.75), (2, 1, 3, 1, 0.333333)]
