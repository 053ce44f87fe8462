"""What of a found identity may be stored as it is: secrets become keyed hashes, so that two of them stay two."""

from __future__ import annotations

import re

import polars as pl

from apilens.enrich.base import Context
from apilens.enrich.identity_rules import text_of
from apilens.enrich.keyed_hash import keyed_hashes
from apilens.enrich.mapping import map_distinct
from apilens.enrich.redact import redact_texts
from apilens.enrich.secret_names import is_secret_name
from apilens.enrich.secret_shapes import change_where
from apilens.enrich.secret_tokens import redact_tokens
from apilens.identity_rule import IdentityRule, place_of

# The word in front of the account's group: `token=(?P<account>…)`.
_BEFORE_GROUP = re.compile(r"([A-Za-z][\w.-]*)(?:\\s|\W)*\(\?P?<account>")
_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s.]+$"


def hidden(frame: pl.DataFrame, rule: IdentityRule, values: pl.Series, context: Context) -> pl.Series:
    """Return what a rule found in each row, secrets as keyed hashes.

    Secret is what stands under a secret name, or where settings look for keys and sessions; a user name of HTTP Basic
    that is a key; and what a regex takes out of a text from where redaction would take it away.
    """
    if rule.basic:
        return map_distinct(values, lambda names: _basic_names(names, context))
    if _names_secret(rule, context):
        return keyed_hashes(values.set(values.is_in(["", "-"]), None), context.hash_key)
    if rule.regex is not None:
        text = text_of(frame, rule)
        return values if text is None else _not_redacted(text, values, context)
    return values


def _basic_names(names: pl.Series, context: Context) -> pl.Series:
    plain = names.str.strip_suffix(":")
    is_key = names.str.ends_with(":") | (redact_tokens(plain) != plain)
    return change_where(plain, is_key, lambda keys: keyed_hashes(keys, context.hash_key))


def _not_redacted(texts: pl.Series, values: pl.Series, context: Context) -> pl.Series:
    redacted = redact_tokens(redact_texts(texts, context.settings.redact))
    rows = pl.DataFrame({"text": redacted, "value": values})
    gone = rows.select(~pl.col("text").str.contains(pl.col("value"), literal=True)).to_series()
    if context.settings.allow_email:
        gone &= ~values.str.contains(_EMAIL)
    return change_where(values, gone.fill_null(False), lambda secrets: keyed_hashes(secrets, context.hash_key))


def _names_secret(rule: IdentityRule, context: Context) -> bool:
    settings = context.settings
    if rule.jwt is None and _where(rule) in map(_where, (*settings.api_key, *settings.session)):
        return True
    name = rule.header or rule.query or (rule.field or rule.column or "").rpartition(".")[2]
    if rule.join is not None:
        before = _BEFORE_GROUP.search(rule.join.regex or "")
        name = before[1] if before else (rule.join.account or "").rpartition(".")[2]
    if not name or (settings.allow_email and "mail" in name.lower()):
        return False
    return bool(is_secret_name(pl.Series([name]), settings.redact)[0])


def _where(rule: IdentityRule) -> tuple[str, str]:
    place = place_of(rule)
    value = str(getattr(rule, place))
    return place, value.lower() if place == "header" else value
