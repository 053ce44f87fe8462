"""Who called: account, user, API key and session, each by a chain of rules; the first that gives a value wins.

Behind the rules comes what the format itself states, and for the account the remote user. API keys and sessions, and
what a rule takes from a place whose name says secret (`header: x-api-key`), are stored as keyed hashes. Values that
look like a secret or an e-mail address are hashed when everything else is redacted. `raw_key` and `raw_user` are for
the rules of the account alone: no column that begins with `raw_` is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from apilens.config import Settings
from apilens.enrich.base import Context, Step
from apilens.enrich.identity_rules import asked_by, find, read_by, rule_name
from apilens.enrich.identity_secrets import hidden
from apilens.enrich.key_table import UNKNOWN_KEY
from apilens.enrich.keyed_hash import keyed_hashes
from apilens.identity_rule import IdentityRule

__all__ = [
    "ACCOUNT",
    "API_KEY",
    "FORMAT_SOURCE",
    "REMOTE_USER_RULE",
    "SESSION",
    "UNKNOWN_KEY_SOURCE",
    "USER",
    "asked_by",
    "rules_of",
]

REMOTE_USER_RULE = IdentityRule(remote_user=True)
# The format itself states it: a gateway that knows its customers.
FORMAT_SOURCE = "format"
# The group of keys that are in no table is told apart from the table's own accounts.
UNKNOWN_KEY_SOURCE = "unknown_key"
_NONE = ("", "-")

# A rule's name, and what it finds.
Found = tuple[str, pl.Series]


def rules_of(settings: Settings, account: Sequence[IdentityRule]) -> list[IdentityRule]:
    """Return every identity rule in force; `account` holds the format's own rules for the account."""
    return [*(settings.account or account), *settings.user, *settings.api_key, *settings.session]


def _find_all(frame: pl.DataFrame, rules: Sequence[IdentityRule], given: str, context: Context) -> list[Found]:
    """Return what each rule finds, then what the format states in the column `given`; nothing is hidden yet."""
    found = []
    for rule in rules:
        values = find(frame, rule, context.lookups)
        if values is not None:
            # The colon tells that a user name of HTTP Basic is a key.
            found.append((rule_name(rule), values.str.strip_suffix(":") if rule.basic else values))
    if given in frame.columns:
        found.append((FORMAT_SOURCE, frame[given]))
    return found


def _first(found: Sequence[Found], height: int) -> tuple[pl.Series, pl.Series]:
    """Return the first value in each row, and the name of the rule that found it."""
    nothing = pl.repeat(None, height, dtype=pl.String, eager=True)
    identity, source = nothing, nothing
    for name, values in found:
        missing = identity.is_null()
        real = values.set(values.is_in(_NONE), None)
        source = pl.select(pl.when(missing & real.is_not_null()).then(pl.lit(name)).otherwise(source)).to_series()
        identity = pl.select(pl.when(missing).then(real).otherwise(identity)).to_series()
    return identity, source


def _hidden_all(frame: pl.DataFrame, rules: Sequence[IdentityRule], context: Context) -> list[Found]:
    """Return what each rule finds as it may be stored; behind the last table of keys, the group of unknown ones."""
    found = []
    last_keys = max((at for at, rule in enumerate(rules) if rule.api_key), default=None)
    for at, rule in enumerate(rules):
        values = find(frame, rule, context.lookups)
        if values is not None:
            found.append((rule_name(rule), hidden(frame, rule, values, context)))
        if at == last_keys and "raw_key" in frame.columns:
            known = pl.when(pl.col("raw_key").is_not_null()).then(pl.lit(UNKNOWN_KEY))
            found.append((UNKNOWN_KEY_SOURCE, frame.select(known).to_series()))
    return found


def _account(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    rules = context.settings.account or context.account
    found = _hidden_all(frame, rules, context)
    if "account" in frame.columns:
        found.append((FORMAT_SOURCE, frame["account"]))
    if REMOTE_USER_RULE not in rules and "raw_remote_user" in frame.columns:
        found.append((rule_name(REMOTE_USER_RULE), frame["raw_remote_user"]))
    account, source = _first(found, frame.height)
    refused = pl.col("status").is_in([401, 403]).fill_null(False) if "status" in frame.columns else pl.lit(False)
    named = frame.with_columns(account.alias("account"), source.alias("account_source"))
    # A gateway that states the account, as its format knows, vouches for it, whatever the server behind it answers.
    stated = [FORMAT_SOURCE, *(() if context.settings.account else map(rule_name, context.account))]
    verified = ~refused | pl.col("account_source").is_in(stated)
    known = pl.when(pl.col("account").is_not_null()).then(verified)
    return named.with_columns(known.alias("account_verified"))


def _user(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    rules = context.settings.user
    stated = [(FORMAT_SOURCE, frame["user"])] if "user" in frame.columns else []
    user, _ = _first([*_hidden_all(frame, rules, context), *stated], frame.height)
    if any(rule.users for rule in context.settings.account):
        raw, _ = _first(_find_all(frame, rules, "user", context), frame.height)
        frame = frame.with_columns(raw.alias("raw_user"))
    return frame.with_columns(user.alias("user"))


def _secret(name: str, raw: str) -> Callable[[pl.DataFrame, Context], pl.DataFrame]:
    """Return what finds a secret by its chain: `raw` is the secret, `name` its keyed hash."""

    def apply(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
        found, _ = _first(_find_all(frame, getattr(context.settings, name), name, context), frame.height)
        return frame.with_columns(found.alias(raw), keyed_hashes(found, context.hash_key).alias(name))

    return apply


def _reads(name: str) -> Callable[[Settings], Sequence[str]]:
    return lambda settings: [column for rule in getattr(settings, name) for column in read_by(rule)]


_RAW = ("raw_target", "raw_remote_user")
ACCOUNT = Step(
    "account",
    reads=("account", "status", *_RAW),
    makes=("account", "account_source", "account_verified"),
    apply=_account,
    also=_reads("account"),
)
USER = Step("user", reads=("user", *_RAW), makes=("user", "raw_user"), apply=_user, also=_reads("user"))
API_KEY = Step(
    "api key",
    reads=("api_key", *_RAW),
    makes=("api_key", "raw_key"),
    apply=_secret("api_key", "raw_key"),
    also=_reads("api_key"),
)
SESSION = Step(
    "session",
    reads=("session", *_RAW),
    makes=("session",),
    apply=_secret("session", "raw_session"),
    also=_reads("session"),
)
