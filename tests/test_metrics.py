"""Every metric and dimension against the brute-force oracle, and the traps of sums, nulls and weights."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apilens import details
from apilens.analyses import answers
from apilens.answer import Answer
from apilens.computed import split_names
from apilens.dimensions import DIMENSIONS
from apilens.errors import UsageError
from apilens.metrics import METRICS
from apilens.quantiles import ERROR, EXACT_ROWS
from apilens.query import summarise
from apilens.schema import DTYPES
from tests import oracle
from tests.event_frames import DOCUMENTED, NOON, event, events_of, random_events

ALL_METRICS = list(oracle.METRICS)


def ask(rows: list[dict[str, Any]], **question: Any) -> Answer:
    events = events_of(rows, extra=DOCUMENTED)
    return answers([summarise(events, dtypes={**DTYPES, **DOCUMENTED}, **question)])[0]


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, float) and isinstance(found, (int, float)):
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-6)
    return bool(found == expected)


def agree(found: Answer, expected: dict[tuple[Any, ...], dict[str, Any]], by: list[str]) -> None:
    rows = found.rows.to_dicts()
    assert {tuple(row[name] for name in by) for row in rows} == set(expected)
    assert len(rows) == len(expected)
    for row in rows:
        key = tuple(row[name] for name in by)
        for metric, value in expected[key].items():
            assert same(row[metric], value), (key, metric, row[metric], value)


def test_the_oracle_knows_every_metric_and_dimension() -> None:
    assert {metric.name for metric in METRICS} <= set(oracle.METRICS)
    assert {dimension.name for dimension in DIMENSIONS} == set(oracle.DIMENSIONS)


@settings(max_examples=40)
@given(
    random_events, st.sampled_from([["account"], ["status_class", "sdk"], ["week"], ["hour", "account"], ["endpoint"]])
)
def test_every_metric_agrees_with_the_oracle(rows: list[dict[str, Any]], by: list[str]) -> None:
    agree(ask(rows, metrics=ALL_METRICS, by=by), oracle.table(rows, by, ALL_METRICS), by)


@settings(max_examples=15)
@given(random_events)
def test_every_dimension_agrees_with_the_oracle(rows: list[dict[str, Any]]) -> None:
    rows = [row for row in rows if row["kind"] == "request"]
    names = [dimension.name for dimension in DIMENSIONS]
    found = answers([summarise(events_of(rows), metrics=["requests", "users"], by=[name]) for name in names])

    for name, answer in zip(names, found, strict=True):
        agree(answer, oracle.table(rows, [name], ["requests", "users"]), [name])


@settings(max_examples=25)
@given(random_events)
def test_without_dimensions_there_is_one_row_that_agrees(rows: list[dict[str, Any]]) -> None:
    requests = [row for row in rows if row["kind"] == "request"]
    expected = {(): {name: metric(requests, requests) for name, metric in oracle.METRICS.items()}}

    agree(ask(rows, metrics=ALL_METRICS), expected, [])


@settings(max_examples=25)
@given(random_events)
def test_groups_add_up_and_ratios_stay_ratios(rows: list[dict[str, Any]]) -> None:
    names = ["requests", "errors", "client_errors", "server_errors", "share", "error_share", "error_rate"]
    found = ask(rows, metrics=names, by=["account", "status_class"]).rows
    whole = ask(rows, metrics=names).rows.row(0, named=True)

    for name in ("requests", "errors", "client_errors", "server_errors"):
        assert found[name].sum() == whole[name]
    assert (found["client_errors"] + found["server_errors"] == found["errors"]).all()
    assert found["error_rate"].drop_nulls().is_between(0, 1).all()
    for share, of in (("share", "requests"), ("error_share", "errors")):
        assert found[share].drop_nulls().is_between(0, 1).all()
        if whole[of]:
            # Each row is rounded to 6 digits.
            assert abs(found[share].sum() - 1) <= 1e-6 * max(found.height, 1)


@settings(max_examples=25)
@given(random_events, st.lists(st.integers(1, 9), min_size=25, max_size=25))
def test_a_weight_of_n_counts_like_n_copies(rows: list[dict[str, Any]], weights: list[int]) -> None:
    weighted = [{**row, "weight": weight} for row, weight in zip(rows, weights, strict=False)]
    copies = [row for row, weight in zip(rows, weights, strict=False) for _ in range(weight)]
    # A sampled request says less of the rate than n requests do, and only one of n copies has a failure before it.
    other = {"error_rate_low", "error_rate_high", "retries", "retry_rate"}
    names = [name for name in ALL_METRICS if not name.startswith("p") and name not in other]

    agree(ask(weighted, metrics=names, by=["account"]), oracle.table(copies, ["account"], names), ["account"])


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.floats(1e-3, 1e7), st.integers(1, 5)), min_size=1, max_size=40),
    st.sampled_from([50, 90, 95, 99]),
)
def test_weighted_quantiles_are_within_one_percent(values: list[tuple[float, int]], percent: int) -> None:
    rows = [event(duration_ms=value, weight=weight) for value, weight in [*values, (values[0][0], 2)]]
    name = f"p{percent}(duration_ms)"
    found = ask(rows, metrics=[name])

    expected = oracle.quantile(rows, "duration_ms", percent / 100)
    assert found.approximate
    assert math.isclose(found.rows[name][0], expected or 0, rel_tol=ERROR + 1e-6, abs_tol=1e-6)


def test_weighted_quantiles_keep_zero_and_negative_values_in_order() -> None:
    rows = [event(duration_ms=float(value), weight=2) for value in (-100, 0, 100)]
    found = ask(rows, metrics=["p1(duration_ms)", "p50(duration_ms)", "p99(duration_ms)"]).rows.row(0)

    assert found[0] == pytest.approx(-100, rel=0.011)
    assert found[1] == 0
    assert found[2] == pytest.approx(100, rel=0.011)


def test_quantiles_are_exact_up_to_the_limit_and_bucketed_beyond() -> None:
    summary = summarise(events_of([event(duration_ms=10.0)]), metrics=["p50_ms"])
    few = pl.DataFrame({"#rows": [EXACT_ROWS], "#heaviest": [1], "#requests": [EXACT_ROWS], "#attributed": [0]})
    many = few.with_columns(pl.col("#rows") + 1)

    assert [done.frames[0].collect_schema().names() for done in summary.passes(summary.cut(few))] == [["p50_ms"]]
    assert [done.frames[0].collect_schema().names() for done in summary.passes(summary.cut(many))] == [
        ["#bucket", "#weight"]
    ]


def test_a_null_status_counts_in_requests_and_in_no_error_metric() -> None:
    found = ask([event(status=None), event(status=500)], metrics=["requests", "errors", "error_rate", "server_errors"])

    assert found.rows.row(0) == (2, 1, 0.5, 1)


def test_sums_do_not_wrap() -> None:
    rows = [event(response_bytes=2**62, weight=3), event(response_bytes=2**62)]
    found = ask(rows, metrics=["response_bytes", "requests"]).rows

    assert found["response_bytes"][0] == pytest.approx(4 * 2.0**62)
    assert found["requests"][0] == 4


def test_sums_that_fit_are_exact() -> None:
    found = ask(
        [event(response_bytes=2**53), event(response_bytes=1)], metrics=["response_bytes", "sum(response_bytes)"]
    )

    assert found.rows.row(0) == (2**53 + 1, 2**53 + 1)


def test_nan_and_infinity_are_left_out() -> None:
    rows = [event(duration_ms=value) for value in (math.nan, math.inf, 4.0, 6.0)]
    found = ask(rows, metrics=["mean_ms", "p50_ms", "max(duration_ms)"])

    assert found.rows.row(0) == (5.0, 5.0, 6.0)


def test_no_event_gives_zeros_and_nulls() -> None:
    found = ask([], metrics=["requests", "error_rate", "endpoints", "p95_ms", "mean_ms", "share", "last_request"])

    assert found.rows.row(0) == (0, None, 0, None, None, None, None)
    assert ask([], metrics=["requests", "p95_ms"], by=["account"]).rows.height == 0


def test_actions_count_only_where_they_are_asked_for() -> None:
    rows = [event(), event(kind="action", action="signed_in", status=None, account="acme")]

    assert ask(rows, metrics=["requests", "accounts"]).rows.row(0) == (1, 0)
    found = ask(rows, metrics=["requests", "count(action = 'signed_in')", "rate(kind = 'action')", "accounts"])
    assert found.rows.row(0) == (1, 1, 0.5, 0)
    by_kind = ask(rows, metrics=["requests", "count(kind = 'action')"], by=["kind"]).rows
    assert by_kind.rows() == [("request", 1, 0), ("action", 0, 1)]


def test_count_star_is_requests() -> None:
    assert ask([event(weight=5)], metrics=["count(*)"]).rows.row(0) == (5,)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("requets", "did you mean `requests`?"),
        ("sum(account)", "account is no number"),
        ("sum(response_byte)", "did you mean `response_bytes`?"),
        ("median(duration_ms)", "unknown metric"),
        ("p95(", "unknown metric"),
        ("count()", "condition"),
        ("count(stauts = 401)", "did you mean `status`?"),
        ("rate(status)", "a condition"),
        ("", "unknown metric"),
    ],
)
def test_a_wrong_metric_is_named_with_what_to_do(name: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        ask([event()], metrics=[name])

    assert says in f"{caught.value.message} {caught.value.hint}"


def test_names_are_split_outside_parentheses_and_quotes() -> None:
    text = "requests, count(status IN (401, 403)),rate(account = 'a,(b'),"

    assert split_names(text) == ["requests", "count(status IN (401, 403))", "rate(account = 'a,(b')"]


def test_numbers_of_breadth_and_of_trouble_that_one_checks_in_the_head() -> None:
    later, latest = NOON + timedelta(seconds=30), NOON + timedelta(minutes=3)
    rows = [
        # acme calls two endpoints alike; the 503 is asked again after 30 s and after another 2 minutes.
        event(account="acme", endpoint="GET /a", status=503, request_fingerprint=7, line=1, duration_ms=10.0),
        event(account="acme", endpoint="GET /a", status=503, request_fingerprint=7, line=2, started_at=later),
        event(account="acme", endpoint="GET /b", status=200, request_fingerprint=8, line=3),
        event(account="acme", endpoint="GET /b", status=200, request_fingerprint=7, line=4, started_at=latest),
        # globex calls one, and what failed there failed for acme.
        event(account="globex", endpoint="GET /a", status=200, request_fingerprint=7, line=5, request_bytes=9),
        event(account="globex", endpoint="GET /a", status=404, line=6, error_code="gone", request_bytes=5),
    ]
    names = ["endpoint_diversity", "top_endpoint_share", "excess_errors", "retries", "retry_rate", "opaque_errors"]
    found = ask(rows, metrics=[*names, "wasted_ms", "wasted_bytes"], by=["account"], sort="account").rows.rows()

    # Everyone's rate is 3/4 on GET /a and 0 on GET /b: 1.5 errors are to be expected of each.
    assert found == [
        ("acme", 2.0, 0.5, 0.5, 1, 0.25, 2, 10.0, 0),
        ("globex", 1.0, 1.0, -0.5, 0, 0.0, 0, 0.0, 5),
    ]


def test_the_volume_of_days_without_requests_is_0() -> None:
    day = timedelta(days=1)
    rows = [event(account="acme"), event(account="globex"), event(account="globex", timestamp=NOON + day)]
    rows += [event(account="globex", timestamp=NOON + 2 * day), event(account="globex", timestamp=NOON + 3 * day)]

    # acme: 1 0 0 0, with a mean of 1/4 and a deviation of √3/4; globex: the same every day.
    assert ask(rows, metrics=["volume_cv"], by=["account"], sort="account").rows.rows() == [
        ("acme", 1.732051),
        ("globex", 0.0),
    ]


def test_a_metric_of_the_description_needs_one() -> None:
    with pytest.raises(UsageError, match="no endpoint is documented"):
        summarise(events_of([event()]), metrics=["documented_coverage"])


def test_retries_and_sessions_found_in_parts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        event(account=f"a{at // 2 % 3}", request_fingerprint=at // 2 % 5, status=200 if at % 4 else 503, line=at,
              started_at=NOON + timedelta(minutes=20 * (at // 8), seconds=at))
        for at in range(80)
    ]  # fmt: skip
    asked = {"metrics": ["requests", "retries", "sessions"], "by": ["account"]}
    whole, total = ask(rows, **asked).rows, ask(rows, metrics=["retries", "sessions"]).rows

    monkeypatch.setattr(details, "_RETRIED_AT_ONCE", 30)
    monkeypatch.setattr(details, "parts_for", lambda rows: 4)
    assert whole["retries"].min() > 0  # type: ignore[operator]
    assert ask(rows, **asked).rows.equals(whole)
    assert ask(rows, metrics=["retries", "sessions"]).rows.equals(total)
