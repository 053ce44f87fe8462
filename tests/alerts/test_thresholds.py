from __future__ import annotations

import pytest

from apilens.alerts.thresholds import impossible, scaled
from apilens.alerts.trial_events import START, events_of_line
from apilens.errors import UsageError
from apilens.schema import DTYPES


def test_every_number_that_a_metric_is_compared_with_is_scaled() -> None:
    text = "requests >= 100 AND (error_rate > 0.05 OR 3 < rate(status = 500))"

    assert scaled("requests >= 100", 0.5) == "requests >= 50"
    assert scaled("requests_change < -0.5", 2) == "requests_change < -1"
    assert scaled(text, 2) == "requests >= 200 AND (error_rate > 0.1 OR 6 < rate(status = 500))"
    assert scaled("service = 'a' AND requests > 1", 4) == "service = 'a' AND requests > 4"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("error_rate > 1", ["error_rate > 1"]), ("error_rate >= 1", []), ("1 < error_rate", ["1 < error_rate"]),
        ("requests < 0", ["requests < 0"]), ("requests <= 0", []), ("requests > 5 OR error_rate > 1", []),
        ("requests > 5 AND (error_rate > 2)", ["error_rate > 2"]), ("error_rate = 2", ["error_rate = 2"]),
    ],
)  # fmt: skip
def test_what_no_value_can_reach_is_named(text: str, expected: list[str]) -> None:
    assert list(impossible(text, {"error_rate": "ratio", "requests": "count"})) == expected


def test_a_line_describes_events_that_are_evenly_spread() -> None:
    events = events_of_line("401 × 4 over 1h from 30m for account acme on POST /v1/pay with duration_ms 80", DTYPES)

    assert [(moment - START).total_seconds() / 60 for moment in events["timestamp"]] == [30, 45, 60, 75]
    assert events.select("status", "account", "endpoint", "duration_ms", "account_verified").row(0) == (
        401, "acme", "POST /v1/pay", 80.0, False,
    )  # fmt: skip
    assert events.columns == list(DTYPES)


@pytest.mark.parametrize(
    "line", ["", "many", "200 × 0", "200 x 5 over", "200 for acount a", "200 with status abc", "99"]
)
def test_a_line_that_describes_none_is_refused(line: str) -> None:
    with pytest.raises(UsageError):
        events_of_line(line, DTYPES)
