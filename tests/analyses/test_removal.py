"""Who would break, and when nobody can tell: by hand, by a slow oracle over random events, and by both engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings

from apilens.analyses.removal import RemovalOptions, removal, verdict_of
from apilens.endpoints import Endpoints
from apilens.engine import Engine, scan
from apilens.result import Result
from apilens.schema import DTYPES
from apilens.things import recognised, thing_of
from apilens.versions import with_version_keys
from apilens.window import Window
from tests.event_frames import event, events_of, random_events

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOTHING = Endpoints.of({})
WEEK = timedelta(days=7)


def at(day: int, month: int = 11, **columns: Any) -> dict[str, Any]:
    moment = datetime(2026, month, day, 12, tzinfo=UTC)
    return event(timestamp=moment, started_at=moment, **{"endpoint": "GET /other", **columns})


ROWS = [
    at(1, 10, account="hooli", endpoint="GET /v1/a"),
    *(at(day, account="acme", endpoint="GET /v1/a") for day in (2, 18, 19)),
    *(at(19, account="acme") for _ in range(3)),
    at(19, account=None, endpoint="GET /v1/a"),
    at(5, account="globex", endpoint="GET /v1/b", weight=10),
    at(19, account="globex", direction="outgoing", endpoint="GET /v1/a"),
    at(19, account="globex", sdk="acme-python", sdk_version="1.9", api_version="v2"),
    at(20, account="globex", sdk="curl", sdk_version="8"),
]


def ask(what: str = "GET /v1/*", rows: list[dict[str, Any]] = ROWS, **options: Any) -> Result:
    given = {"now": NOW, "known": NOTHING, "unused_for": WEEK, "thing": thing_of(recognised(what), what), **options}
    return removal(events_of(rows), RemovalOptions(**given))


def test_who_would_break_and_who_used_it_before() -> None:
    result = ask()

    assert result.tables[0].rows.select("account", "breaks", "requests", "account_share").rows() == [
        ("acme", True, 3, 0.5), (None, True, 1, 1.0), ("globex", False, 10, 0.833333), ("hooli", False, 1, 1.0),
    ]  # fmt: skip
    verdict = result.tables[1].rows.row(0, named=True)
    # Eight requests within the week, of which three use it; the webhook is none.
    assert (verdict["accounts"], verdict["requests"], verdict["share"]) == (2, 3, 0.375)
    assert verdict["reason"] == "not safe: 2 accounts used GET /v1/* in the last 7d, 38 % of all requests"
    assert verdict_of(result).safe is False
    assert "2 of 4 used it before, and not in the last 7d" in result.notes
    assert [finding.level for finding in result.findings] == ["error", "warning", "warning"]
    assert result.findings[2].text.startswith("(unattributed): 1 request (100 % of its own)")
    assert result.command == "apilens safe-to-remove 'GET /v1/*' --unused-for 7d"


@pytest.mark.parametrize(
    ("what", "options", "safe", "reason"),
    [
        ("GET /v1/*", {"max_accounts": 2}, True, "safe: 2 accounts used GET /v1/* in the last 7d, and"),
        ("GET /v1/b", {}, True, "safe: nobody used GET /v1/b in the last 7d"),
        ("GET /v1/b", {"unused_for": 3 * WEEK}, False, "not safe: 1 account used GET /v1/b in the last 21d, 53 %"),
        ("acme-python<2.0", {}, False, "not safe: 1 account used acme-python<2.0 in the last 7d, 12 % of all requests"),
        ("v1", {}, True, "safe: nobody used v1 in the last 7d"),
        ("field:user.id", {}, None, "cannot tell: no request in the last 7d says its request_shape"),
        ("GET /v1/b", {"unused_for": 8 * WEEK}, False, "not safe: 1 account used"),
        ("GET /x", {"unused_for": 8 * WEEK}, None, "cannot tell: events go back 50 days, which is less than"),
        ("GET /x", {"now": NOW + 3 * WEEK}, None, "cannot tell: the newest event is 21 days old"),
        ("GET /x", {"now": NOW + 3 * WEEK, "window": Window(None, NOW)}, True, "safe: nobody used GET /x"),
    ],
)  # fmt: skip
def test_verdicts(what: str, options: dict[str, Any], safe: bool | None, reason: str) -> None:
    judged = verdict_of(ask(what, **options))

    assert judged.safe is safe
    assert judged.reason.startswith(reason)


def test_without_requests_nobody_can_tell() -> None:
    assert verdict_of(ask(rows=[])).reason == "cannot tell: there are no requests"


def test_plans_stand_beside_accounts() -> None:
    plans = pl.DataFrame({"account": ["acme", "wonka"], "account.plan": ["pro", "free"]})
    result = ask(plans=plans)

    assert result.tables[0].rows["account.plan"].to_list() == ["pro", None, None, None]
    assert [field.name for field in result.tables[0].fields] == result.tables[0].rows.columns
    assert result.findings[1].text.startswith("acme, plan pro: 3 requests (50 % of its own), the last 2026-11-19 12:00")


def test_a_misspelt_endpoint_is_told_what_it_may_be() -> None:
    known = Endpoints.of({"learned": {"routes": {"/v1/orders": {"GET": 5}}}})

    assert "no request in the window uses GET /v1/order: did you mean `GET /v1/orders`?" in ask(
        "GET /v1/order", known=known
    ).notes  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(random_events)
def test_as_plain_python_has_it(events: list[dict[str, Any]]) -> None:
    now = datetime(2026, 11, 10, tzinfo=UTC)

    result = ask("GET /a", events, now=now)

    called = [e for e in events if e["kind"] == "request"]
    expected = set()
    for account in {e["account"] for e in called}:
        mine = [e for e in called if e["account"] == account]
        uses = [e["timestamp"] for e in mine if e["endpoint"] == "GET /a"]
        if uses:
            share = round(len(uses) / len(mine), 6)
            expected.add((account, max(uses) >= now - WEEK, len(uses), share, max(uses), min(uses)))
    names = ("account", "breaks", "requests", "account_share", "last_request", "first_request")
    assert set(result.tables[0].rows.select(names).rows()) == expected
    recent = [e for e in called if e["timestamp"] >= now - WEEK]
    verdict = result.tables[1].rows.row(0, named=True)
    assert verdict["requests"] == sum(e["endpoint"] == "GET /a" for e in recent)
    assert verdict["accounts"] == sum(row[1] for row in expected)
    assert verdict["share"] == (round(verdict["requests"] / len(recent), 6) if recent else None)
    assert verdict["safe"] is not True or not verdict["accounts"]


@pytest.mark.parametrize("what", ["GET /v1/*", "acme-python<2.0", "v2", "field:user.id"])
def test_duckdb_gives_the_same_answer(tmp_path: Path, what: str) -> None:
    path = str(tmp_path / "part.parquet")
    pl.DataFrame(ROWS, schema=dict(DTYPES)).drop("day").write_parquet(path)
    options = RemovalOptions(now=NOW, known=NOTHING, thing=thing_of(recognised(what), what), unused_for=WEEK)

    def answered(engine: Engine) -> Result:
        events, columns = with_version_keys(scan([path], engine=engine), options.texts(), DTYPES)
        return removal(events, options, columns=columns)

    one, other = answered("polars"), answered("duckdb")

    for ours, theirs in zip(one.tables, other.tables, strict=True):
        assert theirs.rows.equals(ours.rows) and theirs.rows.schema == ours.rows.schema
    assert (other.header, other.notes, other.findings) == (one.header, one.notes, one.findings)
