"""Who is in a cohort: each kind by hand, and by a slow oracle over random events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apilens.accounts import Accounts
from apilens.analyses import collect
from apilens.analyses.cohorts import compare_cohorts, list_cohorts, members, show_cohort
from apilens.answer import Events
from apilens.cohort_settings import Cohort
from apilens.cohort_state import Remembered
from apilens.cohorts import named_cohorts, with_members
from apilens.errors import ConfigError, UsageError
from apilens.result import Field, Table
from apilens.schema import DTYPES
from tests.event_frames import event, events_of, random_events

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


ROWS = [
    event(timestamp=ago(40), account="acme", status=500),
    event(timestamp=ago(30), account="hooli"),
    event(timestamp=ago(10), account="acme", endpoint="POST /x"),
    event(timestamp=ago(9), account="globex", status=404),
    event(timestamp=ago(7), account="globex", endpoint="POST /x", weight=2),
    event(timestamp=ago(7), account="initech"),
    event(timestamp=ago(1), account="acme"),
    event(timestamp=ago(1), account=None, endpoint="POST /x"),
    event(timestamp=ago(1), account="signer", kind="action", action="signed_in", status=None),
]
# `later` is known from here alone: it made no request yet.
KNOWN = pl.DataFrame(
    {
        "account": ["acme", "globex", "hooli", "later"],
        "account.plan": ["pro", "free", "pro", "pro"],
        "account.arr": [5, 9, None, 9],
    }
)


def who(cohort: Cohort, rows: list[dict[str, Any]] = ROWS, accounts: Accounts | None = None) -> list[str]:
    return list(found(cohort, rows, accounts).rows["account"])


def found(cohort: Cohort, rows: list[dict[str, Any]] = ROWS, accounts: Accounts | None = None) -> Table:
    events, columns = events_of(rows), {**DTYPES, **(accounts.dtypes() if accounts else {})}
    if accounts:
        events = accounts.beside(events, cohort.texts)
    return members(cohort, events, everyone=lambda: events_of(rows), columns=columns, now=NOW, accounts=accounts)


@pytest.mark.parametrize(
    ("cohort", "expected"),
    [
        # The first request within seven days, whatever the window: that of globex was before.
        (Cohort(when="first_request >= '7d'"), ["initech"]),
        (Cohort(when="first_request >= '7d'", over="7d"), ["acme", "globex", "initech"]),
        (Cohort(when="last_request < '7d'"), ["hooli"]),
        (Cohort(when="last_request < '2026-11-13T00:00:01Z'"), ["globex", "hooli", "initech"]),
        # Who did nothing has no requests, too.
        (Cohort(when="requests = 0", over="7d"), ["hooli", "signer"]),
        (Cohort(where="endpoint = 'POST /x'", when="requests = 0"), ["hooli", "initech", "signer"]),
        (Cohort(where="endpoint = 'POST /x'"), ["acme", "globex"]),
        (Cohort(where="endpoint = 'POST /x'", when="requests >= 2", over="28d"), ["globex"]),
        (Cohort(over="7d"), ["acme", "globex", "initech"]),
        (Cohort(when="error_rate > 0.3 AND NOT account = 'globex'"), ["acme"]),
        (Cohort(when="count(action = 'signed_in') > 0"), ["signer"]),
        (Cohort(when="p95_ms > 1"), []),
        (Cohort(accounts=("nobody", "acme", "acme")), ["acme", "nobody"]),
        (Cohort(accounts=("nobody", "acme"), over="28d"), ["acme"]),
        (Cohort(accounts=("nobody", "acme", "hooli"), when="requests = 0", over="28d"), ["hooli", "nobody"]),
        (Cohort(top=2, by="requests"), ["acme", "globex"]),
        (Cohort(top=1, by="requests", over="8d"), ["globex"]),
        # Equal ranks go by name.
        (Cohort(top=2, by="error_rate", when="error_rate < 1"), ["acme", "globex"]),
        (Cohort(top=9, by="p95_ms"), []),
        (Cohort(top=1, by="requests", accounts=("hooli", "initech")), ["hooli"]),
    ],
)
def test_each_kind(cohort: Cohort, expected: list[str]) -> None:
    assert who(cohort) == expected


def test_what_else_is_known_of_accounts() -> None:
    accounts = Accounts(KNOWN)

    assert who(Cohort(when="account.plan = 'pro' AND requests = 0", over="28d"), accounts=accounts) == [
        "hooli",
        "later",
    ]
    assert who(Cohort(where="account.plan = 'pro'"), accounts=accounts) == ["acme", "hooli"]
    assert who(Cohort(top=2, by="account.arr"), accounts=accounts) == ["globex", "acme"]
    assert who(Cohort(top=2, by="account.arr", when="requests >= 0"), accounts=accounts) == ["globex", "later"]
    for cohort in (Cohort(top=1, by="account.ar"), Cohort(when="account.ar > 1")):
        with pytest.raises(UsageError, match=r"account\.ar"):
            who(cohort, accounts=accounts)


def test_files_have_a_column_of_accounts(tmp_path: Path) -> None:
    (tmp_path / "vip.csv").write_text("name,account\nAcme,acme\nG,globex\nagain,acme\n")
    (tmp_path / "ids.csv").write_text("id\nhooli\n")
    (tmp_path / "bad.csv").write_text("account,x\nacme,1\n,2\n")

    assert who(Cohort(file=str(tmp_path / "vip.csv"))) == ["acme", "globex"]
    assert who(Cohort(file=str(tmp_path / "vip.csv"), over="8d", when="requests = 1")) == ["acme"]
    assert who(Cohort(file=str(tmp_path / "ids.csv"))) == ["hooli"]
    for name, words in (("bad", "bad.csv:3: `account` is empty"), ("absent", "cannot read .*absent.csv")):
        with pytest.raises(ConfigError, match=words):
            who(Cohort(file=str(tmp_path / f"{name}.csv")))


def test_what_a_cohort_is_about_is_shown_with_its_accounts() -> None:
    rank = found(Cohort(top=2, by="requests", when="last_request >= '8d'"))

    assert rank.fields == (Field("account"), Field("requests", "count"), Field("last_request", "time"))
    assert rank.rows.rows() == [("acme", 3, ago(1)), ("globex", 3, ago(7))]
    assert found(Cohort(when="requests = 0", over="1h")).rows.columns == ["account", "requests"]


@settings(max_examples=20)
@given(rows=random_events, days=st.integers(1, 20), least=st.integers(0, 3), endpoint=st.booleans())
def test_random_events_come_out_as_counted_by_hand(
    rows: list[dict[str, Any]], days: int, least: int, endpoint: bool
) -> None:
    now = datetime(2026, 11, 10, tzinfo=UTC)
    counts = {row["account"]: 0 for row in rows if row["account"] is not None}
    for row in rows:
        recent = row["timestamp"] >= now - timedelta(days=days) and row["kind"] == "request"
        if row["account"] is not None and recent and (not endpoint or row["endpoint"] == "GET /a"):
            counts[row["account"]] += 1
    where = "endpoint = 'GET /a'" if endpoint else None

    events = events_of(rows)
    for operator, holds in ((">=", lambda count: count >= least), ("<", lambda count: count < least)):
        cohort = Cohort(where=where, over=f"{days}d", when=f"requests {operator} {least}")
        table = members(cohort, events, everyone=lambda: events, now=now)
        assert list(table.rows["account"]) == sorted(name for name, count in counts.items() if holds(count))


def test_events_say_whether_their_account_is_in_a_cohort_on_every_engine() -> None:
    frame = pl.DataFrame({"account": ["acme", "globex", None]})

    def inside(events: Events, *names: str) -> list[bool]:
        table = with_members(events, "vip", pl.DataFrame({"account": names}, schema={"account": pl.String()}))
        [rows] = collect([table.select("cohort('vip')")])
        return rows.to_series().to_list()

    with duckdb.connect() as connection:
        connection.register("events", frame.to_arrow())
        for events in (nw.from_native(frame.lazy()), nw.from_native(connection.table("events"))):
            assert inside(events, "acme", "other") == [True, False, False]
            assert inside(events) == [False, False, False]


def test_conditions_name_cohorts() -> None:
    texts = ["status = 1 AND cohort('a')", "rate(NOT COHORT( 'b-c' ))", "cohort('a')", "x = 'cohort'"]

    assert named_cohorts(texts) == ["a", "b-c"]


def test_who_entered_and_who_left() -> None:
    def named(name: str, *accounts: str) -> tuple[str, Cohort, Table]:
        rows = pl.DataFrame({"account": accounts}, schema={"account": pl.String()})
        return name, Cohort(over="7d"), Table("members", (Field("account"),), rows)

    before = {
        "a": Remembered(ago(1), "over 7d", ("acme", "globex")),
        "b": Remembered(ago(2), "over 8d", ()),
        "gone": Remembered(ago(2), "over 8d", ("x",)),
    }
    result = compare_cohorts([named("a", "hooli", "acme"), named("b"), named("c", "acme")], before, now=NOW)

    assert result.tables[0].rows.rows() == [("a", "hooli", "entered"), ("a", "globex", "left")]
    assert result.notes == (
        "a: 1 entered, 1 left, 1 stayed since 2026-11-19 00:00",
        "b: 0 entered, 0 left, 0 stayed since 2026-11-18 00:00",
        "b meant something else then: over 8d",
        "c: nothing to compare with yet; 1 account remembered",
    )
    assert result.query["cohorts"] == ["a", "b", "c"]


def test_a_listing_and_a_cut_one() -> None:
    table = found(Cohort(over="7d"))

    listing = list_cohorts([("recent", Cohort(over="7d"), table)], now=NOW)
    assert listing.tables[0].rows.rows() == [("recent", "over 7d", 3)]
    shown = show_cohort("recent", Cohort(over="7d"), table, now=NOW, limit=2)
    assert (shown.tables[0].rows.height, shown.notes) == (2, ("and 1 more; --limit all shows them",))
    assert shown.header[1] == "3 accounts, as of 2026-11-20 00:00 (UTC)"
    assert show_cohort("recent", Cohort(over="7d"), table, now=NOW, limit=3).notes == ()
    assert list_cohorts([], now=NOW).notes == ("no cohorts: name some under `cohorts:` in apilens.yaml",)
