"""Who is found to have called, by which rule, and what of it is stored."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apilens.config import IdentityRule, Settings
from apilens.enrich import asked, enrich
from apilens.enrich.base import Context
from apilens.enrich.keyed_hash import key_id, keyed_hashes
from apilens.enrich.tokens import claim_of, claims

KEY = b"k" * 32
IDENTITY = [
    "account",
    "account_source",
    "account_verified",
    "user",
    "api_key",
    "session",
    "auth_scheme",
    "auth_failure",
]
NOON = pl.Series(["2026-11-01T12:00:00"]).str.to_datetime(time_unit="us", time_zone="UTC")[0]


def identified(
    columns: dict[str, list[Any]],
    settings: Settings,
    *,
    account: Sequence[IdentityRule] = (),
) -> dict[str, list[Any]]:
    """Return the identity columns of events that have these columns."""
    frame = pl.DataFrame(columns)
    numbered = frame.with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("line"),
        pl.lit(0, dtype=pl.Int32).alias("item"),
        pl.lit(NOON).alias("timestamp"),
    )
    context = Context(settings, KEY, labels={"source": "a.log", "format": "x"}, account=tuple(account))
    return enrich(numbered, context, columns=IDENTITY).to_dict(as_series=False)


def token(**payload: Any) -> str:
    """Return a JSON Web Token with these claims and no valid signature."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256"}, payload)]
    return ".".join(
        [
            *(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts),
            "sig",
        ]
    )


def test_the_first_rule_that_gives_a_value_wins_and_is_named() -> None:
    rules = (
        IdentityRule(field="company.id"),
        IdentityRule(header="X-Account-Id"),
        IdentityRule(query="account"),
        IdentityRule(path="/tenants/{account}"),
    )
    columns = {
        "raw_field.company.id": ["c1", "", None, "-", None, None],
        "raw_header.x-account-id": ["h1", "h2", None, "", "-", None],
        "raw_target": [
            "/?account=q1",
            "/",
            "/?x=1&account=q%203",
            "/tenants/t4/orders?account=",
            "/tenants/t%205",
            "/x",
        ],
        "raw_remote_user": [None, None, None, None, None, "r6"],
    }

    found = identified(columns, Settings(account=rules))

    assert found["account"] == ["c1", "h2", "q 3", "t4", "t 5", "r6"]
    assert found["account_source"] == [
        "field:company.id", "header:x-account-id", "query:account",
        "path:/tenants/{account}", "path:/tenants/{account}", "remote_user",
    ]  # fmt: skip


def test_without_rules_the_formats_own_apply_then_what_it_states_then_the_remote_user() -> None:
    columns = {
        "raw_field.org": ["o1", None, None, None],
        "account": ["a1", "a2", None, None],
        "raw_remote_user": ["r1", "r2", "r3", "-"],
    }

    found = identified(columns, Settings(), account=[IdentityRule(field="org")])

    assert found["account"] == ["o1", "a2", "r3", None]
    assert found["account_source"] == ["field:org", "format", "remote_user", None]


def test_settings_replace_the_formats_own_rules() -> None:
    columns = {"raw_field.org": ["o1"], "raw_field.team": ["t1"]}

    found = identified(
        columns,
        Settings(account=(IdentityRule(field="team"),)),
        account=[IdentityRule(field="org")],
    )

    assert found["account"] == ["t1"]


def test_remote_user_keeps_its_place_among_the_rules() -> None:
    rules = (IdentityRule(remote_user=True), IdentityRule(field="org"))

    found = identified(
        {"raw_field.org": ["o1", "o2"], "raw_remote_user": ["r1", None]},
        Settings(account=rules),
    )

    assert found["account"] == ["r1", "o2"]


def test_without_anything_an_account_is_null() -> None:
    found = identified({"raw_target": ["/x", None]}, Settings())

    assert found == {name: [None, None] for name in IDENTITY}


@pytest.mark.parametrize(
    ("path", "target", "account"),
    [
        (1, "/acme/orders", "acme"),
        (2, "/v1/acme?x=/no", "acme"),
        (3, "/v1/acme", None),
        (1, "https://api.example.com/acme/orders", "acme"),
        ("/tenants/{account}/*", "/tenants/acme/orders/7", "acme"),
        ("/tenants/{account}/*", "/tenants/acme", "acme"),
        ("/tenants/{account}", "/other/tenants/acme", None),
        ("/*/{account}/orders", "/v2/acme/orders?page=2", "acme"),
        ("/*/{account}/orders", "/v2/acme/invoices", None),
        ("/t-{account}/x.y", "/t-acme/x.y", "acme"),
        ("/t-{account}/x.y", "/t-acme/xzy", None),
    ],
)
def test_path_rules(path: str | int, target: str, account: str | None) -> None:
    assert identified({"raw_target": [target]}, Settings(account=(IdentityRule(path=path),)))["account"] == [account]


def test_a_query_rule_reads_that_parameter_alone() -> None:
    columns = {
        "raw_target": [
            "/?my.account=a+b&x=1",
            "/?xmy.account=2",
            "/?myxaccount=3",
            "/?x=1&my.account=%C3%A9#4",
        ]
    }

    assert identified(columns, Settings(account=(IdentityRule(query="my.account"),)))["account"] == [
        "a b",
        None,
        None,
        "é",
    ]


def test_a_claim_of_a_token_names_the_account() -> None:
    good = token(sub="acme", org={"id": 7}, **{"https://x.io/tenant": "t"})
    columns = {
        "raw_header.authorization": [
            f"Bearer {good}",
            f"bearer {good}",
            "Basic YTpi",
            "Bearer a.b.c",
            None,
            "",
        ]
    }

    for claim, value in (
        ("sub", "acme"),
        ("org.id", "7"),
        ("https://x.io/tenant", "t"),
        ("org", None),
    ):
        found = identified(columns, Settings(account=(IdentityRule(jwt=claim),)))
        assert found["account"] == [value, value, None, None, None, None]


def test_a_token_may_come_in_another_header() -> None:
    rule = IdentityRule(jwt="sub", from_="X-Token")

    assert identified({"raw_header.x-token": [token(sub="acme")]}, Settings(account=(rule,)))["account"] == ["acme"]


@hypothesis_settings(max_examples=200)
@given(st.one_of(st.text(max_size=60), st.text(max_size=40).map(lambda text: f"a.{text}.c"), st.binary(max_size=40).map(
    lambda data: f"a.{base64.urlsafe_b64encode(data).decode()}.c")))  # fmt: skip
def test_any_text_has_claims_or_none(text: str) -> None:
    assert isinstance(claims(text), dict)
    assert claim_of(text, "sub") is None or isinstance(claim_of(text, "sub"), str)


def test_a_deeply_nested_token_is_no_token() -> None:
    bomb = base64.urlsafe_b64encode(b"[" * 9000).decode()

    assert claims(f"a.{bomb}.c") == {}


def test_an_account_from_a_secret_place_is_a_keyed_hash() -> None:
    columns = {
        "raw_header.x-api-key": ["sk-1", None],
        "raw_target": ["/", "/?access_token=t2"],
    }
    rules = (IdentityRule(header="X-Api-Key"), IdentityRule(query="access_token"))

    found = identified(columns, Settings(account=rules))

    assert found["account"] == [key_id("sk-1", KEY), key_id("t2", KEY)]
    assert found["account_source"] == ["header:x-api-key", "query:access_token"]


def test_keys_and_sessions_are_always_hashed() -> None:
    settings = Settings(api_key=(IdentityRule(header="X-Id"),), session=(IdentityRule(field="visit"),))
    columns = {
        "raw_header.x-id": ["a", None],
        "api_key": [None, "b"],
        "raw_field.visit": ["v", None],
        "session": ["w", "w"],
    }

    found = identified(columns, settings)

    assert found["api_key"] == [key_id("a", KEY), key_id("b", KEY)]
    assert found["session"] == [key_id("v", KEY), key_id("w", KEY)]
    assert found["auth_scheme"] == ["key", "key"]


def test_an_email_is_hashed_unless_allowed() -> None:
    columns = {
        "raw_remote_user": ["bob@example.com", "acme"],
        "raw_field.user.email": ["eve@example.com", None],
    }
    user = (IdentityRule(field="user.email"),)

    hidden = identified(columns, Settings(user=user))
    shown = identified(columns, Settings(user=user, allow_email=True))

    assert hidden["account"] == [key_id("bob@example.com", KEY), "acme"]
    assert re.fullmatch("k_[a-z2-7]{16}", hidden["user"][0])
    assert shown["account"] == ["bob@example.com", "acme"]
    assert shown["user"] == ["eve@example.com", None]


def test_a_refused_account_is_not_verified_unless_a_gateway_states_it() -> None:
    columns = {
        "status": pl.Series([200, 401, 403, 404, None, 401, 401], dtype=pl.Int16).to_list(),
        "account": [None, None, None, None, None, "g", None],
        "raw_remote_user": ["a", "a", "a", "a", "a", "a", None],
    }

    found = identified(columns, Settings())

    assert found["account_verified"] == [True, False, False, True, True, True, None]
    assert found["auth_failure"] == [None, "invalid", "forbidden", None, None, "invalid", None]


def test_an_expired_token_is_why_a_request_was_refused() -> None:
    noon = int(NOON.timestamp())
    headers = [
        token(exp=noon - 1),
        token(exp=noon + 1),
        token(exp=10**30),
        token(sub="x"),
        "x",
        None,
    ]
    columns = {
        "status": [401] * 6,
        "raw_header.authorization": [header and f"Bearer {header}" for header in headers],
    }

    found = identified(columns, Settings(account=(IdentityRule(jwt="sub"),)))

    assert found["auth_failure"] == ["expired", "invalid", "invalid", "invalid", "invalid", "missing"]
    assert found["auth_scheme"] == ["bearer"] * 5 + [None]


def test_a_word_before_a_credential_is_no_scheme_unless_known() -> None:
    headers = ["Basic YTpi", "Hunter2IsMyKey ignore", "Hunter2IsMyKey", "  ", ""]

    found = identified({"raw_header.authorization": headers}, Settings())

    assert found["auth_scheme"] == ["basic", "other", "other", None, None]


def test_hashes_depend_on_the_key_and_nothing_else() -> None:
    values = pl.Series(["a", None, "b", "a"])

    hashes = keyed_hashes(values, KEY)

    assert hashes.to_list() == [
        key_id("a", KEY),
        None,
        key_id("b", KEY),
        key_id("a", KEY),
    ]
    assert re.fullmatch("k_[a-z2-7]{16}", hashes[0])
    assert not set(hashes.drop_nulls()) & set(keyed_hashes(values, b"j" * 32).drop_nulls())


def test_what_is_asked_of_the_format() -> None:
    settings = Settings(
        account=(IdentityRule(field="org.id"), IdentityRule(header="X-Org")),
        user=(IdentityRule(jwt="sub"),),
        session=(IdentityRule(jwt="sid", from_="X-Token"),),
    )

    assert asked(settings, [IdentityRule(field="not used")]) == (
        frozenset({"x-org", "authorization", "x-token"}),
        frozenset({"www-authenticate", "grpc-status", "deprecation", "sunset"}),
        frozenset({"org.id"}),
    )  # fmt: skip
    assert asked(Settings(), [IdentityRule(field="org")]).fields == {"org"}
