"""What `today` finds: each kind at its threshold and just below, and nothing where nothing is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from apilens.accounts import Accounts
from apilens.result import Result
from apilens.schema import DTYPES
from apilens.store.catalogue import Catalogue, seen_in
from apilens.things import thing_of
from apilens.today import FIELDS, FINDERS, TodayOptions, today
from apilens.window import Window
from tests.event_frames import NOON, event, events_of

Rows = list[dict[str, Any]]
DAY = timedelta(days=1)
TOKENS = {"tokens": pl.Int64()}


def ask(rows: Rows, **options: Any) -> Result:
    window = Window(NOON - options.pop("since", 1) * DAY)
    asked = TodayOptions(now=NOON, window=window, payloads=("tokens",), newest=NOON, **options)
    return today(events_of(rows, extra=TOKENS), asked, columns={**DTYPES, **TOKENS})


def found(rows: Rows, **options: Any) -> list[tuple[str, str | None]]:
    table = ask(rows, limit=None, **options).tables[0].rows
    return [(row["kind"], row["account"]) for row in table.iter_rows(named=True)]


def calls(account: str | None, count: int, ago: timedelta = timedelta(hours=2), **columns: Any) -> Rows:
    """Return so many requests, a second apart, the last of them so long ago."""
    ordinary = {"endpoint": "GET /a", "client_ip": "10.0.0.1"}
    return [
        event(timestamp=NOON - ago - timedelta(seconds=back), account=account, **{**ordinary, **columns})
        for back in range(count)
    ]


def daily(account: str, count: int, days: Iterable[int], **columns: Any) -> Rows:
    return [row for day in days for row in calls(account, count, timedelta(days=day, hours=2), **columns)]


QUIET = [*daily("acme", 60, range(10)), *daily("globex", 60, range(10))]


def test_nothing_stands_out_where_all_is_as_ever() -> None:
    result = ask(QUIET)

    assert result.tables[0].rows.is_empty()
    assert result.notes == ("nothing stands out",)


def test_no_event_is_said_so() -> None:
    result = ask([])

    assert result.notes == ("no request in the window: widen --since",)
    assert result.tables[0].rows.columns == [field.name for field in FIELDS]


def test_an_account_that_fails_is_found_with_what_it_gets_and_since_when() -> None:
    others = [*daily("hooli", 60, range(10)), *daily("wonka", 60, range(10))]
    rows = [*QUIET, *others, *calls("acme", 40, timedelta(hours=5), status=401, auth_failure="expired")]

    [row] = ask(rows).tables[0].rows.rows(named=True)

    assert (row["kind"], row["account"], row["requests"]) == ("failing", "acme", 40)
    assert row["since"] == NOON - timedelta(hours=6)
    assert row["sentence"] == ("acme: 40 × 401 in 100 requests, 100 % expired, on GET /a, since 2026-11-03 06:00")
    assert row["command"] == "apilens events --account acme --status 401 --since 2026-11-02T12:00:00Z"
    assert (row["value"], row["usual"]) == (0.4, 0.0)


def test_errors_that_everybody_has_are_nobodys_own() -> None:
    [row] = (
        ask([*QUIET, *calls("acme", 40, status=500), *calls("globex", 40, status=500)]).tables[0].rows.rows(named=True)
    )

    assert (row["kind"], row["account"], row["value"], row["usual"]) == ("everybody", None, 0.4, 0.0)
    assert row["sentence"] == (
        "everybody: 40 % of requests failed, 0.0 % before; 80 of 80 with 500, of 2 accounts, since 2026-11-03 09:00"
    )


def test_one_account_of_two_that_fails_is_not_everybody() -> None:
    assert found([*QUIET, *calls("acme", 40, status=500)]) == [("failing", "acme")]


def test_a_single_account_is_everybody() -> None:
    assert found([*daily("acme", 60, range(10)), *calls("acme", 40, status=500)]) == [("everybody", None)]


def test_errors_that_were_there_before_are_not_new() -> None:
    assert found([*daily("acme", 50, range(10), status=500), *daily("acme", 50, range(10))]) == []


def test_a_release_is_found_unless_its_errors_are_of_one_failing_account() -> None:
    old = [row for name in ("a", "b", "c") for row in calls(name, 50, sdk="kit", sdk_version="1.0")]
    new = [row for name in ("d", "e") for row in calls(name, 20, sdk="kit", sdk_version="2.0")]
    bad = [row for name in ("d", "e") for row in calls(name, 15, status=400, sdk="kit", sdk_version="2.0")]
    alone = [*calls("d", 20, sdk="kit", sdk_version="2.0"), *calls("d", 40, status=400, sdk="kit", sdk_version="2.0")]

    assert found([*old, *new, *bad]) == [("release", None)]
    assert found([*old, *alone]) == [("failing", "d")]


def test_deliveries_are_found_and_do_not_count_as_requests_that_fail() -> None:
    rows = [*QUIET, *calls("acme", 6, status=500, direction="outgoing", endpoint="POST /hook")]

    assert found(rows) == [("deliveries", "acme")]
    assert found([*QUIET, *calls("acme", 4, status=500, direction="outgoing", endpoint="POST /hook")]) == []


def test_an_account_that_went_silent_is_found_and_a_quiet_day_of_all_is_not() -> None:
    gone = [*daily("acme", 120, range(1, 10)), *daily("globex", 120, range(10))]
    weekend = [row for name in "abcde" for row in (*daily(name, 200, range(1, 8)), *calls(name, 40))]

    [row] = ask(gone).tables[0].rows.rows(named=True)

    assert found(weekend) == []
    assert (row["kind"], row["account"], row["value"], row["usual"]) == ("volume", "acme", 0.0, 120.0)
    assert row["sentence"] == "acme: silent, 120 requests were to be expected, since 2026-11-03 09:00"


def test_half_as_many_requests_are_no_drop_and_three_times_as_many_hundreds_no_surge() -> None:
    rows = [*daily("acme", 120, range(1, 10)), *daily("globex", 120, range(10)), *calls("acme", 60)]

    assert found(rows) == []
    assert found([*QUIET, *calls("acme", 900)]) == []


def test_an_account_that_waits_longer_than_three_others_is_found() -> None:
    peers = [row for name in ("a", "b", "c") for row in calls(name, 20, duration_ms=50.0)]

    assert found([*peers, *calls("d", 20, duration_ms=150.0)]) == [("slow", "d")]
    assert found([*peers, *calls("d", 20, duration_ms=149.0)]) == []
    assert found([*peers, *calls("d", 19, duration_ms=500.0)]) == []
    assert found([*peers[20:], *calls("d", 20, duration_ms=500.0)]) == []


def test_many_addresses_are_found_among_accounts_that_have_few() -> None:
    peers = [row for name in "abcde" for row in calls(name, 60)]
    many = [{**row, "client_ip": f"10.0.1.{at}"} for at, row in enumerate(calls("f", 60))]

    assert found([*peers, *many]) == [("addresses", "f")]
    assert found([*peers, *many[:49]]) == []
    assert found([*peers[120:], *many]) == []


def test_heavy_calls_are_found_in_configured_columns_too() -> None:
    peers = [row for name in "abcde" for row in calls(name, 20, tokens=100, request_bytes=10)]

    assert found([*peers, *calls("f", 20, tokens=500, request_bytes=10)]) == [("payloads", "f")]
    assert found([*peers, *calls("f", 20, tokens=499, request_bytes=10)]) == []
    assert found([*peers, *calls("f", 20, tokens=100, request_bytes=1000)]) == [("payloads", "f")]


def test_who_still_calls_what_goes_is_found_two_months_ahead() -> None:
    old = calls("acme", 3, endpoint="GET /v1/orders")
    late, soon = (
        thing_of("endpoint", "GET /v1/*", sunset=NOON + timedelta(days=days), replacement="GET /v2/*")
        for days in (61, 60)
    )

    assert found([*QUIET, *old], things=(late,)) == []
    [row] = ask([*QUIET, *old], things=(soon,)).tables[0].rows.rows(named=True)
    assert (row["kind"], row["account"], row["requests"], row["value"]) == ("sunset", "acme", 3, 60.0)
    assert row["sentence"] == (
        "acme: 3 requests to GET /v1/*, which ends on 2027-01-02, in 60 days; GET /v2/* replaces it"
    )


def test_a_single_endpoint_is_found_where_others_call_five() -> None:
    peers = [row for name in "abc" for path in "vwxyz" for row in calls(name, 25, endpoint=f"GET /{path}")]

    assert found([*peers, *calls("d'", 100, endpoint="GET /v")]) == [("breadth", "d'")]
    assert found([*peers, *calls("d", 99, endpoint="GET /v")]) == []


def test_the_worst_two_of_a_kind_come_before_the_next_kind_and_the_rest_after_all() -> None:
    peers = [row for name in "abcdef" for row in calls(name, 200)]
    bad = [row for at, name in enumerate("xyz") for row in calls(name, 30 + at, status=422)]
    many = [{**row, "client_ip": f"10.0.1.{at}"} for at, row in enumerate(calls("m", 60))]

    assert found([*peers, *bad, *many]) == [("failing", "z"), ("failing", "y"), ("addresses", "m"), ("failing", "x")]
    short = ask([*peers, *bad, *many], limit=2)
    assert (short.tables[0].rows.height, short.notes[0]) == (2, "and 2 more; --limit all shows them")


def test_both_engines_find_the_same() -> None:
    duckdb = pytest.importorskip("duckdb")
    rows = [
        *QUIET,
        *calls("acme", 40, timedelta(hours=5), status=401),
        *calls(None, 3, endpoint=None, duration_ms=None),
    ]
    frame = nw.to_native(events_of(rows, extra=TOKENS)).collect()
    asked = TodayOptions(now=NOON, window=Window(NOON - DAY), payloads=("tokens",), newest=NOON, limit=None)
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        lazy = nw.from_native(database.from_arrow(frame.to_arrow())).lazy()
        theirs = today(lazy, asked, columns={**DTYPES, **TOKENS})

    assert theirs.tables[0].rows.equals(ask(rows, limit=None).tables[0].rows)


def test_the_options_of_conditions_are_quoted_for_a_shell() -> None:
    [row] = (
        ask([*QUIET, *[r for n in "abc" for r in calls(n, 60)], *calls("a,b c's", 60, status=400)])
        .tables[0]
        .rows.rows(named=True)
    )

    assert row["command"] == (
        """apilens events --where "account = 'a,b c''s'" --status 400 --since 2026-11-02T12:00:00Z"""
    )


def newcomers(*, started_ago: float, called_ago: float, count: int = 3, **options: Any) -> list[str]:
    """Return the sentences about newcomers: `newbie` was first seen, and called last, so many days ago."""
    rows = [*QUIET, *calls("newbie", 1, started_ago * DAY), *calls("newbie", count - 1, called_ago * DAY)]
    frame = pl.DataFrame(rows, schema={**DTYPES, **TOKENS}, strict=False)
    seen = Catalogue(seen_in([frame]), 0)
    table = ask(rows, limit=None, seen=seen, **options).tables[0].rows
    return table.filter(kind="onboarding")["sentence"].to_list()


def test_a_new_account_that_stopped_calling_is_news_on_the_day_when_it_is_three_days() -> None:
    began = f"{NOON - 4.5 * DAY:%Y-%m-%d %H:%M}"

    assert newcomers(started_ago=4.5, called_ago=3.5) == [
        f"newbie: new since {began}, 3 requests, and no call for 3 days"
    ]
    # Not yet, and yesterday already; a week is looked at as a whole.
    assert newcomers(started_ago=4.5, called_ago=2.9) == []
    assert newcomers(started_ago=5.5, called_ago=4.1) == []
    assert len(newcomers(started_ago=5.5, called_ago=4.1, since=7)) == 1
    # Who was there in the first day may have been there before.
    assert newcomers(started_ago=9.2, called_ago=3.5) == []
    # A filter says what calls are.
    assert newcomers(started_ago=4.5, called_ago=3.5, where=("account = 'acme'",)) == []


def test_who_was_created_and_never_called_is_stalled_too_and_all_are_one_finding() -> None:
    created = [NOON - 3.5 * DAY] * 7 + [NOON - 3.2 * DAY, NOON - 1 * DAY, NOON - 30 * DAY]
    names = [f"n{at}" for at in range(7)] + ["late", "young", "old"]
    accounts = Accounts(pl.DataFrame({"account": names, "account.created_at": created}))

    table = ask(QUIET, limit=None, accounts=accounts).tables[0].rows

    assert table.select("kind", "account", "value", "requests").rows() == [("onboarding", None, 8.0, 0)]
    assert table["sentence"].item().startswith("late, n0, n1, n2, n3 and 3 more: new since ")
    assert table["command"].item().startswith("apilens onboarding --since ")
    assert ask(QUIET, limit=None, accounts=accounts, where=("status < 900",)).tables[0].rows.is_empty()


def test_every_kind_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "today.md").read_text()

    assert [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")] == list(FINDERS)
