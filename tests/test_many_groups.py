"""The first of many groups: found by a number for their keys, and the same as when all of them are held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import apilens.analyses as analyses
from apilens.answer import Answer, Events
from apilens.engine import ENGINES, scan
from apilens.left_out import left_out
from apilens.query import summarise
from apilens.schema import DTYPES
from apilens.scope_settings import ScopeSettings
from tests.event_frames import event, events_of

# Few different numbers: there are ties wherever one cuts.
calls = st.lists(
    st.builds(
        event,
        path=st.sampled_from(["/a", "/b", "/c", None]),
        client_ip=st.sampled_from(["10.0.0.1", "10.0.0.2", None]),
        account=st.sampled_from(["acme", None]),
        status=st.sampled_from([200, 404, None]),
        duration_ms=st.sampled_from([1.0, 20.0, None]),
        is_health_check=st.booleans(),
        kind=st.sampled_from(["request", "request", "action"]),
        weight=st.sampled_from([1, 1, 3]),
    ),
    max_size=30,
)
METRICS = ("requests", "errors", "error_rate", "p50_ms", "endpoints", "last_request")
# It is about all requests, whoever is shown.
OF_ALL = "excess_errors"
ORDERS = ("requests", "errors", "error_rate:asc", "last_request", "path", "p50_ms")
HAVINGS = (None, "requests > 1", "p50_ms > 5", "requests > 1 AND path IS NOT NULL")


def first(events: Events, sort: str, limit: int, having: str | None = None, *more: str) -> Answer:
    leave = left_out(ScopeSettings(), [], DTYPES)
    by = ("client_ip", "path")
    asked = summarise(events, metrics=(*METRICS, *more), by=by, sort=sort, limit=limit, having=having, leave=leave)
    return analyses.answers([asked])[0]


def same(few: Answer, many: Answer) -> None:
    assert_frame_equal(few.rows, many.rows)
    assert (few.groups, few.totals, few.approximate) == (many.groups, many.totals, many.approximate)


@settings(max_examples=40)
@given(calls, st.sampled_from(ORDERS), st.integers(1, 5), st.sampled_from(HAVINGS))
def test_the_first_of_many_are_those_of_all(
    rows: list[dict[str, Any]], sort: str, limit: int, having: str | None
) -> None:
    few = first(events_of(rows), sort, limit, having, OF_ALL)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analyses, "_MANY", 4)
        patch.setattr(analyses, "_AT_ONCE", 4)
        same(few, first(events_of(rows), sort, limit, having, OF_ALL))


def test_a_condition_on_the_keys_of_many_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [event(path=f"/{at}", client_ip=f"10.0.0.{at}") for at in range(20)]
    monkeypatch.setattr(analyses, "_MANY", 4)
    monkeypatch.setattr(analyses, "_AT_ONCE", 4)

    found = first(events_of(rows), "requests", 2, "requests = 1 AND path LIKE '/1%'")

    assert found.rows["path"].to_list() == ["/1", "/10"]
    assert found.groups == 11


@pytest.mark.parametrize("engine", ENGINES)
def test_many_are_never_held_at_once_on_any_engine(
    engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    rows = [event(path=f"/{at % 300}", client_ip=None, status=500 if at % 7 else 200) for at in range(2_000)]
    rows += [event(path="/often", client_ip=ip) for ip in ("10.0.0.1", "10.0.0.2") for _ in range(40)]
    path = str(tmp_path / "events.parquet")
    events_of(rows).to_native().collect().write_parquet(path)
    held = []
    monkeypatch.setattr(analyses, "_MANY", 50)
    monkeypatch.setattr(analyses, "_AT_ONCE", 100)
    collect = analyses.collect
    monkeypatch.setattr(analyses, "collect", lambda frames: [held.append(f.height) or f for f in collect(frames)])

    found = first(scan([path], engine=engine), "requests", 2)

    assert found.rows.select("client_ip", "path", "requests").rows() == [
        ("10.0.0.1", "/often", 40), ("10.0.0.2", "/often", 40),
    ]  # fmt: skip
    assert (found.groups, found.totals.requests) == (302, 2_080)
    assert max(held) < 200
