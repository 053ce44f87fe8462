"""What short filters mean."""

from __future__ import annotations

import polars as pl
import pytest

from apilens.engine import frame
from apilens.errors import UsageError
from apilens.filters import compile_filter
from apilens.short_filters import cohort_condition, event_condition, sdk_condition

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


def kept(text: str) -> str:
    found = frame(EVENTS).filter(compile_filter(sdk_condition(text), EVENTS.schema)).collect()
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
    assert sdk_condition("acme-python<2.0") == "sdk = 'acme-python' AND version(sdk_version) < version('2.0')"


@pytest.mark.parametrize("text", ["", ",", "<2", "acme<<2", "acme<", "acme<x", "=1", "acme>=1.4,<*"])
def test_what_is_no_list_of_sdks_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--sdk"):
        sdk_condition(text)


@pytest.mark.parametrize(
    ("text", "condition"),
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
def test_events_are_meant_by_endpoint_by_action_or_by_condition(text: str, condition: str) -> None:
    assert event_condition(text, {"is_bot", "status"}) == condition


def test_cohorts_are_alternatives_or_taken_away() -> None:
    assert cohort_condition("vip") == "cohort('vip')"
    assert cohort_condition("vip, new,!old") == (
        "(cohort('vip') OR cohort('new')) AND NOT coalesce(cohort('old'), false)"
    )
    with pytest.raises(UsageError, match="--cohort names no cohort"):
        cohort_condition(" , ")
