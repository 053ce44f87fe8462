"""Metrics over time, by hand and against plain Python on both engines; empty buckets are rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings

from apilens.analyses import answers
from apilens.answer import Events
from apilens.errors import UsageError
from apilens.render.sparkline import sparkline
from apilens.series import plan_series
from apilens.window import Window
from tests import oracle
from tests.event_frames import NOON, event, events_of, random_events
from tests.test_changes import near, on_duckdb

DAY = timedelta(days=1)
ROWS = [
    event(account="acme", timestamp=NOON),
    event(account="acme", status=500, timestamp=NOON + timedelta(minutes=30)),
    event(account="acme", timestamp=NOON + timedelta(hours=2)),
    event(account="globex", timestamp=NOON + timedelta(hours=1)),
]


def series(events: Events, every: str, **asked: Any) -> pl.DataFrame:
    plan = plan_series(events, every, **{"metrics": ["requests", "error_rate"], "window": Window(), **asked})
    rows, fields = plan.finish(answers(plan.summaries))
    assert rows.columns == [field.name for field in fields]
    return rows


def test_every_group_has_every_bucket_empty_ones_too() -> None:
    assert series(events_of(ROWS), "1h", by=["account"]).rows() == [
        ("acme", NOON, 2, 0.5),
        ("acme", NOON + timedelta(hours=1), 0, None),
        ("acme", NOON + timedelta(hours=2), 1, 0.0),
        ("globex", NOON, 0, None),
        ("globex", NOON + timedelta(hours=1), 1, 0.0),
        ("globex", NOON + timedelta(hours=2), 0, None),
    ]


def test_the_window_says_which_buckets_there_are() -> None:
    window = Window(NOON - timedelta(minutes=90), NOON + timedelta(hours=1))
    rows = series(events_of(ROWS), "1h", window=window)

    # 10:30 lies in the bucket of 10:00; the window ends before 13:00, and so does its last bucket.
    assert rows["hour"].to_list() == [NOON - timedelta(hours=2), NOON - timedelta(hours=1), NOON]
    assert rows["requests"].to_list() == [0, 0, 2]
    assert series(events_of([]), "1d", window=window).rows() == [(date(2026, 11, 3), 0, None)]
    assert series(events_of([]), "1d").rows() == []
    assert series(events_of([]), "1d", by=["account"], window=window).rows() == []


def test_buckets_go_on_to_the_newest_event_of_all() -> None:
    rows = series(events_of(ROWS), "1h", newest=NOON + timedelta(hours=4), where=["account = 'globex'"])

    assert rows["requests"].to_list() == [1, 0, 0, 0]


def test_weeks_begin_on_monday() -> None:
    rows = series(events_of([*ROWS, event(timestamp=NOON - 10 * DAY)]), "1w")

    assert rows["week"].to_list() == [date(2026, 10, 19), date(2026, 10, 26), date(2026, 11, 2)]
    assert rows["requests"].to_list() == [1, 0, 4]


def test_conditions_order_and_limit_are_about_whole_groups() -> None:
    def groups(**asked: Any) -> list[str]:
        return series(events_of(ROWS), "1h", by=["account"], **asked)["account"].unique(maintain_order=True).to_list()

    assert groups(sort="requests:asc") == ["globex", "acme"]
    assert groups(having="requests = 3") == groups(limit=1) == ["acme"]


def test_what_is_no_series_is_a_usage_error() -> None:
    for every, asked in (("2h", {}), ("1d", {"by": ["day"]}), ("1h", {"window": Window(NOON - 300 * DAY, NOON)})):
        with pytest.raises(UsageError):
            series(events_of(ROWS), every, **asked)


@given(random_events)
@settings(max_examples=6, deadline=None)
def test_the_numbers_are_those_of_plain_python_on_both_engines(rows: list[dict[str, Any]]) -> None:
    metrics = ["requests", "errors", "error_rate", "p50_ms", "endpoints"]
    window = Window(datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC))
    inside = [row for row in rows if row["timestamp"] < window.until]  # type: ignore[operator]
    for every, bucket, engines in (("1d", "day", 2), ("1w", "week", 2), ("1h", "hour", 1)):
        expected = oracle.table(inside, ["account", bucket], metrics)
        for events in (events_of(rows), on_duckdb(events_of(rows)))[:engines]:
            found = series(events, every, by=["account"], metrics=metrics, window=window)
            seen = {}
            for account, at, *numbers in found.iter_rows():
                seen[account, at] = numbers
                wanted = expected.get((account, at), dict.fromkeys(metrics, 0) | {"error_rate": None, "p50_ms": None})
                assert all(near(number, wanted[name]) for number, name in zip(numbers, metrics, strict=True))
            assert set(expected) <= set(seen)
            assert len(seen) == found.height == len({key[0] for key in expected}) * found[bucket].n_unique()


def test_a_line_goes_from_nothing_to_the_greatest() -> None:
    assert sparkline([0, 1, 4, 8, None], width=9, unicode=True) == "▁▂▅█·"
    assert sparkline([0, 0.01, 4, 8, None], width=9, unicode=False) == "_.=# "
    assert sparkline([0, 0], width=9, unicode=True) == "▁▁"
    assert sparkline([], width=9, unicode=True) == ""
    # Three share a bar, which shows the greatest: a spike is seen however narrow the terminal is.
    assert sparkline([0, 0, 8, 1, 1, 1, None, None], width=3, unicode=True) == "█▂·"
