"""What holds in words: numbers beside their thresholds."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from apilens.alerts.alerting import alert_of
from apilens.alerts.incidents import follow
from apilens.alerts.judging import AT, CLAIMED, SEVERITY, VALUE, Moments
from apilens.alerts.stated import stated
from apilens.result import Unit
from tests.alerts.making import MINUTE, NOON, rules_of

UNITS: dict[str, Unit] = {
    "error_rate": "ratio", "requests": "count", "p95_ms": "ms", "error_rate_diff": "ratio",
    "rate(status = 500)": "ratio", "last_request": "time",
}  # fmt: skip
VALUES = {
    "error_rate": 0.118, "requests": 2204.0, "p95_ms": 4100.0, "error_rate_diff": -0.3, "rate(status = 500)": 0.5,
    "last_request": 0.0,
}  # fmt: skip


@pytest.mark.parametrize(("when", "said"), [
    ("error_rate > 0.05", "error_rate 11.8 %, above 5.0 %"),
    ("(error_rate > 0.05 AND requests >= 50)", "error_rate 11.8 %, above 5.0 %, and requests 2,204, at least 50"),
    ("4000 < p95_ms", "p95_ms 4,100 ms, above 4,000 ms"),
    ("rate(status=500) >= 0.5", "rate(status = 500) 50.0 %, at least 50.0 %"),
    ("error_rate > 0.05 OR p95_ms > 9", "error_rate 11.8 % (error_rate > 0.05 OR p95_ms > 9)"),
    ("requests BETWEEN 1 AND 9000", "requests 2,204 (requests BETWEEN 1 AND 9000)"),
])  # fmt: skip
def test_a_number_stands_beside_its_threshold(when: str, said: str) -> None:
    [rule] = rules_of(f'name: a, window: 1h, when: "{when}"').rules
    first = said.split(" ")[0] if "(" not in said.split(" ")[0] else "rate(status = 500)"
    values = {first: VALUES[first], **VALUES}

    assert stated(rule, "warning", values, UNITS) == said


def test_a_change_is_below_a_number_below_zero() -> None:
    [rule] = rules_of('name: a, window: 1h, compare: previous, when: "error_rate_diff < -0.2"').rules

    assert stated(rule, "warning", VALUES, UNITS) == "error_rate_diff -30.0 %, below -20.0 %"


def test_of_several_severities_the_one_that_holds_is_said() -> None:
    [rule] = rules_of("name: a, window: 1h, when: {warning: p95_ms > 400, critical: p95_ms > 4000}").rules

    assert stated(rule, "critical", VALUES, UNITS) == "p95_ms 4,100 ms, above 4,000 ms"
    assert stated(rule, "warning", VALUES, UNITS) == "p95_ms 4,100 ms, above 400 ms"


def test_what_has_no_condition_says_its_number_and_when_it_fires() -> None:
    [rule] = rules_of("name: a, kind: absence, window: 15m").rules

    assert stated(rule, "warning", {"requests": 0.0}, {"requests": "count"}) == "requests 0 (no request for 15m)"
    assert stated(rule, "warning", {}, {}) == "(no request for 15m)"


def test_what_is_over_says_the_threshold_that_it_was_above_last() -> None:
    [rule] = rules_of("name: a, window: 1h, when: {warning: p95_ms > 400, critical: p95_ms > 4000}").rules
    times = [5_000.0, 500.0]
    hits = pl.DataFrame(
        {AT: [NOON, NOON + MINUTE], SEVERITY: ["critical", "warning"], VALUE: times, CLAIMED: False, "p95_ms": times}
    )
    moments = Moments(NOON, NOON + 2 * MINUTE, MINUTE)

    course = follow(
        (), hits, by=(), moments=moments, complete=moments.last, for_=timedelta(), keep_for=timedelta()
    )  # fmt: skip
    alert = alert_of(rule, course.over[0], {"p95_ms": "ms"}, file="rules.yaml", line=2)

    assert (alert.state, alert.severity) == ("resolved", "critical")
    assert alert.reading == "p95_ms 500 ms, above 400 ms"


def test_an_anomaly_says_what_is_usual() -> None:
    [rule] = rules_of("name: a, kind: anomaly, metric: p95_ms, window: 1h").rules
    units: dict[str, Unit] = {"p95_ms": "ms", "expected": "ms"}

    assert stated(rule, "warning", {"p95_ms": 900.0, "expected": 120.0}, units) == (
        "p95_ms 900 ms, usual 120 ms (p95_ms 4 deviations from what is usual at this hour of the week)"
    )
