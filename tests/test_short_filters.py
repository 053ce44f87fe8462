"""What short filters mean."""

from __future__ import annotations

import polars as pl
import pytest

from apilens.engine import frame
from apilens.errors import UsageError
from apilens.filters import compile_filter
from apilens.schema import DTYPES
from apilens.short_filters import SHORT_FILTERS, condition, event_condition
from apilens.syntax import columns_of

EVENTS = pl.DataFrame(
    [
        ("p1", "acme-python", "1.4.2"),
        ("p10", "acme-python", "1.10.0"),
        ("p2", "acme-python", "2.0.0"),
        ("n1", "acme-node", "1.0"),
        ("curl", "curl", "8.1"),
        ("odd", "o'brien", None),
        ("none", None, None),
    ],
    schema=["id", "sdk", "sdk_version"],
    orient="row",
)


def kept(text: str, flag: str = "sdk", events: pl.DataFrame = EVENTS) -> str:
    found = frame(events).filter(compile_filter(condition(flag, text), events.schema)).collect()
    return " ".join(found["id"].to_list())


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("curl", "curl"),
        ("acme-python", "p1 p10 p2"),
        ("acme-python<2.0", "p1 p10"),
        ("acme-python<=2", "p1 p10 p2"),
        ("acme-python < 1.9", "p1"),
        ("acme-python>=1.9<2", "p10"),
        ("acme-python>=1.9,<2,curl", "p10 curl"),
        ("acme-python==2", "p2"),
        ("acme-python!=2", "p1 p10"),
        ("acme-python=1.*", "p1 p10"),
        ("acme-*", "p1 p10 p2 n1"),
        ("*-node", "n1"),
        ("*cme*", "p1 p10 p2 n1"),
        ("a*node", "n1"),
        ("acme-*<1.5", "p1 n1"),
        ("*", "p1 p10 p2 n1 curl odd"),
        ("!acme-*", "curl odd none"),
        ("!*", "none"),
        ("acme-*,!acme-python>=2", "p1 p10 n1"),
        ("!curl,!o'brien", "p1 p10 p2 n1 none"),
        ("o'brien", "odd"),
    ],
)
def test_sdk(text: str, ids: str) -> None:
    assert kept(text) == ids


def test_sdk_reads_as_somebody_would_write_it() -> None:
    assert condition("sdk", "acme-python<2.0") == "sdk = 'acme-python' AND version(sdk_version) < version('2.0')"


@pytest.mark.parametrize("text", ["", ",", "<2", "acme<<2", "acme<", "acme<x", "=1", "acme>=1.4,<*"])
def test_what_is_no_list_of_sdks_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--sdk"):
        condition("sdk", text)


REQUESTS = pl.DataFrame(
    [
        ("a", "acme", "GET", "GET /v1/users/{id}", 200),
        ("b", "ac_me", "POST", "POST /v1/users", 404),
        ("c", "o'neil", "GET", "GET /v2/files_x/{id}/tags", 429),
        ("d", None, None, None, 503),
        ("e", "acme", "DELETE", "DELETE /v2/filesyx/{id}/tags", None),
    ],
    schema=["id", "account", "method", "endpoint", "status"],
    orient="row",
)


@pytest.mark.parametrize(
    ("flag", "text", "ids"),
    [
        ("account", "acme", "a e"),
        ("account", "acme,o'neil", "a c e"),
        ("account", "ac*", "a b e"),
        ("account", "!acme", "b c d"),
        ("account", "(unattributed)", "d"),
        ("account", "!(unattributed)", "a b c e"),
        ("account", "(unattributed),acme", "a d e"),
        ("method", "get", "a c"),
        ("method", "GET,delete", "a c e"),
        ("method", "!get", "b d e"),
        ("endpoint", "GET /v1/users/{id}", "a"),
        ("endpoint", "* /v1/*", "a b"),
        ("endpoint", "!* /v1/*", "c d e"),
        # `_` is a character like any other, `*` is not.
        ("endpoint", "*files_x*tags", "c"),
        ("endpoint", "* /v2/*/tags", "c e"),
        ("status", "4xx", "b c"),
        ("status", "4XX,!429", "b"),
        ("status", "200", "a"),
        ("status", "429,5xx", "c d"),
        ("status", "404-503", "b c d"),
        ("status", "!4xx", "a d e"),
    ],
)
def test_short_filters(flag: str, text: str, ids: str) -> None:
    assert kept(text, flag, REQUESTS) == ids


@pytest.mark.parametrize(
    ("flag", "text"), [("status", "4x"), ("status", "teapot"), ("status", "600-"), ("method", "GET /x"), ("user", ",")]
)
def test_what_is_no_value_is_refused(flag: str, text: str) -> None:
    with pytest.raises(UsageError, match=f"--{flag}"):
        condition(flag, text)


def test_a_cohort_is_one_of_a_list_too() -> None:
    assert condition("cohort", "vip") == "cohort('vip')"
    assert condition("cohort", "vip, new,!old") == (
        "(cohort('vip') OR cohort('new')) AND NOT coalesce(cohort('old'), false)"
    )


@pytest.mark.parametrize("flag", [flag for flag in SHORT_FILTERS if flag != "cohort"])
def test_every_short_filter_reads_a_column_of_events(flag: str) -> None:
    [column] = columns_of(condition(flag, "401" if flag == "status" else "a"))

    assert column in DTYPES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("POST /signup", "endpoint = 'POST /signup'"),
        ("post /v1/*", "starts_with(endpoint, 'POST /v1/')"),
        (" /v1/users/{id} ", "ends_with(endpoint, ' /v1/users/{id}')"),
        ("* /a", "ends_with(endpoint, ' /a')"),
        ("signed_in", "action = 'signed_in'"),
        ("sign*", "starts_with(action, 'sign')"),
        ("is_bot", "is_bot"),
        ("status < 400 AND path = '/a'", "status < 400 AND path = '/a'"),
    ],
)
def test_events_are_meant_by_endpoint_by_action_or_by_condition(text: str, expected: str) -> None:
    assert event_condition(text, {"is_bot", "status"}) == expected
