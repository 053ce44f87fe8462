"""What each kind of rule holds for, on events that one counts in the head."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from apilens.alerts.judging import AT, SEVERITY, VALUE, Asked, Judged, Moments
from apilens.alerts.kinds import KINDS
from apilens.alerts.kinds.absence import AbsenceRule
from apilens.alerts.kinds.anomaly import AnomalyRule
from apilens.alerts.kinds.burn_rate import BurnRateRule
from apilens.alerts.kinds.funnel import FunnelRule
from apilens.alerts.kinds.new_value import NewValueRule
from apilens.alerts.rule import Rule
from apilens.alerts.rules import load_rules
from apilens.config import Settings
from apilens.errors import ConfigError
from apilens.schema import DTYPES
from tests.alerts.making import MINUTE, Channel, check, line, rules_of, stored
from tests.event_frames import NOON, event, events_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at(moment: datetime, **columns: Any) -> dict[str, Any]:
    return event(timestamp=moment, started_at=moment, **{"account": "acme", **columns})


def judged(rule: Rule, events: Sequence[dict[str, Any]], *, first: datetime = NOON, last: datetime = NOON) -> Judged:
    moments = Moments(first, last, rule.pace)
    rows = [{**row, "line": number} for number, row in enumerate(events, 1)]
    return rule.judge(Asked(events=events_of(rows), columns=DTYPES, moments=moments))


def values(found: Judged, *columns: str) -> list[tuple[Any, ...]]:
    return sorted(found.hits.select(*columns).rows())


def test_an_account_is_absent_that_used_to_call() -> None:
    rule = AbsenceRule(name="a", by=("account",), window="1h", over="1d", least=3, step="30m")
    before = [at(NOON - 5 * HOUR + number * MINUTE, account=name) for name in ("acme", "globex") for number in range(3)]
    rare = [at(NOON - 5 * HOUR, account="rare"), at(NOON - 5 * HOUR, account=None)]
    now = [at(NOON - 40 * MINUTE, account="globex")]

    found = judged(rule, [*before, *rare, *now], first=NOON, last=NOON + HOUR)

    assert values(found, "account", AT) == [
        ("acme", NOON), ("acme", NOON + HOUR / 2), ("acme", NOON + HOUR), ("globex", NOON + HOUR / 2),
        ("globex", NOON + HOUR),
    ]  # fmt: skip


def test_all_traffic_is_gone_where_there_is_none() -> None:
    rule = AbsenceRule(name="a", window="10m")

    found = judged(rule, [at(NOON - 15 * MINUTE)], first=NOON - 6 * MINUTE, last=NOON)

    # The window that ends at 11:55 begins with the event.
    assert values(found, AT) == [(NOON - minute * MINUTE,) for minute in (4, 3, 2, 1, 0)]


def test_no_traffic_at_all_fires_though_the_input_is_stale(tmp_path: Path) -> None:
    rules = rules_of("name: gone, kind: absence, window: 30m, notify: [ops]\nname: b, window: 5m, when: requests > 9")
    channel = Channel()

    found = check(stored(tmp_path, [line(0)]), rules, 300, channel)

    assert sorted(news[:2] for news in channel.said()) == [("gone", "firing"), ("input", "no_data")]
    assert found.unknown == ("b",)


def test_what_was_never_seen_before_is_new() -> None:
    rule = NewValueRule(name="a", by=("endpoint", "status"), window="1h", over="1d", step="1h")
    events = [
        at(NOON - 2 * HOUR, endpoint="GET /a", status=200), at(NOON - HOUR / 2, endpoint="GET /a", status=200),
        at(NOON - HOUR / 2, endpoint="GET /a", status=500), at(NOON - HOUR / 2, endpoint=None, status=404),
    ]  # fmt: skip

    found = judged(rule, events, last=NOON + HOUR)

    assert values(found, "status", VALUE) == [(404, 1.0), (500, 1.0)]


def test_nothing_is_new_in_a_store_that_just_began() -> None:
    rule = NewValueRule(name="a", by=("endpoint",))

    assert judged(rule, [at(NOON - MINUTE, endpoint="GET /a")]).hits.is_empty()


# Long and short window in minutes, factor, severity, by hand from the book.
PAIRS = ((60, 5, 14.4, "critical"), (360, 30, 6, "critical"), (1440, 120, 3, "warning"), (4320, 360, 1, "warning"))
# How many minutes ago, how many requests, how many of them bad.
BURNS = {
    "fast": ([(50, 80, 20), (2, 20, 10)], "critical"),
    "fast, but over": ([(50, 80, 40), (2, 20, 0)], "warning"),
    "six hours": ([(300, 100, 8), (20, 10, 2)], "critical"),
    "a day": ([(1000, 100, 4), (100, 100, 4)], "warning"),
    "three days": ([(4000, 100, 3), (200, 100, 2)], "warning"),
    "three days, but over": ([(4000, 100, 3), (200, 100, 0)], None),
    "within the budget": ([(4000, 100, 0), (2, 200, 1)], None),
    "too few to judge": ([(2, 9, 9)], None),
}


@pytest.mark.parametrize("name", BURNS)
def test_a_budget_burns_over_a_long_and_a_short_window(name: str) -> None:
    plan, expected = BURNS[name]
    rule = BurnRateRule(name="a", objective=0.99)
    events = [
        at(NOON - ago * MINUTE, status=500 if number < bad else 200)
        for ago, count, bad in plan
        for number in range(count)
    ]

    found = judged(rule, events)

    assert [row[0] for row in values(found, SEVERITY)] == ([expected] if expected else [])
    assert worst_pair(plan) == expected


def worst_pair(plan: Sequence[tuple[int, int, int]]) -> str | None:
    def burnt(window: int) -> tuple[int, float]:
        inside = [(count, bad) for ago, count, bad in plan if ago <= window]
        requests = sum(count for count, _ in inside)
        return requests, sum(bad for _, bad in inside) / max(requests, 1) / 0.01

    for long, short, factor, severity in PAIRS:
        if burnt(long)[0] >= 10 and min(burnt(long)[1], burnt(short)[1]) > factor + 1e-6:
            return severity
    return None


def test_an_anomaly_is_far_from_the_same_hour_of_other_weeks() -> None:
    rule = AnomalyRule(name="a", least=5, by=("account",))
    weeks = [
        at(NOON - week * 7 * DAY + hour * HOUR - number * MINUTE)
        for week in range(1, 5) for hour in (-1, 0, 1) for number in range(1, 11)
    ]  # fmt: skip
    usual, much = [at(NOON - MINUTE) for _ in range(12)], [at(NOON - MINUTE) for _ in range(40)]

    assert judged(rule, [*weeks, *usual]).hits.is_empty()
    found = judged(rule, [*weeks, *much])
    assert values(found, "account", VALUE, "expected") == [("acme", 40.0, 10.0)]
    assert judged(AnomalyRule(name="a", least=5, direction="down"), [*weeks, *much]).hits.is_empty()
    # Nothing at all is far below what is usual.
    assert values(judged(AnomalyRule(name="a", least=5, sensitivity=3), weeks), VALUE) == [(0.0,)]


def test_an_anomaly_needs_weeks_to_compare_with() -> None:
    rule = AnomalyRule(name="a", least=0)
    week = [at(NOON - 7 * DAY - number * MINUTE) for number in range(1, 11)]

    assert judged(rule, [*week, *(at(NOON - MINUTE) for _ in range(90))]).hits.is_empty()


def test_an_anomaly_reads_the_hours_that_it_compares() -> None:
    found = AnomalyRule(name="a").windows(NOON, NOON + HOUR)

    weeks = [(NOON - week * 7 * DAY - 2 * HOUR, NOON - week * 7 * DAY + 2 * HOUR) for week in (4, 3, 2, 1)]
    assert [(window.since, window.until) for window in found] == [*weeks, (NOON - HOUR, NOON + HOUR)]


def test_many_groups_are_compared_in_runs_of_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = AnomalyRule(name="a", by=("account",), least=1, sensitivity=2)
    usual = [
        at(NOON - week * 7 * DAY - number * HOUR - MINUTE, account=name)
        for week in range(1, 5) for number in range(-1, 6) for name in ("acme", "globex") for _ in range(5)
    ]  # fmt: skip
    now = [at(NOON - 3 * HOUR + number * MINUTE, account="acme") for number in range(1, 51)]
    hits = judged(rule, [*usual, *now], first=NOON - 3 * HOUR)

    monkeypatch.setattr("apilens.alerts.kinds.anomaly._MOST_SAMPLES", 1)

    assert values(hits, "account", AT, VALUE) == [
        ("acme", NOON - 3 * HOUR, 0.0), ("acme", NOON - 2 * HOUR, 50.0), ("acme", NOON - HOUR, 0.0),
        ("acme", NOON, 0.0), *(("globex", NOON - number * HOUR, 0.0) for number in (3, 2, 1, 0)),
    ]  # fmt: skip
    again = judged(rule, [*usual, *now], first=NOON - 3 * HOUR)
    assert values(again, "account", AT, VALUE) == values(hits, "account", AT, VALUE)


def test_a_funnel_that_too_few_get_through() -> None:
    rule = FunnelRule(
        name="a", steps=("POST /signup", "GET /profile"), window="1d", within="1h", under=0.5, least=4, step="1h"
    )
    begun = [at(NOON - 3 * HOUR, account=f"a{number}", method="POST", path="/signup", endpoint="POST /signup")
             for number in range(4)]  # fmt: skip
    there = at(NOON - 2.5 * HOUR, account="a0", method="GET", path="/profile", endpoint="GET /profile")

    assert values(judged(rule, [*begun, there]), VALUE, "entities") == [(0.25, 4.0)]
    assert judged(rule, [*begun, there, {**there, "account": "a1"}]).hits.is_empty()


def test_the_example_has_every_kind_and_can_be_judged(tmp_path: Path) -> None:
    example = Path(__file__).parent.parent.parent / "rules.example.yaml"
    rules = load_rules(example, Settings())
    store = stored(tmp_path, [line(number / 2, "mallory", 401) for number in range(110)])

    found = check(store, rules, 56, Channel())

    assert {rule.kind for rule in rules.rules} == set(KINDS)
    assert [(alert.rule, alert.description) for alert in found.alerts] == [
        ("expired-tokens", "mallory: 110 × 401 in 1 h")
    ]


BAD = {
    "name: a, kind: absence": "`window` is missing",
    "name: a, kind: absence, window: 1h, least: 0": "least: is a number of requests",
    "name: a, kind: new_value": "`by` is missing",
    "name: a, kind: burn_rate": "`objective` is missing",
    "name: a, kind: burn_rate, objective: 99.9": "objective: is a part of the requests between 0 and 1",
    "name: a, kind: burn_rate, objective: 0.9, bad: stauts > 1": "bad: unknown column `stauts`",
    "name: a, kind: anomaly, metric: requets": "metric: unknown metric `requets`",
    "name: a, kind: anomaly, window: 5h": "window: is a part of a week",
    "name: a, kind: anomaly, window: soon": "window: `soon` is no duration",
    "name: a, kind: anomaly, sensitivity: 0.0": "sensitivity: is a number of deviations",
    "name: a, kind: funnel, window: 1d, under: 0.5": "`steps` is missing",
    "name: a, kind: funnel, steps: [POST /a, GET /b], window: 1d, under: 2.0": "under: is a part",
    "name: a, kind: funnel, steps: [POST /a, GET /b], window: 1d, under: 0.5, to: 3": "to: is the number of a step",
}


@pytest.mark.parametrize("rule", BAD)
def test_mistakes_of_kinds_are_named(rule: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rules_of(rule)

    assert BAD[rule] in caught.value.message.split("\n")[0]
