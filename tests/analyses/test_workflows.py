"""Which calls follow, go together, come before a login, keep an order and come evenly: by hand and by plain Python."""

from __future__ import annotations

import random
import statistics
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from apilens.analyses.workflow_options import WorkflowOptions
from apilens.analyses.workflows import VIEWS, workflows
from apilens.cli.workflows import VIEWS as OFFERED
from apilens.engine import ENGINES, scan
from apilens.errors import UsageError
from apilens.result import Result
from apilens.schema import DTYPES
from tests import oracle
from tests.event_frames import NOON, event, events_of

ORDER = ("POST /embed", "POST /search", "GET /result")


def call(second: float, account: str | None, endpoint: str | None, **columns: Any) -> dict[str, Any]:
    moment = NOON + timedelta(seconds=second)
    return event(started_at=moment, timestamp=moment, account=account, endpoint=endpoint, **columns)


def in_turn(account: str | None, *endpoints: str, at: float = 0, **columns: Any) -> list[dict[str, Any]]:
    return [call(at + second, account, endpoint, **columns) for second, endpoint in enumerate(endpoints)]


def ask(rows: list[dict[str, Any]], **options: Any) -> Result:
    numbered = [{**row, "line": line} for line, row in enumerate(rows, 1)]
    return workflows(events_of(numbered), WorkflowOptions(now=NOON, limit=None, **options))


def rows(result: Result, table: int = 0) -> list[tuple[Any, ...]]:
    return result.tables[table].rows.rows()


def drawn() -> list[dict[str, Any]]:
    """Return 400 calls of a few accounts, with pauses, equal times, tokens, failures, logins and webhooks."""
    chance = random.Random(5)
    made = [
        call(
            chance.choice([chance.randrange(40_000), chance.randrange(300)]),
            chance.choice(["acme", "globex", None]),
            chance.choice([*ORDER, "POST /login", None]),
            user=chance.choice([None, "u"]),
            session=chance.choice([None, None, None, "s", "t"]),
            status=chance.choice([200, 200, 200, 401, 500, None]),
            auth_scheme=chance.choice([None, None, "bearer"]),
            direction=chance.choice(["incoming"] * 9 + ["outgoing"]),
        )
        for _ in range(400)
    ]
    return [{**row, "line": line} for line, row in enumerate(made, 1)]


def sessions(events: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return the calls of each session in their order."""
    found: dict[Any, list[dict[str, Any]]] = {}
    of = oracle.sessions(events)
    for one in sorted(events, key=lambda one: (one["started_at"], one["line"])):
        if of[id(one)] is not None:
            found.setdefault(of[id(one)], []).append(one)
    return list(found.values())


def answered(events: list[dict[str, Any]], tmp_path: Path, **options: Any) -> Result:
    """Return what Polars answers, and check that DuckDB does so too."""
    path = str(tmp_path / "events.parquet")
    pl.DataFrame(events, schema=dict(DTYPES)).drop("day").write_parquet(path)
    asked = WorkflowOptions(now=NOON, limit=None, **options)
    one, other = (workflows(scan([path], engine=engine), asked) for engine in ENGINES)
    for ours, theirs in zip(one.tables, other.tables, strict=True):
        assert_frame_equal(theirs.rows, ours.rows, rel_tol=1e-9)
    assert other.notes == one.notes
    return one


def test_what_is_called_next_within_a_session() -> None:
    events = [*in_turn("acme", "A", "B", "A", "B"), *in_turn("acme", "A", at=9000), *in_turn("globex", "A", "C")]

    assert rows(ask(events)) == [("A", "B", 2, 0.666667), ("A", "C", 1, 0.333333), ("B", "A", 1, 1.0)]


def test_transitions_agree_with_the_oracle(tmp_path: Path) -> None:
    events = drawn()
    pairs = Counter(
        (one["endpoint"], other["endpoint"]) for calls in sessions(events) for one, other in pairwise(calls)
    )

    assert {row[:2]: row[2] for row in rows(answered(events, tmp_path))} == pairs


def test_what_goes_together_and_who_never_does_the_other() -> None:
    events = [
        *in_turn("acme", "A", "B", "B"),
        *in_turn("acme", "A", at=9000),
        *in_turn("globex", "A", "C"),
        *in_turn(None, "A", "B"),
    ]

    found = {row[:2]: row[2:] for row in rows(ask(events, view="tandem"))}

    assert found["A", "B"] == (4, 2, 0.5, 2, 1)
    assert found["B", "A"] == (2, 2, 1.0, 1, 0)
    assert found["A", "C"] == (4, 1, 0.25, 2, 1)
    assert ("B", "C") not in found
    assert rows(ask(events, view="never", uses="endpoint = 'A'", never="endpoint = 'B'")) == [
        ("globex", 1, 2, NOON + timedelta(seconds=1))
    ]


def test_tandem_agrees_with_the_oracle(tmp_path: Path) -> None:
    events = drawn()
    sets = [{one["endpoint"] for one in calls} - {None} for calls in sessions(events)]
    users: dict[Any, set[Any]] = {}
    for one in events:
        if one["direction"] != "outgoing":
            users.setdefault(one["endpoint"], set()).add(one["account"])

    found = rows(answered(events, tmp_path, view="tandem"))

    assert len(found) == 12
    for one, other, alone, together, share, accounts, never in found:
        assert alone == sum(one in calls for calls in sets)
        assert together == sum({one, other} <= calls for calls in sets)
        assert share == round(together / alone, 6)
        assert (accounts, never) == (len(users[one] - {None}), len(users[one] - users[other] - {None}))


def test_calls_before_a_login_and_without_any() -> None:
    events = [
        *in_turn("acme", "A", "L", "A"),
        *in_turn("acme", "L", "A", at=9000),
        *in_turn("globex", "A", "B"),
        call(0, "hooli", "A"),
        call(1, "hooli", "L", status=401),
    ]

    result = ask(events, view="login", login="endpoint = 'L'")

    assert rows(result) == [("A", 1, 2, 3), ("B", 0, 1, 1), ("L", 0, 1, 1)]
    assert rows(result, 1) == [
        ("acme", 2, 1, 1, 0, 0.5),
        ("globex", 1, 0, 0, 1, 1.0),
        ("hooli", 1, 0, 0, 1, 1.0),
    ]


def test_logins_by_credentials_agree_with_the_oracle(tmp_path: Path) -> None:
    events = drawn()
    before: Counter[Any] = Counter()
    without: Counter[Any] = Counter()
    for calls in sessions(events):
        good = [one["auth_scheme"] is not None and one["status"] not in (401, 403) for one in calls]
        early = calls[: good.index(True)] if True in good else calls
        (before if True in good else without).update(one["endpoint"] for one in early)

    found = answered(events, tmp_path, view="login")

    assert {row[0]: row[1:3] for row in rows(found)} == {
        name: (before[name], without[name]) for name in before | without
    }
    assert sum(row[1] for row in rows(found, 1)) == len(sessions(events))


def test_orders_that_are_kept_left_and_broken() -> None:
    events = [
        *in_turn("acme", *ORDER),
        *in_turn("acme", ORDER[0], "GET /other", ORDER[1], at=9000),
        *in_turn("acme", ORDER[0], ORDER[2], at=18_000),
        *in_turn("globex", ORDER[1], ORDER[0], ORDER[1], ORDER[2]),
        *in_turn("hooli", "GET /other"),
        call(0, "initech", ORDER[0], status=500),
        call(1, "initech", ORDER[1]),
    ]

    result = ask(events, view="expected", expected={"search": ORDER})

    assert rows(result) == [("search", 5, 1, 1, 3, 0.6, 3, 3)]
    assert rows(result, 1) == [
        ("search", "acme", 3, 1, 1, 1, 0.333333),
        ("search", "globex", 1, 0, 0, 1, 1.0),
        ("search", "initech", 1, 0, 0, 1, 1.0),
    ]


def test_expected_orders_agree_with_the_oracle(tmp_path: Path) -> None:
    events = drawn()
    judged: Counter[str] = Counter()
    for calls in sessions(events):
        done = [one["endpoint"] if (one["status"] or 500) < 400 else None for one in calls]
        firsts = [done.index(step) if step in done else None for step in ORDER]
        if firsts != [None, None, None]:
            known = [place for place in firsts if place is not None]
            in_order = firsts[: len(known)] == sorted(known)
            judged["broken" if not in_order else "completed" if len(known) == 3 else "unfinished"] += 1

    found = answered(events, tmp_path, view="expected", expected={"search": ORDER})

    assert rows(found)[0][1:5] == (judged.total(), judged["completed"], judged["unfinished"], judged["broken"])
    assert min(judged.values()) > 0


def test_machines_call_evenly_and_people_do_not() -> None:
    chance = random.Random(3)
    jitter = [60 * number + chance.random() for number in range(40)]
    people = [chance.random() * 1.1**number for number in range(40)]
    events = [
        *(call(second, "machine", "A") for second in jitter),
        *(call(second, "person", "A") for second in people),
        *(call(60.0 * number, "new", "A") for number in range(30)),
        *(call(number, "coarse", "A") for number in range(0, 80, 2)),
        call(0, "one", "A"),
    ]

    found = {row[0]: row[1:] for row in rows(ask(events, view="cadence"))}

    assert {name: row[0] for name, row in found.items()} == {
        "machine": "robotic", "person": "human", "new": "too few", "coarse": "robotic", "one": "too few",
    }  # fmt: skip
    assert found["new"] == ("too few", 30, 1.0, -1.0, 60_000.0, 60_000.0)
    assert found["coarse"][2:4] == (None, -1.0)
    assert found["one"] == ("too few", 1, None, None, None, None)


def test_cadence_agrees_with_the_oracle(tmp_path: Path) -> None:
    events = [{**row, "started_at": row["started_at"] + timedelta(milliseconds=row["line"])} for row in drawn()]

    found = rows(answered(events, tmp_path, view="cadence"))

    assert len(found) == 3
    for account, _, calls, share, burstiness, median_ms, mean_ms in found:
        theirs = [one for one in events if one["account"] == account and one["direction"] != "outgoing"]
        moments = sorted(one["started_at"] for one in theirs)
        gaps = [(b - a) / timedelta(milliseconds=1) for a, b in pairwise(moments)]
        middle, mean, spread = statistics.median(gaps), statistics.mean(gaps), statistics.pstdev(gaps)
        assert (calls, median_ms, mean_ms) == (len(theirs), pytest.approx(middle), pytest.approx(mean, abs=1e-3))
        assert share == pytest.approx(sum(abs(g - middle) <= 0.1 * middle for g in gaps) / len(gaps), abs=1e-6)
        assert burstiness == pytest.approx((spread - mean) / (spread + mean), abs=1e-6)


@pytest.mark.parametrize("view", list(VIEWS))
def test_nothing_is_a_sentence(view: str) -> None:
    options = {"view": view, "uses": "GET /a", "never": "GET /b", "expected": {"search": ORDER}}

    for events in ([], [call(0, "acme", "A", direction="outgoing")]):
        result = ask(events, **options)
        assert all(table.rows.is_empty() for table in result.tables if table.name != "workflows")
        assert result.notes == ("no call matches: widen --since, or loosen --where",)
    assert len(ask([call(0, None, None)], **options).notes) >= 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"view": "nxet"}, "--view 'nxet' is none"),
        ({"idle": timedelta(0)}, "--idle is no pause"),
        ({"view": "never", "uses": "GET /a"}, "needs --uses and --never"),
        ({"view": "expected"}, "no order of calls is expected"),
        ({"view": "expected", "expected": {"search": ORDER}, "names": ("serach",)}, "no workflow is called 'serach'"),
        ({"view": "login", "login": "stauts = 1"}, "unknown column `stauts`"),
    ],
)
def test_mistakes_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        ask([], **options)


def test_every_view_is_offered_and_the_command_asks_again() -> None:
    assert tuple(VIEWS) == OFFERED
    assert (
        ask([], view="login", login="POST /l").command == "apilens workflows --view login --login 'POST /l' --limit all"
    )
