"""Filtering, sorting, cutting and conditions over metrics, on frames one can check in the head."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apilens.analyses import answers
from apilens.answer import Answer
from apilens.errors import UsageError
from apilens.query import summarise
from apilens.schema import dtypes
from apilens.window import Window
from tests.event_frames import NOON, event, events_of, random_events

# acme: 3 requests, 2 errors · globex: 2, 0 · nobody: 2, 1 · zeta: 1, 1
ROWS = [
    event(account="acme", status=401, endpoint="GET /a", duration_ms=10.0, timestamp=NOON),
    event(account="acme", status=503, endpoint="GET /b", duration_ms=30.0, timestamp=NOON + timedelta(hours=1)),
    event(account="acme", status=200, endpoint="GET /b", duration_ms=20.0, timestamp=NOON + timedelta(hours=2)),
    event(account="globex", status=200, endpoint="GET /a", timestamp=NOON + timedelta(hours=3)),
    event(account="globex", status=204, endpoint=None, timestamp=NOON + timedelta(hours=4)),
    event(account=None, status=None, endpoint="GET /a", timestamp=NOON + timedelta(hours=5)),
    event(account=None, status=404, endpoint="GET /a", timestamp=NOON + timedelta(hours=6)),
    event(account="zeta", status=429, endpoint="GET /c", timestamp=NOON + timedelta(hours=7)),
]


def ask(rows: list[dict[str, Any]] = ROWS, **question: Any) -> Answer:
    return answers([summarise(events_of(rows), **question)])[0]


def accounts(**question: Any) -> list[str | None]:
    found: list[str | None] = ask(by=["account"], **{"metrics": ["requests"], **question}).rows["account"].to_list()
    return found


def test_the_numbers_of_a_small_frame() -> None:
    found = ask(metrics=["requests", "errors", "error_rate", "endpoints", "p50_ms", "share"], by=["account"])

    assert found.rows.rows() == [
        ("acme", 3, 2, 0.666667, 2, 20.0, 0.375),
        ("globex", 2, 0, 0.0, 1, None, 0.25),
        (None, 2, 1, 0.5, 1, None, 0.25),
        ("zeta", 1, 1, 1.0, 1, None, 0.125),
    ]
    assert [(field.name, field.unit, field.better) for field in found.fields][:4] == [
        ("account", "text", ""),
        ("requests", "count", ""),
        ("errors", "count", "lower"),
        ("error_rate", "ratio", "lower"),
    ]
    assert (found.totals.requests, found.totals.attributed, found.totals.newest) == (8, 6, NOON + timedelta(hours=7))
    assert found.totals.attributed_share == 0.75


def test_totals_are_the_same_whatever_the_breakdown() -> None:
    every = [
        ask(metrics=["requests"], by=by).totals
        for by in ([], ["account"], ["status"], ["account", "endpoint"], ["kind"])
    ]

    assert every == [every[0]] * 5


def test_rows_sort_by_the_first_metric_then_by_key_with_null_last() -> None:
    assert accounts() == ["acme", "globex", None, "zeta"]
    assert accounts(metrics=["error_rate", "requests"]) == ["zeta", "acme", None, "globex"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("requests:asc", ["zeta", "globex", None, "acme"]),
        ("requests:desc", ["acme", "globex", None, "zeta"]),
        ("errors", ["acme", "zeta", None, "globex"]),
        ("p95_ms", ["acme", "globex", "zeta", None]),
        ("p95_ms:asc", ["acme", "globex", "zeta", None]),
        ("account", ["acme", "globex", "zeta", None]),
        ("account:desc", ["zeta", "globex", "acme", None]),
        ("last_request", ["zeta", None, "globex", "acme"]),
        ("count(status = 503)", ["acme", "globex", "zeta", None]),
    ],
)
def test_sort_takes_any_metric_or_dimension_and_a_direction(sort: str, order: list[str | None]) -> None:
    assert accounts(sort=sort) == order


def test_the_limit_cuts_and_says_how_many() -> None:
    found = ask(metrics=["requests", "share"], by=["account"], limit=1)

    # The share is of all requests, not of those shown.
    assert found.rows.rows() == [("acme", 3, 0.375)]
    assert (found.groups, found.left_out) == (4, 3)
    assert ask(metrics=["requests"], by=["account"], limit=99).left_out == 0


@pytest.mark.parametrize(
    ("having", "kept"),
    [
        ("requests >= 2", ["acme", "globex", None]),
        ("errors > 0 AND error_rate < 0.9", ["acme", None]),
        ("errors / requests > 0.6", ["acme", "zeta"]),
        ("count(status = 503) > 0", ["acme"]),
        ("COUNT( status=503 ) >= 1", ["acme"]),
        ("p95(duration_ms) > 25 AND p95_ms > 25", ["acme"]),
        ("p95_ms IS NULL", ["globex", None, "zeta"]),
        ("account = 'acme'", ["acme"]),
        ("last_request >= '2026-11-03T18:00:00Z'", [None, "zeta"]),
        ("requests < 0", []),
    ],
)
def test_having_is_a_condition_over_metrics_shown_or_not(having: str, kept: list[str | None]) -> None:
    found = ask(metrics=["requests", "count(status=503)"], by=["account"], having=having)

    assert found.rows["account"].to_list() == kept
    assert found.rows.columns == ["account", "requests", "count(status=503)"]
    assert (found.groups, found.totals.requests) == (len(kept), 8)


def test_where_filters_events_by_columns_and_dimensions() -> None:
    assert accounts(where="status_class = '4xx'") == ["acme", "zeta", None]
    assert accounts(where=["hour_of_day >= 16", "account IS NOT NULL"]) == ["globex", "zeta"]
    assert accounts(where="hour >= '2026-11-03T18:00:00Z'") == ["zeta", None]
    share = ask(metrics=["share", "error_rate"], by=["account"], where="account IN ('acme', 'zeta')").rows
    assert share.rows() == [("acme", 0.75, 0.666667), ("zeta", 0.25, 1.0)]


def test_the_window_is_half_open() -> None:
    window = Window(NOON + timedelta(hours=1), NOON + timedelta(hours=3))

    assert ask(metrics=["requests"], window=window).rows.item() == 2
    assert ask(metrics=["requests"], window=Window(until=NOON)).rows.item() == 0
    assert ask(metrics=["requests"], window=Window(since=NOON)).rows.item() == 8


def test_configured_columns_are_dimensions_and_numbers() -> None:
    extra = {"tier": pl.String(), "tokens": pl.Int64()}
    rows = [event(tier="gold", tokens=3), event(tier="gold", tokens=None), event(tier=None, tokens=2**62, weight=4)]
    summary = summarise(
        events_of(rows, extra=extra),
        metrics=["requests", "sum(tokens)", "mean(tokens)", "max(tokens)"],
        by=["tier"],
        where="tokens IS NULL OR tokens > 0",
        dtypes=dtypes(extra),
    )

    nobody, gold = answers([summary])[0].rows.rows()
    assert gold == ("gold", 2, 3.0, 3.0, 3)
    # Beyond Int64 a sum is a float; floats carry 12 significant digits.
    assert nobody == (None, 4, 2.0**64, pytest.approx(2.0**62, rel=1e-11), 2**62)


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({"metrics": [], "by": ["account"]}, "needs a metric"),
        ({"metrics": ["requests"], "by": ["acount"]}, "did you mean `account`?"),
        ({"metrics": ["requests"], "by": ["line"]}, "unknown dimension"),
        ({"metrics": ["requests"], "by": ["account", "account"]}, "named twice"),
        ({"metrics": ["requests"], "sort": "request"}, "did you mean `requests`?"),
        ({"metrics": ["requests"], "sort": "requests:down"}, "asc or desc"),
        ({"metrics": ["requests"], "having": "eror_rate > 1"}, "did you mean `error_rate`?"),
        ({"metrics": ["requests"], "having": "endpoint = 'x'"}, "unknown column"),
        ({"metrics": ["requests"], "having": "median(status) > 1"}, "not allowed"),
        ({"metrics": ["requests"], "having": "p95(account) > 1"}, "account is no number"),
        ({"metrics": ["requests"], "having": "average(status) > 1"}, "unknown metric"),
        ({"metrics": ["requests"], "where": "requests > 1"}, "unknown column"),
        ({"metrics": ["requests"], "where": ["status = 200", "status ="]}, "no SQL condition"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(question: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        ask(**question)

    assert says in f"{caught.value.message} {caught.value.hint}"


def test_a_column_that_is_called_like_a_metric_is_refused() -> None:
    with pytest.raises(UsageError, match="both a dimension and a metric"):
        summarise(events_of([]), metrics=["requests"], by=["requests"], dtypes=dtypes({"requests": pl.Int64()}))


def test_several_questions_are_answered_in_one_go() -> None:
    events = events_of(ROWS)
    found = answers(
        [
            summarise(events, metrics=["p50_ms", "requests"]),
            summarise(events, metrics=["requests"], by=["endpoint"]),
            summarise(events, metrics=["p95_ms"], by=["account"], where="duration_ms > 0"),
        ]
    )

    assert [answer.rows.rows() for answer in found] == [
        [(20.0, 8)],
        [("GET /a", 4), ("GET /b", 2), ("GET /c", 1), (None, 1)],
        [("acme", 29.0)],
    ]


@settings(max_examples=25)
@given(random_events, st.randoms(use_true_random=False))
def test_the_order_of_events_changes_nothing(rows: list[dict[str, Any]], random: Any) -> None:
    shuffled = random.sample(rows, len(rows))
    question: dict[str, Any] = {
        "metrics": ["mean_ms", "requests", "p95_ms", "ips", "error_share"],
        "by": ["account", "week"],
        "limit": 5,
    }

    assert ask(rows, **question).rows.equals(ask(shuffled, **question).rows)


def test_time_buckets_are_utc() -> None:
    rows = [
        event(timestamp=datetime(2026, 11, 1, 23, 59, 59, 999_999, tzinfo=UTC)),
        event(timestamp=datetime(2026, 11, 2, tzinfo=UTC)),
    ]

    assert ask(rows, metrics=["requests"], by=["day", "week", "hour_of_day"]).rows.rows() == [
        (datetime(2026, 11, 1).date(), datetime(2026, 10, 26).date(), 23, 1),
        (datetime(2026, 11, 2).date(), datetime(2026, 11, 2).date(), 0, 1),
    ]
