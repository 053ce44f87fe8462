"""Metrics over windows that overlap, against the query layer asked window by window, and by hand."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from apilens.alerts.judging import AT, Moments
from apilens.alerts.rolling import Question, _sliced, rolled
from apilens.analyses import answers
from apilens.query import summarise
from apilens.schema import DTYPES
from apilens.window import Window
from tests.event_frames import NOON, event, events_of

MINUTE = timedelta(minutes=1)
METRICS = {
    "slices": ("requests", "errors", "error_rate", "rate(status = 500)", "max(duration_ms)", "last_request"),
    "copies": ("ips", "p95_ms", "requests"),
    "one by one": ("share", "retries", "endpoint_diversity"),
}


def question(metrics: tuple[str, ...], by: tuple[str, ...] = (), span: timedelta = 10 * MINUTE) -> Question:
    return Question(metrics=metrics, by=by, where=("status > 0",), span=span, columns=DTYPES)


def sorted_rows(rows: pl.DataFrame, by: tuple[str, ...]) -> list[dict[str, Any]]:
    return rows.sort(AT, *by, nulls_last=True).select(sorted(rows.columns)).to_dicts()


def at(minutes: float, **columns: Any) -> dict[str, Any]:
    return event(timestamp=NOON + minutes * MINUTE, started_at=NOON + minutes * MINUTE, **columns)


def test_windows_are_half_open_and_end_at_each_moment() -> None:
    events = events_of([at(0), at(4.5), at(5), at(9.99)])
    moments = Moments(NOON + 5 * MINUTE, NOON + 15 * MINUTE, 5 * MINUTE)

    rows = rolled(events, question(("requests",), span=5 * MINUTE), moments)

    # [0, 5) holds 0 and 4.5; [5, 10) holds 5 and 9.99; [10, 15) holds nothing, and has a row.
    assert rows["requests"].to_list() == [2, 2, 0]


def test_a_group_without_events_in_a_window_has_no_row() -> None:
    events = events_of([at(0, account="acme"), at(6, account=None)])
    moments = Moments(NOON + 5 * MINUTE, NOON + 10 * MINUTE, 5 * MINUTE)

    rows = rolled(events, question(("requests",), ("account",), span=5 * MINUTE), moments)

    assert rows.sort(AT).select("account", AT).rows() == [("acme", moments.first), (None, moments.last)]


@pytest.mark.parametrize("metrics", METRICS.values(), ids=METRICS)
@pytest.mark.parametrize("by", [(), ("account",), ("account", "status")], ids=str)
@settings(max_examples=8, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(data=st.data())
def test_each_window_is_what_a_report_on_it_says(metrics: tuple[str, ...], by: tuple[str, ...], data: Any) -> None:
    rows = data.draw(st.lists(st.builds(
        at, st.floats(0, 40), account=st.sampled_from(["acme", None]), status=st.sampled_from([200, 429, 500]),
        client_ip=st.sampled_from(["a", "b", "c"]), endpoint=st.sampled_from(["x", "y"]), weight=st.just(1),
        duration_ms=st.integers(0, 100).map(float), request_fingerprint=st.sampled_from([1, 2]),
    ), max_size=20))  # fmt: skip
    span, step = data.draw(st.sampled_from([(10, 5), (5, 5), (7, 3), (2, 10), (20, 2)]))
    # The windows of few moments, one after the other, have most of their time in common.
    since, until = data.draw(st.sampled_from([(-3, 50), (20, 31)]))
    moments = Moments.after(NOON + since * MINUTE, NOON + until * MINUTE, step * MINUTE)
    events = events_of([{**row, "line": line} for line, row in enumerate(rows, 1)])

    found = rolled(events, question(metrics, by, span * MINUTE), moments)

    expected = [one_window(events, metrics, by, moment, span * MINUTE) for moment in moments.times()]
    assert sorted_rows(found, by) == sorted_rows(pl.concat(expected, how="vertical_relaxed"), by)


def one_window(
    events: Any, metrics: tuple[str, ...], by: tuple[str, ...], moment: datetime, span: timedelta
) -> pl.DataFrame:
    asked = summarise(
        events, metrics=metrics, by=by, where="status > 0", window=Window(moment - span, moment), dtypes=DTYPES
    )
    return answers([asked])[0].rows.with_columns(pl.lit(moment, pl.Datetime("us", "UTC")).alias(AT))


def test_a_step_of_which_floats_have_no_reciprocal_leaves_no_moment_out() -> None:
    events = events_of([at(minute, account="acme") for minute in range(60)])
    moments = Moments(NOON + 3 * MINUTE, NOON + 60 * MINUTE, 3 * MINUTE)

    rows = rolled(events, question(("requests",), ("account",), span=3 * MINUTE), moments)

    assert rows["requests"].to_list() == [3] * 20


def test_time_that_all_windows_hold_is_one_slice() -> None:
    events = events_of([at(minute, account="acme") for minute in range(60)])
    moments = Moments(NOON + 50 * MINUTE, NOON + 52 * MINUTE, MINUTE)

    sliced, _ = _sliced(events, 40 * MINUTE, moments)

    # From minute 12 to 49 in one; 10, 11, 50 … 59 by themselves (those before 10 and from 52 on lie in no window).
    slices = sliced.collect().to_native().filter(pl.col("timestamp") >= NOON + 10 * MINUTE)["#slice"].unique()
    assert sorted((item - NOON) // MINUTE for item in slices) == [10, 11, 12, *range(50, 60)]
    assert rolled(events, question(("requests",), span=40 * MINUTE), moments)["requests"].to_list() == [40, 40, 40]


@pytest.mark.parametrize(("span", "step"), [(10, 1), (7, 3), (2, 10), (30, 1)])
def test_many_groups_are_rolled_up_in_runs_of_moments(span: int, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(span)
    events = events_of([
        at(chance.uniform(0, 60), account=chance.choice(["acme", "b", None]), status=chance.choice([200, 500]),
           duration_ms=chance.choice([0.5, 7.0, None]), line=line)
        for line in range(200)
    ])  # fmt: skip
    moments = Moments.after(NOON - 3 * MINUTE, NOON + 70 * MINUTE, step * MINUTE)
    asked = question((*METRICS["slices"], "mean(duration_ms)"), ("account",), span * MINUTE)
    in_one = sorted_rows(rolled(events, asked, moments), ("account",))

    monkeypatch.setattr("apilens.alerts.rolling._FEW_COPIES", 0)
    monkeypatch.setattr("apilens.alerts.rolling._FEW_GROUPS", 0)

    assert sorted_rows(rolled(events, asked, moments), ("account",)) == in_one


def test_copies_are_made_in_runs_of_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apilens.alerts.rolling.MOST_COPIES", 3)
    events = events_of([at(minute, client_ip=str(minute % 2)) for minute in range(20)])
    moments = Moments(NOON + 5 * MINUTE, NOON + 20 * MINUTE, 5 * MINUTE)

    rows = rolled(events, question(("ips",), span=5 * MINUTE), moments)

    assert rows["ips"].to_list() == [2, 2, 2, 2]
