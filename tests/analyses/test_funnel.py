"""What a funnel says: whose values, which window, who stopped; and the same on both engines."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from apilens.analyses.funnel import failing, funnel
from apilens.analyses.funnel_options import FunnelOptions
from apilens.engine import scan
from apilens.errors import UsageError
from apilens.funnel_rules import Rules
from apilens.result import Result
from apilens.schema import DTYPES
from apilens.window import Window
from tests.event_frames import NOON, event, events_of

NOW = NOON + timedelta(days=20)
STEPS = ("GET /a", "GET /b", "GET /c")


def at(hours: float, account: str | None, endpoint: str, **columns: Any) -> dict[str, Any]:
    moment = NOON + timedelta(hours=hours)
    return event(timestamp=moment, started_at=moment, account=account, endpoint=f"GET /{endpoint}", **columns)


# acme goes all the way and changes its SDK; globex stops after a failed b; initech begins late; hooli never begins.
ROWS = [
    at(0, "acme", "a", sdk="curl", line=1),
    at(1, "acme", "b", sdk="acme-python", line=2),
    at(3, "acme", "c", sdk="acme-go", line=3),
    at(0, "globex", "a", sdk="curl", line=4),
    at(1, "globex", "b", status=500, line=5),
    at(2, "globex", "x", line=6),
    at(30, "initech", "a", sdk="acme-go", line=7),
    at(50, "initech", "b", sdk="acme-go", line=8),
    at(0, "hooli", "b", line=9),
    at(0, None, "a", line=10),
]


def ask(rows: list[dict[str, Any]] = ROWS, *, steps: tuple[str, ...] = STEPS, **asked: Any) -> Result:
    rules = {name: asked.pop(name) for name in list(asked) if name in ("order", "entry", "counting", "ties", "within")}
    made = Rules(counts=(1,) * len(steps), **{"within": timedelta(days=1), **rules})
    return funnel(events_of(rows), FunnelOptions(now=NOW, steps=steps, rules=made, **asked))


def column(result: Result, *names: str) -> list[Any]:
    rows = result.tables[0].rows.select(names)
    return rows.rows() if len(names) > 1 else rows.to_series().to_list()


def test_a_step_is_counted_where_it_is_reached_in_time() -> None:
    result = ask()

    assert (result.kind, result.version) == ("funnel", 1)
    (table,) = result.tables
    assert table.rows.columns == [field.name for field in table.fields]
    # initech's window is open: the newest event, 20 hours after it began, is all that is known.
    assert table.rows.rows() == [
        (1, "GET /a", 3, 1.0, None, 1, 0, None, None),
        (2, "GET /b", 2, 0.666667, 0.666667, 0, 1, 37_800_000.0, 68_580_000.0),
        (3, "GET /c", 1, 0.333333, 0.5, 0, 0, 7_200_000.0, 7_200_000.0),
    ]
    assert result.notes == (
        "biggest loss 1 → 2: 1 account; --dropped 1 lists them",
        "1 account still inside the window of 1d: open, not dropped",
        "1 event of the steps had no account: in no funnel",
    )


def test_the_window_limits_where_attempts_begin_not_where_they_end() -> None:
    until = NOON + timedelta(hours=31)

    assert column(ask(window=Window(None, until)), "entities") == [3, 2, 1]
    assert column(ask(window=Window(NOON + timedelta(hours=1), until)), "entities") == [1, 1, 0]
    assert FunnelOptions(
        now=NOW, steps=STEPS, rules=Rules(counts=(1,) * 3), window=Window(NOON, until), compare="7d-ago"
    ).reads() == Window(NOON - timedelta(days=7), until + timedelta(days=8))


@pytest.mark.parametrize(
    "place,groups",
    [
        ("first", {"curl": [2, 1, 1], "acme-go": [1, 1, 0]}),
        ("last", {"acme-go": [2, 2, 1], "curl": [1, 0, 0]}),
        ("2", {"acme-python": [1, 1, 1], "acme-go": [1, 1, 0], None: [1, 0, 0]}),
    ],
)
def test_a_breakdown_takes_the_values_of_the_event_that_it_is_told(place: str, groups: dict[str, list[int]]) -> None:
    found: dict[str, list[int]] = {}
    for sdk, entities in column(ask(by=("sdk",), at=place), "sdk", "entities"):
        found.setdefault(sdk, []).append(entities)

    assert found == groups


def test_a_group_is_tested_against_all_others() -> None:
    rows = [at(0, f"u{n}", "a", sdk="old" if n < 5 else "new") for n in range(10)]
    rows += [at(1, f"u{n}", "b", sdk="x") for n in range(5)]

    table = ask(rows, steps=STEPS[:2], by=("sdk",)).tables[0].rows

    # All five of one and none of the other: two tables of the 252 are as unlikely.
    assert table["p_value"].to_list() == [None, pytest.approx(2 / 252, abs=1e-6)] * 2


def test_dropped_and_reached_are_as_many_as_the_table_says() -> None:
    table = ask().tables[0].rows

    for number, entities, dropped in table.select("step", "entities", "dropped").iter_rows():
        assert ask(dropped=number).tables[0].rows.height == dropped
        assert ask(reached=number).tables[0].rows.height == entities
    assert column(ask(dropped=1), "account", "next", "last_error") == [("globex", "GET /b 500", "GET /b 500")]
    assert column(ask(reached=2), "account", "step") == [("initech", 2), ("acme", 3)]


def test_what_comes_next_is_decided_by_the_log_where_times_are_the_same() -> None:
    rows = [at(0, "acme", "a", line=2), at(0, "acme", "x", line=1), at(0, "acme", "y", line=3)]
    rows.append(at(90, "acme", "z", line=4))

    assert column(ask(rows, dropped=1), "next", "last_error") == [("GET /y 200", None)]


def test_another_window_stands_beside() -> None:
    window = Window(NOON + timedelta(hours=24), NOON + timedelta(hours=48))
    rows = ask(window=window, compare="previous").tables[0].rows

    assert rows.select("entities", "entities_before", "entities_change", "conversion_diff").rows() == [
        (1, 2, -0.5, 0.0), (1, 1, 0.0, 0.5), (0, 1, -1.0, -0.5),
    ]  # fmt: skip


def test_steps_agree_in_what_is_held_constant() -> None:
    rows = [
        at(0, "acme", "a", user="u1"), at(1, "acme", "b", user="u2"), at(2, "acme", "b", user="u1"),
        at(0, "globex", "a", user="u1"), at(1, "globex", "b", user="u2"), at(1, "globex", "b", user=None),
    ]  # fmt: skip

    assert column(ask(rows, steps=STEPS[:2]), "entities") == [2, 2]
    assert column(ask(rows, steps=STEPS[:2], hold=("user",)), "entities", "median_ms") == [(2, None), (1, 7_200_000.0)]


def test_strict_order_sees_what_is_no_step() -> None:
    rows = [at(0, "acme", "a"), at(1, "acme", "x"), at(2, "acme", "b"), at(0, "globex", "a"), at(1, "globex", "b")]

    assert column(ask(rows, steps=STEPS[:2]), "entities") == [2, 2]
    assert column(ask(rows, steps=STEPS[:2], order="strict"), "entities") == [2, 1]
    # What is filtered out is not there.
    assert column(ask(rows, steps=STEPS[:2], order="strict", where=("endpoint != 'GET /x'",)), "entities") == [2, 2]


def test_steps_in_any_order_are_counted_by_how_many_there_are() -> None:
    result = ask(order="any")

    assert column(result, "name", "entities") == [("any 1 of 3", 4), ("any 2 of 3", 2), ("any 3 of 3", 1)]


def test_a_step_below_its_limit_is_named() -> None:
    result = ask()

    assert failing(result, {"1": 1.0, "GET /b": 0.66, "3": 0.3}) == []
    assert failing(result, {"3": 0.5, "GET /b": 0.67}) == [
        "step 3, GET /c: 33.3% is below 50.0%",
        "step 2, GET /b: 66.7% is below 67.0%",
    ]
    with pytest.raises(UsageError, match="no such step"):
        failing(result, {"GET /d": 0.5})


def test_nobody_is_an_answer_too() -> None:
    for asked in ({}, {"by": ("sdk",)}, {"dropped": 1}, {"order": "strict"}, {"hold": ("user",)}):
        result = ask([], **asked)
        assert result.notes
        assert result.tables[0].rows.columns == [field.name for field in result.tables[0].fields]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"entry": "any", "by": ("sdk", "hour")},
        {"order": "strict", "at": "last", "by": ("sdk",)},
        {"order": "any", "counting": "attempts"},
        {"exclude": ("status >= 500",)},
        {"hold": ("sdk",)},
        {"dropped": 1, "within": timedelta(hours=20)},
        {"steps": ("* /a", "calls (any status)")},
        {"where": ("account != 'acme'",), "window": Window(NOON, NOON + timedelta(hours=31))},
    ],
)
def test_duckdb_gives_the_same_rows(tmp_path: Path, asked: dict[str, Any]) -> None:
    path = str(tmp_path / "part [1]*.parquet")
    pl.DataFrame(ROWS, schema=dict(DTYPES)).drop("day", "session").write_parquet(path)
    asked = dict(asked)
    steps = asked.pop("steps", STEPS)
    names = ("order", "entry", "counting", "within")
    rules = Rules(counts=(1,) * len(steps), **{name: asked.pop(name) for name in names if name in asked})
    options = FunnelOptions(now=NOW, steps=steps, rules=rules, **asked)

    one, other = (funnel(scan([path], engine=engine), options) for engine in ("polars", "duckdb"))  # type: ignore[arg-type]

    assert one.tables[0].rows.height
    assert other.tables[0].rows.equals(one.tables[0].rows)
    assert other.notes == one.notes


SITTINGS = [
    # acme: one session with a and b, an hour later b again and c: nobody's funnel lies across the pause.
    at(0, "acme", "a", line=1), at(0.4, "acme", "x", line=2), at(0.8, "acme", "b", line=3),
    at(2, "acme", "b", line=4), at(2.1, "acme", "c", line=5),
    # globex: the pause between a and b is too long, and by the token it is one session.
    at(0, "globex", "a", line=6), at(0.6, "globex", "b", line=7),
    at(5, "globex", "a", session="s", line=8), at(9, "globex", "b", session="s", line=9),
    at(9.1, "globex", "c", session="s", line=10),
]  # fmt: skip


def test_sessions_without_a_token_end_with_a_pause() -> None:
    result = ask(SITTINGS, unit="session")

    # Three sessions begin, two get to b: one of acme's with an x in between, and that of the token.
    assert column(result, "entities") == [3, 2, 1]
    # The x holds acme's session together, whatever the filter says.
    assert column(ask(SITTINGS, unit="session", where=("endpoint <> 'GET /x'",)), "entities") == [3, 2, 1]


def test_who_stopped_in_a_session_is_named_by_who_it_was_and_when_it_began() -> None:
    result = ask(SITTINGS, unit="session", dropped=1, newest=NOW)

    [row] = result.tables[0].rows.iter_rows(named=True)
    assert row["session"].startswith("globex ") and row["session"].endswith(f"{NOON:%Y-%m-%dT%H:%M:%S}")
    assert (row["next"], row["last_error"]) == (None, None)
    assert column(ask(SITTINGS, unit="session", dropped=2, newest=NOW), "next") == [None]


def test_sessions_on_duckdb_are_the_same(tmp_path: Path) -> None:
    path = str(tmp_path / "part.parquet")
    pl.DataFrame(SITTINGS, schema=dict(DTYPES)).drop("day").write_parquet(path)
    rules = Rules(counts=(1,) * 3, within=timedelta(days=1))
    for asked in ({}, {"dropped": 1}, {"reached": 2}):
        options = FunnelOptions(now=NOW, steps=STEPS, rules=rules, unit="session", newest=NOW, **asked)
        one, other = (funnel(scan([path], engine=engine), options) for engine in ("polars", "duckdb"))
        assert other.tables[0].rows.equals(one.tables[0].rows) and one.tables[0].rows.height
