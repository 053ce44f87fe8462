"""Why a request's credentials were refused, as far as the log says it."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from apilens.config import Settings
from apilens.enrich import enrich
from apilens.enrich.base import Context
from apilens.identity_rule import IdentityRule

AUTHORIZATION = "raw_header.authorization"
CHALLENGE = "raw_response_header.www-authenticate"


def failure(columns: dict[str, Any], settings: Settings = Settings()) -> str | None:  # noqa: B008 - frozen
    """Return the auth_failure of an event with these columns, next to one that has credentials."""
    other = dict.fromkeys(columns) | {AUTHORIZATION: "Bearer x", "status": 200}
    rows = [{AUTHORIZATION: None, **columns}, other]
    texts = dict.fromkeys(rows[0], pl.String)
    frame = pl.DataFrame(rows, schema={**texts, "status": pl.Int16}).with_columns(
        pl.lit(1, dtype=pl.Int64).alias("line"),
        pl.lit(0, dtype=pl.Int32).alias("item"),
        pl.lit("2026-11-01T12:00:00Z").str.to_datetime(time_unit="us", time_zone="UTC").alias("timestamp"),
    )
    made = enrich(frame, Context(settings, b"k" * 32), columns=["auth_failure"])["auth_failure"].to_list()
    assert made[1] is None
    return made[0]


@pytest.mark.parametrize(
    ("challenge", "expected"),
    [
        ('Bearer realm="x"', "missing"),
        ('Bearer realm="x", error="invalid_token"', "invalid"),
        ('Bearer error="invalid_token", error_description="The token expired"', "expired"),
        ('Bearer error="insufficient_scope", scope="admin"', "forbidden"),
        ('Basic realm="x"', "invalid"),
        (None, "invalid"),
    ],
)
def test_the_challenge_says_why(challenge: str | None, expected: str) -> None:
    columns = {"status": 401, AUTHORIZATION: "Bearer x", CHALLENGE: challenge}

    assert failure(columns) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("token_expired", "expired"), ("ExpiredToken", "expired"), ("invalid_api_key", "invalid"),
        ("InvalidSignatureException", "invalid"), ("SignatureDoesNotMatch", "invalid"), ("UnknownApiKey", "invalid"),
        ("missing_authorization_header", "missing"), ("login_required", "missing"), ("NoCredentials", "missing"),
        ("insufficient_scope", "forbidden"),
        # What is not about credentials says nothing of them.
        ("invalid_field", "forbidden"), ("NotAuthorized", "forbidden"), (None, "forbidden"),
    ],
)  # fmt: skip
def test_the_error_code_says_why(code: str | None, expected: str) -> None:
    assert failure({"status": 403, AUTHORIZATION: "Bearer x", "error_code": code}) == expected


def test_whether_credentials_came_says_why_where_nothing_else_does() -> None:
    key = Settings(api_key=(IdentityRule(header="x-key"),))

    assert failure({"status": 401, AUTHORIZATION: "Bearer x"}) == "invalid"
    assert failure({"status": 401, AUTHORIZATION: None}) == "missing"
    assert failure({"status": 401, AUTHORIZATION: "-"}) == "missing"
    assert failure({"status": 401, "raw_remote_user": "ann"}) == "invalid"
    assert failure({"status": 401, "raw_header.x-key": "k"}, key) == "invalid"
    assert failure({"status": 401, "raw_header.x-key": None}, key) == "missing"
    assert failure({"status": 200}) is None
    assert failure({"status": 404, AUTHORIZATION: None, "error_code": "token_expired"}) is None


def test_a_log_that_never_shows_credentials_does_not_say_that_they_were_missing() -> None:
    frame = pl.DataFrame({"status": pl.Series([401, 401], dtype=pl.Int16), AUTHORIZATION: [None, None]}).with_columns(
        pl.col(AUTHORIZATION).cast(pl.String),
        pl.int_range(1, 3, dtype=pl.Int64).alias("line"),
        pl.lit(0, dtype=pl.Int32).alias("item"),
        pl.lit("2026-11-01T12:00:00Z").str.to_datetime(time_unit="us", time_zone="UTC").alias("timestamp"),
    )

    made = enrich(frame, Context(Settings(), b"k" * 32), columns=["auth_failure"])

    assert made["auth_failure"].to_list() == [None, None]
