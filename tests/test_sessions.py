"""Sessions: by token, by caller and pause, on both engines and in any number of parts, against plain Python."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apilens.analyses import collect
from apilens.engine import ENGINES, Engine, scan
from apilens.metric import IS_ERROR
from apilens.schema import DTYPES
from apilens.sessions import IDLE, parts_for, sessions_of, with_sessions
from tests import oracle
from tests.event_frames import NOON, event, events_of, random_events

COLUMNS = ("account", "began", "ended", "calls", "errors", "entry_endpoint", "exit_endpoint")


def call(minute: float, **columns: Any) -> dict[str, Any]:
    return event(**{"account": "acme", "started_at": NOON + timedelta(minutes=minute), "line": minute, **columns})


def found(events: nw.LazyFrame[Any], *, idle: timedelta = IDLE, parts: int = 1) -> list[tuple[Any, ...]]:
    frames = collect(sessions_of(events, failed=IS_ERROR, idle=idle, parts=parts))
    rows = [row for frame in frames for row in frame.with_columns(pl.selectors.categorical().cast(pl.String)).rows()]
    return sorted(rows, key=repr)


def counts(rows: list[dict[str, Any]], **asked: Any) -> list[int]:
    return sorted(row[3] for row in found(events_of(rows), **asked))


def expected(rows: list[dict[str, Any]], idle: timedelta = IDLE) -> list[tuple[Any, ...]]:
    groups: dict[Any, list[dict[str, Any]]] = {}
    ordered = sorted(rows, key=lambda one: (one["started_at"], one["source"], one["line"], one["item"]))
    of = oracle.sessions(rows, idle)
    for one in ordered:
        if of[id(one)] is not None:
            groups.setdefault(of[id(one)], []).append(one)
    made = [
        (
            *(calls[0]["account"], calls[0]["started_at"], calls[-1]["started_at"]),
            *(oracle.requests(calls), oracle.errors(calls), calls[0]["endpoint"], calls[-1]["endpoint"]),
        )
        for calls in groups.values()
    ]
    return sorted(made, key=repr)


def test_a_longer_pause_than_idle_ends_a_session() -> None:
    rows = [call(0), call(30), call(60.5), call(61)]

    assert counts(rows) == [2, 2]
    assert counts(rows, idle=timedelta(minutes=31)) == [4]


def test_another_user_address_or_sdk_is_another_session_and_another_version_is_not() -> None:
    rows = [call(0), call(1, user="u"), call(2, client_ip="::1"), call(3, sdk="curl"), call(4, sdk_version="2")]

    assert counts(rows) == [1, 1, 1, 2]


def test_a_token_holds_through_pauses_and_addresses_but_not_through_accounts() -> None:
    rows = [call(0, session="s"), call(500, session="s", client_ip="::1"), call(501, session="s", account="globex")]

    assert counts(rows) == [1, 2]


def test_ways_in_and_out_are_those_of_the_log_where_the_times_are_equal() -> None:
    rows = [call(0, endpoint=name, line=line) for name, line in (("GET /c", 3), ("GET /b", 1), ("GET /a", 2))]

    assert [row[-2:] for row in found(events_of(rows))] == [("GET /b", "GET /c")]


def test_webhooks_and_actions_are_in_no_session() -> None:
    assert counts([call(0, direction="outgoing"), call(1, kind="action")]) == []
    assert counts([call(0), call(29, direction="outgoing"), call(58)]) == [1, 1]


def test_sampled_calls_stand_for_what_they_weigh() -> None:
    assert counts([call(0, weight=10), call(1, weight=5)]) == [15]


@settings(max_examples=40)
@given(
    random_events,
    st.sampled_from([timedelta(seconds=1), timedelta(seconds=20), IDLE]),
    st.integers(1, 3),
)
def test_sessions_agree_with_the_oracle(rows: list[dict[str, Any]], idle: timedelta, parts: int) -> None:
    assert found(events_of(rows), idle=idle, parts=parts) == expected(rows, idle)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("parts", [1, 3])
def test_engines_agree_with_the_oracle(tmp_path: Path, engine: Engine, parts: int) -> None:
    rows = [
        call(
            minute * 7 % 400,
            account=("acme", "globex", None)[minute % 3],
            user=(None, "u")[minute % 2],
            session=(None, None, None, "s")[minute // 3 % 4],
            endpoint=f"GET /{minute % 5}",
            status=(200, 500, None)[minute % 7 % 3],
            direction=("incoming", "outgoing")[minute % 11 == 0],
            line=minute,
        )
        for minute in range(200)
    ]
    path = str(tmp_path / "events.parquet")
    pl.DataFrame(rows, schema=dict(DTYPES)).drop("day", "client_ip").write_parquet(path)

    assert found(scan([path], engine=engine), parts=parts) == expected(rows)
    assert same_sessions(scan([path], engine=engine), [{**row, "client_ip": None} for row in rows], parts)


def test_parts_are_few_as_long_as_events_are() -> None:
    assert [parts_for(rows) for rows in (0, 2_000_000, 20_000_000)] == [1, 1, 6]


def test_every_event_has_the_name_of_its_session() -> None:
    rows = [
        call(0), call(30, sdk=None), call(61), call(65, sdk="curl", user="u"), call(66, session="s"),
        call(900, session="s"), call(2, direction="outgoing"), call(3, kind="action"), call(4, is_health_check=True),
        call(5, account=None, client_ip=None),
    ]  # fmt: skip
    rows = [{**row, "line": line} for line, row in enumerate(rows)]

    [named] = collect(with_sessions(events_of(rows), out=nw.col("is_health_check")))

    who = " ".join(str(rows[0][name]) for name in ("account", "client_ip", "sdk") if rows[0][name])
    assert named.sort("line")["session"].to_list() == [
        f"{who} {NOON:%Y-%m-%d}T12:00:00", f"{who} {NOON:%Y-%m-%d}T12:00:00", f"{who} {NOON:%Y-%m-%d}T13:01:00",
        named.sort("line")["session"][3], "s", "s", None, None, None, f"{NOON:%Y-%m-%d}T12:05:00",
    ]  # fmt: skip
    assert " u " in named.sort("line")["session"][3]


def same_sessions(events: nw.LazyFrame[Any], rows: list[dict[str, Any]], parts: int) -> bool:
    """Say whether events have the same name where plain Python says that they are in the same session."""
    frames = [frame.select("line", "session") for frame in collect(with_sessions(events, parts=parts))]
    names = dict(pl.concat(frames).iter_rows())
    of = oracle.sessions(rows, IDLE)
    # A token is the name of all its sessions, whoever sends it.
    pairs = {(of[id(row)], names[row["line"]]) for row in rows if of[id(row)] is not None and row["session"] is None}
    alone = all(names[row["line"]] == row["session"] for row in rows if of[id(row)] is None or row["session"])
    return alone and len({key for key, _ in pairs}) == len({name for _, name in pairs}) == len(pairs)


@settings(max_examples=40)
@given(random_events, st.integers(1, 3))
def test_names_tell_sessions_apart_as_the_oracle_does(rows: list[dict[str, Any]], parts: int) -> None:
    assert same_sessions(events_of(rows), rows, parts)
