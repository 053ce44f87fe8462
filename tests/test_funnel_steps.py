"""Steps as people write them."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from apilens.computed import condition
from apilens.errors import UsageError
from apilens.funnel_steps import Step, condition_of, parse_step, success_of
from apilens.schema import DTYPES
from tests.event_frames import event, events_of


@pytest.mark.parametrize(
    "text,step",
    [
        ("POST /signup", Step("POST /signup", "endpoint", "POST /signup")),
        ("/signup AS joined", Step("joined", "endpoint", "/signup")),
        ("GET /orders/{id}", Step("GET /orders/{id}", "endpoint", "GET /orders/{id}")),
        ("10+ successful calls", Step("10+ successful calls", "calls", "successful calls", 10)),
        ("3+ POST /a  (any status) AS tried", Step("tried", "endpoint", "POST /a", 3, True)),
        ("signed_in", Step("signed_in", "action", "signed_in")),
        ("Signed Up", Step("Signed Up", "action", "Signed Up")),
        ("account.created_at", Step("account.created_at", "action", "account.created_at")),
        ("status = 429 AS limited", Step("limited", "sql", "status = 429")),
        ("action IS NULL", Step("action IS NULL", "sql", "action IS NULL")),
    ],
)
def test_a_text_is_the_step_that_it_looks_like(text: str, step: Step) -> None:
    assert parse_step(text) == step


@pytest.mark.parametrize("text", ["", "   ", "0+ calls"])
def test_what_is_no_step_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_step(text)


def matched(text: str, rows: list[dict[str, Any]], errors: str | None = None) -> list[bool]:
    def compiled(sql: str) -> Any:
        found = condition(sql, DTYPES)
        return found.expr, found.columns

    success = success_of(compiled, errors)
    expr, must_succeed = condition_of(parse_step(text), compiled, success)
    whole = expr & success if must_succeed else expr
    frame = events_of(rows).select(whole.alias("is")).collect().to_native()
    return frame.select(pl.col("is").fill_null(False))["is"].to_list()


ROWS = [
    event(endpoint="POST /a.b", status=200),
    event(endpoint="POST /a.b", status=422),
    event(endpoint="POST /a.b", status=None),
    event(endpoint="POST /axb/{id}", status=200),
    event(endpoint=None, kind="action", action="signed_in", status=None),
]


@pytest.mark.parametrize(
    "text,hits",
    [
        ("POST /a.b", "1...."),
        ("post /a.b", "1...."),
        ("/a.b", "1...."),
        ("POST /a.*", "1...."),
        ("POST /*", "1..1."),
        ("* /axb/{id}", "...1."),
        ("GET /*", "....."),
        ("POST /a.b (any status)", "111.."),
        ("calls", "1..1."),
        ("calls (any status)", "1111."),
        ("signed_in", "....1"),
        ("signed_*", "....1"),
        ("endpoint LIKE 'POST%'", "1..1."),
        ("endpoint LIKE 'POST%' (any status)", "1111."),
        ("status = 422", ".1..."),
        ("kind = 'action'", "....1"),
    ],
)
def test_a_step_is_what_succeeds_unless_it_says_otherwise(text: str, hits: str) -> None:
    assert matched(text, ROWS) == [mark == "1" for mark in hits]


def test_success_is_what_the_settings_call_no_error() -> None:
    assert matched("POST /a.b", ROWS, errors="status >= 500") == [True, True, False, False, False]
