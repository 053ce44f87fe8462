"""What the bodies of errors say by the conventions of APIs, and what becomes of them."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apilens.body_shape import MOST_BYTES
from apilens.config import Settings
from apilens.enrich import enrich
from apilens.enrich.base import Context
from apilens.enrich.error_body import error_in
from apilens.error_settings import ErrorPaths


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"error": {"code": "missing_field", "field": "user_id"}}, "missing_field", "user_id"),
        ({"error": "invalid_grant", "error_description": "…"}, "invalid_grant", None),
        ({"error": "The user does not exist", "code": 1001}, "1001", None),
        ({"code": "bad", "field": "a.b"}, "bad", "a.b"),
        ({"errors": [{"code": "e1", "field": "f1"}]}, "e1", "f1"),
        ({"type": "validation", "missing": ["user_id"]}, "validation", "user_id"),
        ({"error": {"message": 'use \\d "x"', "type": "card"}}, "card", None),
        # RFC 9457
        ({"type": "https://example.com/probs/out-of-credit", "title": "…", "status": 403}, "out-of-credit", None),
        ({"type": "about:blank", "status": 404}, None, None),
        ({"type": "https://x.io/e#bad", "errors": [{"pointer": "#/user/age"}]}, "bad", "user.age"),
        ({"type": "/e/v", "invalid-params": [{"name": "age", "reason": "…"}]}, "/e/v", "age"),
        # JSON:API
        ({"errors": [{"code": "123", "source": {"pointer": "/data/attributes/title"}}]}, "123", "title"),
        ({"errors": [{"status": "422", "source": {"parameter": "include"}}]}, None, "include"),
        # FastAPI, pydantic 1 and 2
        ({"detail": [{"loc": ["body", "user_id"], "type": "value_error.missing"}]}, "value_error.missing", "user_id"),
        ({"detail": [{"type": "missing", "loc": ["body", "items", 3, "price"]}]}, "missing", "items.price"),
        ({"detail": [{"type": "missing", "loc": ["query", "q"]}]}, "missing", "q"),
        ({"detail": "Not Found"}, None, None),
        # Rails
        ({"errors": {"email": ["has already been taken"], "name": ["…"]}}, None, "email"),
        ({"errors": {"base": ["…"], "name": ["…"]}}, None, "name"),
        # Stripe, OpenAI
        ({"error": {"type": "card_error", "code": "card_declined", "param": "number"}}, "card_declined", "number"),
        ({"error": {"type": "invalid_request", "param": "items[0][price]"}}, "invalid_request", "items[price]"),
        ({"error": {"code": None, "type": "t", "param": "a.0.b"}}, "t", "a.b"),
        # google.rpc
        (
            {"error": {"code": 400, "status": "INVALID_ARGUMENT",
                       "details": [{"@type": "…", "fieldViolations": [{"field": "name"}]}]}},
            "INVALID_ARGUMENT", "name",
        ),
        ({"code": 5, "message": "…", "details": []}, "NOT_FOUND", None),
        # AWS
        ({"__type": "com.amazon.coral.service#ThrottlingException"}, "ThrottlingException", None),
        # An error that says no more than its status
        ({"code": 422, "message": "…"}, None, None),
        ({"error": True, "code": False}, None, None),
        ([{"errorCode": "E_1", "fields": ["Name"]}], "E_1", "Name"),
        ([1], None, None),
        ("plain text", None, None),
        (json.dumps({"code": "inner"}), "inner", None),
        (None, None, None),
    ],
)  # fmt: skip
def test_error_bodies_name_their_code_and_field(body: Any, code: str | None, field: str | None) -> None:
    assert error_in(json.dumps(body), status=422, paths=ErrorPaths()) == (code, field)


def test_graphql_reports_errors_with_status_200() -> None:
    error = {"message": "…", "path": ["user", 0, "orders"], "extensions": {"code": "FORBIDDEN"}}

    for body, named in (
        ({"data": None, "errors": [error]}, ("FORBIDDEN", "user.orders")),
        ({"errors": [{"message": "…", "locations": []}]}, (None, None)),
        # No GraphQL: successes name no error, whatever else is called so.
        ({"errors": [{"code": "x", "field": "y"}]}, (None, None)),
        ({"code": "ok", "field": "x"}, (None, None)),
        ({"data": {}, "errors": []}, (None, None)),
    ):
        assert error_in(json.dumps(body), status=200, paths=ErrorPaths()) == named


def test_configured_paths_come_first() -> None:
    paths = ErrorPaths(code=("fault.id",), field=("fault.on[0]",))
    body = {"code": "general", "field": "f", "fault": {"id": "special", "on": ["x"]}}

    assert error_in(json.dumps(body), status=400, paths=paths) == ("special", "x")
    assert error_in('{"code": "general"}', status=400, paths=paths) == ("general", None)


@given(st.text(max_size=80) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["error", "errors", "code", "detail", "type", "loc", "path", "field"]), inner),
    max_leaves=15,
).map(json.dumps), st.none() | st.integers(100, 599))  # fmt: skip
def test_any_body_names_something_short_or_nothing(body: str, status: int | None) -> None:
    code, field = error_in(body, status=status, paths=ErrorPaths())

    assert code is None or 0 < len(code) <= 64
    assert field is None or 0 < len(field) <= 128


def test_what_is_too_long_or_too_deep_says_nothing() -> None:
    for body in ("[" * 60_000, '{"code": "x", "a": "' + "a" * MOST_BYTES + '"}', '{"code": "\\ud800"}'):
        assert error_in(body, status=400, paths=ErrorPaths()) == (None, None)


def test_what_the_format_states_comes_before_the_body_and_grpc() -> None:
    frame = pl.DataFrame(
        {
            "line": [1, 2, 3, 4],
            "item": pl.Series([0] * 4, dtype=pl.Int32),
            "timestamp": pl.Series(["2026-11-01T12:00:00"] * 4).str.to_datetime(time_unit="us", time_zone="UTC"),
            "status": pl.Series([400, 400, 200, None], dtype=pl.Int16),
            "error_code": ["stated", None, None, None],
            "raw_error_body": ['{"code": "body", "field": "f"}', '{"code": "body", "field": "f"}', None, None],
            "raw_response_header.grpc-status": [None, "3", "16", "0"],
        }
    )

    found = enrich(frame, Context(Settings(), b"k" * 32), columns=["error_code", "error_field"])

    assert found.rows() == [("stated", "f"), ("body", "f"), ("UNAUTHENTICATED", None), (None, None)]
