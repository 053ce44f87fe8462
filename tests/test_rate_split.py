"""The split of a change of the error rate: by hand, against orders tried one by one in plain Python, and its sum."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings

from apilens.analyses import answers
from apilens.comparison import Comparison, parse_comparison
from apilens.errors import UsageError
from apilens.rate_split import PARTS, TOTAL, Split, plan_split
from apilens.window import Window
from tests import oracle
from tests.event_frames import NOON, event, events_of, random_events
from tests.test_changes import on_duckdb

DAY = timedelta(days=1)
AROUND = Comparison("previous", Window(NOON, NOON + DAY), (Window(NOON - DAY, NOON),))
RANDOM = parse_comparison("previous", Window(NOON - 2 * DAY, NOON + 7 * DAY), now=NOON)


def split(events: Any, comparison: Comparison = AROUND, by: Sequence[str] = ("account",)) -> Split:
    plan = plan_split(events, comparison, by=by)
    return plan.finish(answers(plan.summaries))


def calls(
    account: str, before: tuple[int, int], now: tuple[int, int], endpoint: str = "GET /a"
) -> list[dict[str, Any]]:  # fmt: skip
    """Return so many requests, and errors among them, in the window before and in the one that is asked about."""
    return [
        event(account=account, endpoint=endpoint, timestamp=moment, status=500 if number < errors else 200)
        for moment, (requests, errors) in ((NOON - DAY, before), (NOON, now))
        for number in range(requests)
    ]


def test_more_failures_of_the_same_calls_are_rate_alone() -> None:
    found = split(events_of([*calls("acme", (5, 0), (5, 2)), *calls("globex", (5, 1), (5, 1))]))

    assert found.rows.rows() == [("acme", 0.2, 0.0, 0.0, 0.2)]
    assert (found.before, found.now, found.parts) == (0.1, 0.3, (0.0, 0.0, 0.2))


def test_more_calls_by_who_fails_are_volume_alone() -> None:
    found = split(events_of([*calls("acme", (2, 2), (6, 6)), *calls("globex", (8, 0), (4, 0))]))

    assert (found.before, found.now, found.parts) == (0.2, 0.6, (0.4, 0.0, 0.0))
    # Against the mean, 0.4: acme has 0.4 more of the requests and fails 0.6 more; globex has less, and fails less.
    assert found.rows.rows() == [("acme", 0.24, 0.24, 0.0, 0.0), ("globex", 0.16, 0.16, 0.0, 0.0)]


def test_other_calls_of_the_same_account_are_mix_alone() -> None:
    rows = [*calls("acme", (9, 0), (5, 0)), *calls("acme", (1, 1), (5, 5), endpoint="POST /b")]

    assert split(events_of(rows)).rows.rows() == [("acme", 0.4, 0.0, 0.4, 0.0)]


def test_who_is_new_or_gone_has_no_rate_part() -> None:
    rows = [*calls("new", (0, 0), (5, 5)), *calls("gone", (5, 1), (0, 0)), *calls("acme", (5, 0), (5, 0))]
    found = split(events_of(rows))

    assert found.rows["rate_part"].to_list() == found.rows["mix_part"].to_list() == [0.0] * 2
    assert sum(found.parts) == pytest.approx(0.4)


def test_nothing_to_compare_has_no_parts() -> None:
    for rows in ([], calls("acme", (1, 1), (0, 0)), calls("acme", (0, 0), (1, 1))):
        found = split(events_of(rows))
        assert (found.rows.height, found.parts, None in (found.now, found.before)) == (0, (0.0, 0.0, 0.0), True)


def test_what_is_typical_and_nothing_at_all_cannot_be_split() -> None:
    for comparison, by in ((parse_comparison("typical", Window(NOON), now=NOON + DAY), ["account"]), (AROUND, [])):
        with pytest.raises(UsageError):
            split(events_of([]), comparison, by)


@given(random_events)
@settings(max_examples=20, deadline=None)
def test_the_parts_are_the_mean_over_all_orders_and_sum_to_the_change(rows: list[dict[str, Any]]) -> None:
    for by, cells in ((["account"], ["account", "endpoint"]), (["endpoint"], ["endpoint", "account"])):
        found = split(events_of(rows), RANDOM, by)
        expected = by_hand(rows, cells)
        sums = [sum(part[number] for part in expected.values()) for number in range(3)]
        assert found.parts == pytest.approx(sums, abs=1e-11)
        if found.now is not None and found.before is not None:
            assert found.rows[TOTAL].sum() == pytest.approx(found.now - found.before, abs=1e-11)
            assert sum(found.parts) == pytest.approx(found.now - found.before, abs=1e-11)
        for key, total, *parts in found.rows.iter_rows():
            own = [sum(part[n] for cell, part in expected.items() if cell[0] == key) for n in range(3)]
            assert (parts, total) == (pytest.approx(own, abs=1e-11), pytest.approx(sum(own), abs=1e-11))


def by_hand(rows: list[dict[str, Any]], cells: list[str]) -> dict[Any, list[float]]:
    """Return the parts of each cell: every factor is changed in every order, and what each step does is averaged."""
    tables = []
    for window in (RANDOM.bases[0], RANDOM.head):
        assert window.since is not None and window.until is not None
        inside = [row for row in rows if window.since <= row["timestamp"] < window.until]
        tables.append(oracle.table(inside, cells, ["requests", "errors"]))
    if not all(tables):
        return {}
    mean = sum(total(table, "errors") / total(table, "requests") for table in tables) / 2
    parts = {}
    for key in {*tables[0], *tables[1]}:
        factors = [cell(tables[at], tables[1 - at], key) for at in (0, 1)]
        own = sum(factor[3] for factor in factors) / 2
        parts[key] = [shapley(factors, which, less) for which, less in ((0, mean), (1, own), (2, 0.0))]
    return parts


def cell(table: Any, other: Any, key: Any) -> tuple[float, float, float, float]:
    """Return V, M and R of a cell, and the error rate of its caller, as far as unknown those of the other window."""
    mine = {name: numbers for name, numbers in table.items() if name[0] == key[0]}
    theirs = mine or {name: numbers for name, numbers in other.items() if name[0] == key[0]}
    numbers = table.get(key) or other[key]
    rate = numbers["errors"] / numbers["requests"]
    mix = theirs[key]["requests"] / total(theirs, "requests") if key in theirs else 0.0
    share = total(mine, "requests") / total(table, "requests")
    return share, mix, rate, total(theirs, "errors") / total(theirs, "requests")


def total(table: Any, name: str) -> float:
    return float(sum(numbers[name] for numbers in table.values()))


def shapley(factors: list[tuple[float, float, float, float]], which: int, less: float) -> float:
    steps = []
    for order in permutations(range(3)):
        now = [0, 0, 0]
        for factor in order:
            before = product(factors, now, less)
            now[factor] = 1
            if factor == which:
                steps.append(product(factors, now, less) - before)
    return sum(steps) / 6


def product(factors: list[tuple[float, float, float, float]], at: list[int], less: float) -> float:
    return factors[at[0]][0] * factors[at[1]][1] * (factors[at[2]][2] - less)


@given(random_events)
@settings(max_examples=10, deadline=None)
def test_a_window_compared_with_itself_has_no_parts(rows: list[dict[str, Any]]) -> None:
    assert split(events_of(rows), Comparison("itself", RANDOM.head, (RANDOM.head,))).rows.is_empty()


def test_both_engines_split_alike() -> None:
    rows = [*calls("acme", (9, 1), (5, 3)), *calls("globex", (3, 1), (7, 2), endpoint="POST /b")]
    one, other = split(events_of(rows)), split(on_duckdb(events_of(rows)))

    assert one.rows.equals(other.rows)
    assert [*one.rows.columns][1:] == [TOTAL, *PARTS]
