"""Who called: account, user, API key and session, each by a chain of rules; the first that gives a value wins."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from apilens.config import IdentityRule, Settings
from apilens.enrich.base import Context, Step
from apilens.enrich.keyed_hash import keyed_hashes
from apilens.enrich.mapping import map_distinct_python
from apilens.enrich.secret_names import is_secret_name
from apilens.enrich.tokens import claim_of, unquoted

_REMOTE_USER = IdentityRule(remote_user=True)
_EMAIL = r"^[^@\s]+(?:@|%40)[^@\s]+\.[A-Za-z]{2,}$"
_NONE = ("", "-")


def rule_name(rule: IdentityRule) -> str:
    """Return how account_source names a rule: `header:x-account-id`, `jwt:sub`, `remote_user`."""
    if rule.remote_user:
        return "remote_user"
    for kind in ("field", "header", "query", "jwt", "path"):
        value = getattr(rule, kind)
        if value is not None:
            return f"{kind}:{value.lower() if kind == 'header' else value}"
    raise AssertionError("an identity rule names one place")


def asked_by(rule: IdentityRule) -> tuple[str | None, str | None]:
    """Return the request header and the field that a rule needs from the format."""
    header = rule.header or (rule.from_ or "authorization" if rule.jwt else None)
    return header.lower() if header else None, rule.field


def find(frame: pl.DataFrame, rule: IdentityRule) -> pl.Series | None:
    """Return what a rule finds in each row, or None where the source has nothing of the kind."""
    header, field = asked_by(rule)
    if rule.remote_user:
        return _column(frame, "raw_remote_user")
    if rule.jwt:
        tokens = _column(frame, f"raw_header.{header}")
        return None if tokens is None else map_distinct_python(tokens, lambda token: claim_of(token, rule.jwt or ""))
    if header:
        return _column(frame, f"raw_header.{header}")
    if field:
        return _column(frame, f"raw_field.{field}")
    targets = _column(frame, "raw_target")
    if targets is None:
        return None
    if rule.query:
        values = targets.str.extract(rf"[?&]{re.escape(rule.query)}=([^&#]*)")
        return map_distinct_python(values, unquoted)
    return map_distinct_python(targets.str.extract(path_regex(rule.path or 1)), unquoted)


def path_regex(path: str | int) -> str:
    """Return a regex whose first group is the account in a path: its n-th segment, or the `{account}` of a template."""
    if isinstance(path, int):
        return rf"^(?:/[^/?#]*){{{path - 1}}}/([^/?#]+)"
    before = path.partition("{account}")[0]
    parts = [{"*": "[^/?#]*"}.get(part, re.escape(part)) for part in re.split(r"(\*)", before)]
    return f"^{''.join(parts)}([^/?#]+)"


def _column(frame: pl.DataFrame, name: str) -> pl.Series | None:
    return frame[name] if name in frame.columns else None


def _first(
    frame: pl.DataFrame, rules: Sequence[IdentityRule], given: str, context: Context, *, hashed_as: str = ""
) -> tuple[pl.Series, pl.Series]:
    """Return the identity and the rule that found it; `given` is the column in which the format itself states it.

    hashed_as: the prefix of the keyed hash that takes the place of every value, for what is always a secret.
    """
    found = [
        (rule_name(rule), values, _is_secret(rule, context))
        for rule in rules
        if (values := find(frame, rule)) is not None
    ]
    if given in frame.columns:
        found.append(("format", frame[given], False))
    if given == "account" and _REMOTE_USER not in rules and "raw_remote_user" in frame.columns:
        found.append(("remote_user", frame["raw_remote_user"], False))
    columns, labels = {}, []
    for number, (name, values, secret) in enumerate(found):
        real = values.set(values.is_in(_NONE), None)
        columns[f"v{number}"] = _safe(real, hashed_as or ("k" if secret else ""), context)
        labels.append(pl.when(pl.col(f"v{number}").is_not_null()).then(pl.lit(name)))
    if not columns:
        empty = pl.Series([None] * frame.height, dtype=pl.String)
        return empty, empty
    picked = pl.DataFrame(columns).select(
        pl.coalesce(list(columns)).alias("value"), pl.coalesce(labels).alias("source")
    )
    return picked["value"], picked["source"]


def _is_secret(rule: IdentityRule, context: Context) -> bool:
    names = [rule.header or rule.query or (rule.field or "").rpartition(".")[2]]
    return bool(is_secret_name(pl.Series(names, dtype=pl.String), context.settings.redact)[0])


def _safe(values: pl.Series, hashed_as: str, context: Context) -> pl.Series:
    """Return identities that may be stored: a secret as its keyed hash, and an e-mail address too unless allowed."""
    if hashed_as:
        return keyed_hashes(values, context.hash_key, hashed_as)
    if context.settings.allow_email or not values.str.contains_any(["@", "%40"]).any():
        return values
    mails = values.str.contains(_EMAIL).fill_null(False).arg_true()
    return values.scatter(mails, keyed_hashes(values.gather(mails), context.hash_key)) if mails.len() else values


def _account(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    rules = context.settings.account or context.account
    account, source = _first(frame, rules, "account", context)
    verified = pl.when(pl.col("account").is_not_null()).then(
        ~pl.col("status").is_in([401, 403]).fill_null(False) if "status" in frame.columns else pl.lit(None, pl.Boolean)
    )
    named = frame.with_columns(account.alias("account"), source.alias("account_source"))
    return named.with_columns(verified.alias("account_verified"))


def _user(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    return frame.with_columns(_first(frame, context.settings.user, "user", context)[0].alias("user"))


def _api_key(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    keys, _ = _first(frame, context.settings.api_key, "api_key", context, hashed_as="k")
    return frame.with_columns(keys.alias("api_key"))


def _session(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    sessions, _ = _first(frame, context.settings.session, "session", context, hashed_as="s")
    return frame.with_columns(sessions.alias("session"))


_RAW = ("raw_target", "raw_remote_user", "raw_header.*", "raw_field.*")
ACCOUNT = Step(
    "account",
    reads=("account", "status", *_RAW),
    makes=("account", "account_source", "account_verified"),
    apply=_account,
)
USER = Step("user", reads=("user", *_RAW), makes=("user",), apply=_user)
API_KEY = Step("api key", reads=("api_key", *_RAW), makes=("api_key",), apply=_api_key)
SESSION = Step("session", reads=("session", *_RAW), makes=("session",), apply=_session)


def rules_of(settings: Settings, account: Sequence[IdentityRule]) -> list[IdentityRule]:
    """Return every identity rule in force; `account` holds the format's own rules for the account."""
    return [*(settings.account or account), *settings.user, *settings.api_key, *settings.session]
