"""Who still uses what is to go: by hand, by a slow oracle over random events, and by both engines."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings

from apilens.analyses.deprecated import DeprecatedOptions, deprecated, failing
from apilens.endpoints import Endpoints
from apilens.engine import Engine, scan
from apilens.errors import InputError, UsageError
from apilens.result import Result
from apilens.schema import DTYPES
from apilens.things import Thing, thing_of
from apilens.versions import with_version_keys
from apilens.window import Window
from tests.event_frames import event, events_of, random_events

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOTHING = Endpoints.of({})
V1 = thing_of(
    "endpoint", "GET /v1/*", replacement="* /v2/*", since=datetime(2026, 6, 1, tzinfo=UTC),
    sunset=datetime(2026, 12, 1, tzinfo=UTC),
)  # fmt: skip
OLD_SDK = thing_of("sdk", "acme-python<2.0", sunset=datetime(2026, 11, 15, tzinfo=UTC))


def at(day: int, **columns: Any) -> dict[str, Any]:
    moment = datetime(2026, 11, day, 12, tzinfo=UTC)
    return event(timestamp=moment, started_at=moment, **columns)


ROWS = [
    # acme calls both, three to one; it did more a week ago.
    *(at(day, account="acme", endpoint="GET /v1/a") for day in (7, 8, 19)),
    at(19, account="acme", endpoint="POST /v2/a", sdk="acme-python", sdk_version="2.1"),
    # globex stopped, hooli is done, and a webhook that is sent is no use.
    at(2, account="globex", endpoint="GET /v1/b", weight=10),
    at(19, account="hooli", endpoint="POST /v2/a"),
    at(19, account="hooli", endpoint="GET /v1/a", direction="outgoing"),
    at(19, account="hooli", endpoint="GET /v1/a", kind="action"),
    # POST is not deprecated. Nobody says who calls with the old SDK.
    at(20, account="initech", endpoint="POST /v1/a"),
    at(20, account=None, endpoint="GET /other", sdk="acme-python", sdk_version="1.10"),
    at(10, account="initech", endpoint="GET /other", sdk="acme-python", sdk_version="1.9"),
    at(11, account="initech", endpoint="GET /other", sdk="acme-python", sdk_version="3.0"),
    at(11, account="initech", endpoint="GET /other", sdk="acme-python", sdk_version=None),
]


def ask(rows: list[dict[str, Any]] = ROWS, things: tuple[Thing, ...] = (V1, OLD_SDK), **options: Any) -> Result:
    given = {"now": NOW, "known": NOTHING, "things": things, "limit": None, **options}
    return deprecated(events_of(rows), DeprecatedOptions(**given))


def test_who_uses_what_those_at_risk_first() -> None:
    result = ask()

    rows = [
        (r["account"], r["thing"], r["requests"], r["share_migrated"], r["days_left"], r["at_risk"], r["change_7d"])
        for r in result.tables[0].rows.iter_rows(named=True)
    ]
    assert rows == [
        # The sunset is five and a half days ago: six days are gone, begun ones included.
        (None, "acme-python<2.0", 1, 0.0, -6, True, None),
        ("acme", "GET /v1/*", 3, 0.25, 10, True, -0.5),
        ("initech", "acme-python<2.0", 1, 0.5, -6, False, -1.0),
        ("globex", "GET /v1/*", 10, 0.0, 10, False, None),
    ]
    assert list(result.tables[0].rows.columns)[:10] == [
        "account", "thing", "kind", "requests", "first_request", "last_request", "share_migrated", "sunset",
        "days_left", "at_risk",
    ]  # fmt: skip
    assert result.command == "apilens deprecated --limit all"


def test_the_things_themselves_with_those_who_are_done_and_what_nobody_uses() -> None:
    result = ask(things=(V1, OLD_SDK, thing_of("api_version", "v0")))

    rows = result.tables[1].rows.select("thing", "accounts", "at_risk", "past_sunset", "requests", "share_migrated")
    assert rows.rows() == [
        ("acme-python<2.0", 2, 1, 1, 2, 0.5),
        # One call of acme and one of hooli, who calls nothing else, of fifteen.
        ("GET /v1/*", 2, 1, 0, 13, 0.133333),
        ("v0", 0, 0, 0, 0, None),
    ]
    assert "nobody uses v0" in result.notes
    # The unattributed one called after the sunset of the SDK, initech before it.
    assert (failing(result, "past-sunset"), failing(result, "at-risk")) == (1, 2)


def test_without_a_replacement_nobody_knows_who_has_moved() -> None:
    rows = ask(things=(thing_of("endpoint", "/v1/*"),)).tables[0].rows

    assert rows["share_migrated"].to_list() == [None] * 3
    assert rows["thing"].unique().to_list() == ["* /v1/*"]
    assert rows.select("days_left", "sunset").rows() == [(None, None)] * 3
    assert not rows["at_risk"].any()


def test_fields_of_bodies_and_those_below_them() -> None:
    shapes = ["id:integer,user.id:string", "user:object,user.id:string", "user_id:string", "xuser.id:string", None]
    rows = [at(19, account=f"a{n}", endpoint="GET /a", request_shape=shape) for n, shape in enumerate(shapes)]

    assert ask(rows, (thing_of("field", "user.id"),)).tables[0].rows["account"].to_list() == ["a0", "a1"]
    assert ask(rows, (thing_of("field", "field:user"),)).tables[0].rows["account"].to_list() == ["a0", "a1"]


def test_a_window_counts_back_from_its_own_end() -> None:
    result = ask(window=Window(None, datetime(2026, 11, 9, tzinfo=UTC)))

    rows = {row["account"]: row for row in result.tables[0].rows.iter_rows(named=True)}
    assert rows["acme"]["requests_7d"] == 2
    assert rows["globex"]["requests_7d"] == 10 and rows["globex"]["at_risk"]


def described(rows: list[dict[str, Any]]) -> Any:
    said = {"GET /v1/a": (True, "2026-12-01"), "GET /w": (True, "some day"), "GET /v2/a": (False, None)}
    known = []
    for row in rows:
        deprecated, sunset = said.get(row["endpoint"], (False, None))
        known.append({**row, "endpoint.deprecated": deprecated, "endpoint.sunset": sunset})
    extra = {"endpoint.deprecated": pl.Boolean(), "endpoint.sunset": pl.String()}
    return events_of(known, extra=extra), {**DTYPES, **extra}


def test_what_a_description_calls_deprecated_unless_apilens_yaml_says_more_of_it() -> None:
    known = Endpoints.of({"documented": [["GET /v1/a", True, "2026-12-01"], ["GET /w", True, "some day"]]})
    events, columns = described([*ROWS, at(20, account="wonka", endpoint="GET /w")])

    alone = deprecated(events, DeprecatedOptions(now=NOW, known=known), columns=columns)
    both = deprecated(events, DeprecatedOptions(now=NOW, known=known, things=(V1,)), columns=columns)

    assert alone.tables[0].rows.select("account", "thing", "days_left").rows() == [
        ("acme", "GET /v1/a", 10), ("wonka", "GET /w", None)
    ]  # fmt: skip
    assert "2 of 2 endpoints that OpenAPI calls deprecated are used" in alone.notes
    assert "x-sunset 'some day' is no date: 2026-12-31, or a time" in alone.notes
    assert both.tables[0].rows.select("account", "thing").rows() == [
        ("acme", "GET /v1/*"), ("globex", "GET /v1/*"), ("wonka", "GET /w")
    ]  # fmt: skip


def test_nothing_deprecated_and_nothing_to_judge_are_said() -> None:
    with pytest.raises(UsageError, match="nothing is deprecated"):
        ask(things=())
    with pytest.raises(InputError, match="nothing to judge"):
        ask([], fail_on="at-risk")
    assert ask([]).tables[0].rows.is_empty()
    assert "nobody uses what is deprecated: widen --since, or loosen --where" in ask([]).notes


def oracle(events: list[dict[str, Any]], old: Any, new: Any, sunset: datetime, now: datetime) -> set[tuple[Any, ...]]:
    """Say in plain Python who uses what is old."""
    found = set()
    until = now if not events else max(e["timestamp"] for e in events if e["kind"] == "request") + timedelta(0, 0, 1)
    until = now if now - until <= timedelta(hours=2) else until
    called = [e for e in events if e["kind"] == "request"]
    for account in {e["account"] for e in called}:
        mine = [e for e in called if e["account"] == account]
        uses, moved = [e for e in mine if old(e)], [e for e in mine if new(e) and not old(e)]
        if not uses:
            continue
        times = sorted(e["timestamp"] for e in uses)
        recent = sum(t >= until - timedelta(days=7) for t in times)
        days = math.floor((sunset - now) / timedelta(days=1))
        found.add(
            (account, len(uses), times[0], times[-1], round(len(moved) / (len(uses) + len(moved)), 6), days,
             recent > 0 and days <= 30, recent)
        )  # fmt: skip
    return found


@settings(max_examples=60, deadline=None)
@given(random_events)
def test_as_plain_python_has_it(events: list[dict[str, Any]]) -> None:
    if not any(e["kind"] == "request" for e in events):
        return
    sunset, now = datetime(2026, 12, 5, tzinfo=UTC), datetime(2026, 11, 10, 6, tzinfo=UTC)
    endpoint = thing_of("endpoint", "GET /a", replacement="POST /b", sunset=sunset)
    version = thing_of("api_version", "v1", sunset=sunset)

    rows = ask(events, (endpoint, version), now=now).tables[0].rows

    names = ("account", "requests", "first_request", "last_request", "share_migrated", "days_left", "at_risk")
    kinds = {kind: part.select(*names, "requests_7d").rows() for (kind,), part in rows.group_by("kind")}
    calls = (lambda e: e["endpoint"] == "GET /a"), (lambda e: e["endpoint"] == "POST /b")
    versions = (lambda e: e["api_version"] == "v1"), (lambda e: e["api_version"] is not None)
    assert set(kinds.get("endpoint", ())) == oracle(events, *calls, sunset, now)
    assert set(kinds.get("api_version", ())) == oracle(events, *versions, sunset, now)


def test_duckdb_gives_the_same_rows(tmp_path: Path) -> None:
    path = str(tmp_path / "part.parquet")
    pl.DataFrame(ROWS, schema=dict(DTYPES)).drop("day").write_parquet(path)
    things = (V1, OLD_SDK, thing_of("field", "user.id"), thing_of("api_version", "v1"))
    options = DeprecatedOptions(now=NOW, known=NOTHING, things=things)

    def answered(engine: Engine) -> Result:
        events, columns = with_version_keys(scan([path], engine=engine), options.texts(), DTYPES)
        return deprecated(events, options, columns=columns)

    one, other = answered("polars"), answered("duckdb")

    assert one.tables[0].rows.height == 4
    for ours, theirs in zip(one.tables, other.tables, strict=True):
        assert theirs.rows.equals(ours.rows) and theirs.rows.schema == ours.rows.schema
    assert other.notes == one.notes
