"""Who called: account, user, API key and session, each by a chain of rules; the first that gives a value wins.

Behind the rules comes what the format itself states, and for the account the remote user. API keys and sessions, and
what a rule takes from a place whose name says secret (`header: x-api-key`), are stored as keyed hashes. Values that
look like a secret or an e-mail address are hashed when everything else is redacted.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from apilens.config import IdentityRule, Settings
from apilens.enrich.base import Context, Step
from apilens.enrich.identity_rules import asked_by, find, rule_name
from apilens.enrich.keyed_hash import keyed_hashes
from apilens.enrich.secret_names import is_secret_name

__all__ = ["ACCOUNT", "API_KEY", "SESSION", "USER", "asked_by", "rules_of"]

_REMOTE_USER = IdentityRule(remote_user=True)
# The format itself states it: a gateway that knows its customers.
_FORMAT = "format"
_NONE = ("", "-")


def rules_of(settings: Settings, account: Sequence[IdentityRule]) -> list[IdentityRule]:
    """Return every identity rule in force; `account` holds the format's own rules for the account."""
    return [*(settings.account or account), *settings.user, *settings.api_key, *settings.session]


def _first(
    frame: pl.DataFrame, rules: Sequence[IdentityRule], given: str, context: Context, *, hashed: bool = False
) -> tuple[pl.Series, pl.Series]:
    """Return the identity and the name of the rule that found it; the format itself states it in the column `given`."""
    found = [
        (rule_name(rule), values, hashed or _names_secret(rule, context))
        for rule in rules
        if (values := find(frame, rule)) is not None
    ]
    if given in frame.columns:
        found.append((_FORMAT, frame[given], hashed))
    if given == "account" and _REMOTE_USER not in rules and "raw_remote_user" in frame.columns:
        found.append((rule_name(_REMOTE_USER), frame["raw_remote_user"], False))
    nothing = pl.repeat(None, frame.height, dtype=pl.String, eager=True)
    identity, source = nothing, nothing
    for name, values, secret in found:
        real = values.set(values.is_in(_NONE), None)
        real = keyed_hashes(real, context.hash_key) if secret else real
        missing = identity.is_null()
        source = pl.select(pl.when(missing & real.is_not_null()).then(pl.lit(name)).otherwise(source)).to_series()
        identity = pl.select(pl.when(missing).then(real).otherwise(identity)).to_series()
    return identity, source


def _names_secret(rule: IdentityRule, context: Context) -> bool:
    name = rule.header or rule.query or (rule.field or "").rpartition(".")[2]
    if context.settings.allow_email and "mail" in name.lower():
        return False
    return bool(is_secret_name(pl.Series([name]), context.settings.redact)[0])


def _account(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    account, source = _first(frame, context.settings.account or context.account, "account", context)
    refused = pl.col("status").is_in([401, 403]).fill_null(False) if "status" in frame.columns else pl.lit(False)
    named = frame.with_columns(account.alias("account"), source.alias("account_source"))
    # A gateway that states the account vouches for it, whatever the server behind it answers.
    verified = ~refused | (pl.col("account_source") == _FORMAT)
    known = pl.when(pl.col("account").is_not_null()).then(verified)
    return named.with_columns(known.alias("account_verified"))


def _user(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    return frame.with_columns(_first(frame, context.settings.user, "user", context)[0].alias("user"))


def _api_key(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    keys, _ = _first(frame, context.settings.api_key, "api_key", context, hashed=True)
    return frame.with_columns(keys.alias("api_key"))


def _session(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    sessions, _ = _first(frame, context.settings.session, "session", context, hashed=True)
    return frame.with_columns(sessions.alias("session"))


_RAW = ("raw_target", "raw_remote_user")
ACCOUNT = Step(
    "account",
    reads=("account", "status", *_RAW),
    makes=("account", "account_source", "account_verified"),
    apply=_account,
)
USER = Step("user", reads=("user", *_RAW), makes=("user",), apply=_user)
API_KEY = Step("api key", reads=("api_key", *_RAW), makes=("api_key",), apply=_api_key)
SESSION = Step("session", reads=("session", *_RAW), makes=("session",), apply=_session)
