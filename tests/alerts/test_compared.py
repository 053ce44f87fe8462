"""Rules over what changed, on events that one counts in the head."""

from __future__ import annotations

import json
import shlex
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from apilens.alerts.backtest import backtest
from apilens.alerts.check import check_window
from apilens.alerts.compared import MOST_MOMENTS, windows_read
from apilens.alerts.judge import Turn, positions, scanned
from apilens.alerts.judging import AT, CLAIMED, SEVERITY, VALUE, Moments
from apilens.alerts.kinds.condition import ConditionRule, When
from apilens.alerts.lint import doubts
from apilens.alerts.pacing import spaced
from apilens.cli import cli
from apilens.config import Settings
from apilens.errors import ConfigError
from apilens.window import Window
from tests.alerts.making import NOON as STORED_NOON
from tests.alerts.making import Channel, check, ground_of, line, rules_of, stored
from tests.alerts.test_kinds import DAY, HOUR, at, judged, values
from tests.event_frames import NOON

MINUTE, WEEK = timedelta(minutes=1), 7 * DAY
DEGRADES = When(warning="error_rate_diff > 0.02", critical="error_rate_diff > 0.10")


def calls(back: timedelta, count: int, errors: int = 0, account: str | None = "acme", **more: Any) -> list[Any]:
    """Return so many requests in the hour that ends `back` before noon, the first of them errors."""
    return [
        at(NOON - back - 30 * MINUTE, account=account, status=500 if number < errors else 200, **more)
        for number in range(count)
    ]


def test_an_account_degrades_beside_what_is_typical_of_it() -> None:
    rule = ConditionRule(name="a", by=("account",), window="1h", compare="typical", when=DEGRADES)
    # Of acme's weeks the median is 10 %, of globex's and hooli's none.
    weeks = [calls(week * WEEK, 10, errors) for week, errors in enumerate((0, 1, 1, 9), 1)]
    others = [calls(week * WEEK, 10, account=name) for week in range(1, 5) for name in ("globex", "hooli")]
    now = [calls(0 * DAY, 20, 3), calls(0 * DAY, 10, 2, "globex"), calls(0 * DAY, 100, 2, "hooli"),
           calls(0 * DAY, 10, 9, "newcomer"), calls(0 * DAY, 10, 9, None)]  # fmt: skip

    found = judged(rule, list(chain(*weeks, *others, *now)))

    assert values(found, "account", SEVERITY, VALUE) == [("acme", "warning", 0.05), ("globex", "critical", 0.2)]
    assert found.units == {"error_rate_diff": "ratio"}


@pytest.mark.parametrize(("compare", "back"), [("previous", HOUR), ("7d-ago", WEEK), ("30m-ago", HOUR / 2)])
def test_counts_are_compared_with_another_window(compare: str, back: timedelta) -> None:
    rule = ConditionRule(
        name="a", by=("account",), window="30m", step="30m", compare=compare,
        when="requests_change <= -0.5 AND requests_before >= 4",
    )  # fmt: skip
    before = [at(NOON - 10 * MINUTE - back, account=name) for name, count in (("acme", 4), ("gone", 5), ("few", 3))
              for _ in range(count)]  # fmt: skip
    now = [at(NOON - 10 * MINUTE) for _ in range(2)]

    # `previous` of half an hour is the half before it.
    last = NOON - HOUR / 2 if compare == "previous" else NOON
    found = judged(rule, [*before, *([at(NOON - 40 * MINUTE)] * 2 if compare == "previous" else now)], first=last,
                   last=last)  # fmt: skip

    assert values(found, "account", VALUE, "requests_before", CLAIMED) == [
        ("acme", -0.5, 4.0, False), ("gone", -1.0, 5.0, False),
    ]  # fmt: skip


def test_each_moment_is_compared_with_its_own_window() -> None:
    rule = ConditionRule(name="a", window="1h", step="1h", compare="previous", when="requests_change > 1")
    counts = (2, 2, 6, 6, 13)
    events = list(chain(*(calls((len(counts) - 1 - hour) * HOUR, count) for hour, count in enumerate(counts))))

    found = judged(rule, events, first=NOON - 3 * HOUR, last=NOON)

    assert values(found, AT, VALUE) == [(NOON - 2 * HOUR, 2.0), (NOON, pytest.approx(13 / 6 - 1, abs=1e-6))]
    assert found.known


def test_without_anything_to_compare_with_nothing_is_known() -> None:
    rule = ConditionRule(name="a", window="1h", compare="typical", when="error_rate_diff > 0.02")

    assert not judged(rule, calls(0 * DAY, 10, 9)).known
    assert judged(rule, [*calls(0 * DAY, 10, 9), *calls(WEEK, 10)]).known


def test_what_is_new_or_gone_can_be_asked_for() -> None:
    rule = ConditionRule(name="a", by=("account",), window="1h", compare="previous", when="new AND requests >= 2")
    events = [*calls(HOUR, 3), *calls(0 * DAY, 3), *calls(0 * DAY, 2, account="b"), *calls(0 * DAY, 1, account="c")]

    assert values(judged(rule, events), "account", VALUE) == [("b", 2.0)]


def test_a_refused_account_is_claimed_and_one_that_is_gone_is_not() -> None:
    rule = ConditionRule(name="a", by=("account",), window="1h", compare="previous", when="requests_change != 0")
    refused = [*calls(HOUR, 1, account="x", account_verified=False),
               *calls(0 * DAY, 2, account="x", account_verified=False)]  # fmt: skip

    assert values(judged(rule, [*refused, *calls(HOUR, 1)]), "account", CLAIMED) == [("acme", False), ("x", True)]


def test_a_rate_of_a_condition_stands_beside_changes() -> None:
    rule = ConditionRule(
        name="a", window="1h", compare="previous", when="requests_change > 0 AND rate(status=500) > 0.4",
    )  # fmt: skip

    found = judged(rule, [*calls(HOUR, 1), *calls(0 * DAY, 2, 1)])

    assert values(found, VALUE, "rate(status = 500)") == [(1.0, 0.5)]


def test_a_check_reads_only_the_days_that_it_compares(tmp_path: Path) -> None:
    lines = [line(day * 24 * 60 - 10) for day in range(-28, 1) for _ in range(4)] + [line(-5)] * 4
    store = stored(tmp_path, lines)
    rules = rules_of("name: a, by: [account], window: 1h, compare: typical, when: requests_change >= 1, notify: [x]")
    channel = Channel()

    found = check(store, rules, 5, channel)

    assert channel.said() == [("a", "firing", ["acme"])]
    assert found.scanned is not None
    # Today, and the same day of four weeks.
    assert (found.scanned.rows, found.scanned.days) == (8 + 4 * 4, 5)
    [alert] = [alert for alert in found.alerts if alert.state == "firing"]
    assert alert.value == 1.0
    assert "--since 2026-11-03T11:05:00Z" in alert.command


def test_its_command_shows_the_change_that_it_fired_for(tmp_path: Path) -> None:
    store = stored(tmp_path, [line(-90), line(-30), line(-20), line(-10)])
    rules = rules_of("name: a, by: [account], window: 1h, compare: previous, when: requests_change >= 2")

    # It fires at noon already: the command is about the window that ends five minutes later, and the one before.
    check(store, rules, 0, Channel())
    [alert] = check(store, rules, 5, Channel()).alerts

    asked = [*shlex.split(alert.command)[1:], "--store", str(store), "--format", "jsonl"]
    done = CliRunner().invoke(cli, asked, standalone_mode=False)
    [row] = [json.loads(text) for text in done.stdout.splitlines()]
    assert (row["requests"], row["requests_before"], row["requests_change"]) == (3, 1, alert.value)


def test_moments_are_a_twelfth_of_the_window_apart_and_a_hundred_at_most() -> None:
    [rule] = rules_of("name: a, window: 1h, compare: previous, when: requests_change > 1").rules
    [turn] = positions([rule], upto={"a": STORED_NOON - DAY}, incidents={}, until=STORED_NOON)

    assert rule.pace == 5 * MINUTE
    assert (len(turn.moments), turn.moments.last) == (MOST_MOMENTS, STORED_NOON)


def test_a_long_time_is_judged_at_moments_that_are_further_apart() -> None:
    [rule] = rules_of("name: a, window: 1h, compare: previous, when: requests_change > 1").rules

    assert spaced(rule, 8 * HOUR) == rule
    # A hundredth of a week is 100.8 minutes.
    assert spaced(rule, WEEK).pace == 101 * MINUTE


def test_a_log_and_the_past_are_judged_like_a_store(tmp_path: Path) -> None:
    rules = rules_of("name: a, window: 1h, step: 12h, compare: previous, when: requests_change >= 2")
    ground = ground_of(stored(tmp_path, [line(-2 * 24 * 60), line(-100), line(-50), line(-50), line(-50)]))
    window = Window(STORED_NOON - 2 * DAY, STORED_NOON)

    checked = check_window(ground, rules, window, whole=True)
    past = backtest(ground, rules, window, tz="UTC", limit=None, command="")

    assert checked.rules == rules.rules
    assert [alert.rule for alert in checked.alerts] == ["a"]
    # Three times as many is twice more: at half and at the threshold, at double not.
    assert past.tables[0].rows.select("incidents", "at_half", "at_double").row(0) == (1, 1, 0)


def test_windows_that_overlap_are_read_once() -> None:
    assert windows_read("previous", HOUR, NOON - HOUR, NOON) == (Window(NOON - 3 * HOUR, NOON),)
    assert windows_read("7d-ago", HOUR, NOON, NOON) == (
        Window(NOON - WEEK - HOUR, NOON - WEEK), Window(NOON - HOUR, NOON),
    )  # fmt: skip


def test_the_store_is_scanned_for_the_days_of_each_window_only(tmp_path: Path) -> None:
    store = ground_of(stored(tmp_path, [line(-day * 24 * 60 - 1) for day in range(9)])).store
    rule = ConditionRule(name="a", window="1h", compare="7d-ago", when="requests_change > 1")

    assert scanned(store, [Turn(rule, Moments(STORED_NOON, STORED_NOON, HOUR))]).days == 2


BAD = {
    "compare: typicl, when: error_rate_diff > 0.1": "compare: `typicl` is nothing to compare with (previous, 7d-ago, "
    "typical)",
    "compare: 2026-01-01.., when: error_rate_diff > 0.1": "compare: `2026-01-01..` is nothing to compare with",
    "compare: soon-ago, when: error_rate_diff > 0.1": "compare: `soon` is no duration",
    "compare: 0d-ago, when: error_rate_diff > 0.1": "compare: --compare 0d-ago is the window itself",
    "compare: typical, when: requests > 5": "compare: `when` reads no change",
    "compare: typical, when: eror_rate_diff > 0.1": "when: unknown metric `eror_rate` (did you mean `error_rate`?)",
    "compare: typical, when: requests_diff > 5": "when: there is no `requests_diff` (of requests there are requests, "
    "requests_before, requests_change)",
    "when: error_rate_diff > 0.1": "when: `error_rate_diff` is a change: say beside what, for example `compare: "
    "typical` (or previous, 7d-ago)",
}


@pytest.mark.parametrize("keys", BAD)
def test_mistakes_are_named_at_their_place(keys: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rules_of(f"name: a, window: 1h, {keys}")

    first = caught.value.message.split("\n")[0]
    key = BAD[keys].split(":")[0]
    column = len("  - {name: a, window: 1h, ") + keys.index(f"{key}:") + 1
    assert first.startswith(f"rules.yaml:2:{column}: rules[0].{BAD[keys]}"), first


def test_a_window_too_long_to_be_typical_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="what is typical of 29d is unknown"):
        rules_of("name: a, window: 29d, compare: typical, when: error_rate_diff > 0.1")


def test_a_rule_that_compares_well_is_not_doubted() -> None:
    rules = rules_of("name: a, window: 1h, compare: typical, by: [account], when: error_rate_diff > 0.1")

    assert doubts(rules, Settings()) == []
