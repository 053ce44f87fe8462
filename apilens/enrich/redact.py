"""Targets, referrers and user agents as they may be stored: without secrets, and without the values of a query."""

from __future__ import annotations

from typing import Any

import polars as pl

from apilens.config import RedactSettings, Settings
from apilens.enrich.base import Context, Step
from apilens.enrich.keyed_hash import keyed_hashes
from apilens.enrich.mapping import map_distinct, memory
from apilens.enrich.query_names import query_keys, query_values
from apilens.enrich.reject_shape import reject_shape
from apilens.enrich.secret_names import redact_named
from apilens.enrich.secret_shapes import change_where, prefilter, redact_shapes
from apilens.enrich.secret_tokens import PREFILTER as TOKENS
from apilens.enrich.secret_tokens import redact_tokens

__all__ = [
    "REDACT_STEPS",
    "hide_identities",
    "redact_named",
    "redact_paths",
    "redact_shapes",
    "redact_texts",
    "redacted_again",
    "reject_shape",
]

_PAIR = r"=|%3[Dd]"
_URL = "://|#"
_NAMED = rf"""{_PAIR}|[A-Za-z0-9]["']?\s*:[^/]"""
# What nearly every id of a request or trace is (the last two are AWS X-Ray's and CloudFront's), and no secret has the
# shape of: no token ends in `==` but base64 of JSON, which begins with `ey`.
_RANDOM_ID = (
    "^(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-fA-F]{32}|1-[0-9a-f]{8}-[0-9a-f]{24}"
    "|(?:[A-Za-df-z0-9_-][A-Za-z0-9_-]|e[A-Za-xz0-9_-])[A-Za-z0-9_-]{52}==)$"
)
TEXTS = (
    "host", "route", "error_code", "error_field", "failure_reason", "action", "api_version", "service", "environment",
    "node", "trace_id",
)  # fmt: skip
_IDENTITIES = ("account", "user", "request_id", "event_id")


def redact_paths(targets: pl.Series, settings: RedactSettings) -> pl.Series:
    """Return the paths of targets (`path?query` or URLs), undecoded, secrets in them as `[R:kind]`; null stays null.

    One search over all paths finds the few that are looked at closely. Random tokens from 20 characters on are
    secrets; UUIDs, ULIDs, hexadecimal ids up to 40 digits, slugs and file names are not.
    """
    paths = _before_query(targets)
    suspect = paths.str.contains("|".join([_URL, _PAIR, TOKENS, prefilter(settings)]))
    return change_where(
        paths, suspect, lambda some: map_distinct(some, lambda distinct: _redact_paths(distinct, settings))
    )


def _before_query(targets: pl.Series) -> pl.Series:
    # Bytes are cut without looking at them: half the time of a split.
    cut = targets.str.find("?", literal=True)
    if cut.null_count() == len(cut):
        return targets
    size = pl.lit(cut.fill_null(targets.str.len_bytes()))
    return pl.select(pl.lit(targets).cast(pl.Binary).bin.head(size).cast(pl.String).alias(targets.name)).to_series()


def _after(targets: pl.Series, marks: pl.Series) -> pl.Series:
    start = pl.lit(marks) + 1
    return pl.select(pl.lit(targets).cast(pl.Binary).bin.slice(start).cast(pl.String)).to_series()


def redact_texts(texts: pl.Series, settings: RedactSettings) -> pl.Series:
    """Return free texts without secrets, by shape and as `name=value`. Worked out once per distinct text."""

    def redact(distinct: pl.Series) -> pl.Series:
        shaped = redact_shapes(distinct, settings)
        return change_where(shaped, shaped.str.contains(_NAMED), lambda some: redact_named(some, settings))

    return map_distinct(texts, redact, known=memory("texts", settings))


def _redact_paths(paths: pl.Series, settings: RedactSettings) -> pl.Series:
    paths = change_where(paths, paths.str.contains(_URL), _only_path)
    paths = redact_shapes(paths, settings)
    paths = change_where(paths, paths.str.contains(_PAIR), lambda some: redact_named(some, settings))
    return redact_tokens(paths)


def _only_path(urls: pl.Series) -> pl.Series:
    paths = urls.str.replace("#.*$", "").str.replace(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/]*", "")
    return change_where(paths, paths == "", lambda some: some.str.replace("^$", "/"))


def _path(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    if "raw_target" not in frame.columns:
        return _or_null(frame, "path")
    return frame.with_columns(redact_paths(frame["raw_target"], context.settings.redact).alias("path"))


def _query(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    nothing = pl.repeat(None, frame.height, dtype=pl.String, eager=True)
    keys, values = nothing.alias("query_keys"), nothing.alias("query_values")
    if "raw_target" in frame.columns:
        targets = frame["raw_target"]
        marks = targets.str.find("?", literal=True)
        rows = marks.is_not_null().arg_true()
        if rows.len():
            queries = _after(targets.gather(rows), marks.gather(rows))
            queries = change_where(
                queries, queries.str.contains("#", literal=True), lambda some: some.str.replace("#.*$", "")
            )
            keys = keys.clone().scatter(rows, query_keys(queries, context.settings.redact))
            values = values.clone().scatter(rows, query_values(queries, context.settings))
    return frame.with_columns(keys.alias("query_keys"), values.alias("query_values"))


def _referrer(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    if "raw_referrer" not in frame.columns:
        return _or_null(frame, "referrer")
    return frame.with_columns(_redact_referrers(frame["raw_referrer"], context.settings.redact).alias("referrer"))


def _redact_referrers(referrers: pl.Series, settings: RedactSettings) -> pl.Series:
    def redact(distinct: pl.Series) -> pl.Series:
        shaped = redact_shapes(distinct.str.replace(r"(?s)[?#].*$", ""), settings)
        named = change_where(shaped, shaped.str.contains(_PAIR), lambda some: redact_named(some, settings))
        return redact_tokens(named)

    return map_distinct(referrers, redact, known=memory("referrers", settings))


def _user_agent(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    if "raw_agent" not in frame.columns:
        return _or_null(frame, "user_agent")
    return frame.with_columns(redact_texts(frame["raw_agent"], context.settings.redact).alias("user_agent"))


def _text_step(name: str) -> Step:
    def apply(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
        if name not in frame.columns:
            return frame
        settings = context.settings.redact
        return frame.with_columns(_redact_short(frame[name], settings, known=memory("names", settings)))

    return Step(f"redact {name}", reads=(name,), makes=(name,), apply=apply)


def hide_identities(identities: pl.Series, context: Context, *, remember: bool = False) -> pl.Series:
    """Return accounts, users or ids, those of the shape of a secret as keyed hashes.

    remember: they are likely to be met again, and looked up faster than examined.
    """
    settings = context.settings

    def pseudonyms(distinct: pl.Series) -> pl.Series:
        redacted = redact_shapes(distinct, settings.redact, keep_email=settings.allow_email)
        return change_where(distinct, redacted != distinct, lambda some: keyed_hashes(some, context.hash_key))

    if remember:
        known = memory("pseudonyms", settings.redact, settings.allow_email, context.hash_key)
        return map_distinct(identities, pseudonyms, known=known)
    odd = ~identities.str.contains(_RANDOM_ID)
    return change_where(identities, odd, lambda some: map_distinct(some, pseudonyms))


def _redact_short(
    texts: pl.Series, settings: RedactSettings, *, keep_email: bool = False, known: dict[str, Any] | None = None
) -> pl.Series:
    def redact(distinct: pl.Series) -> pl.Series:
        odd = ~distinct.str.contains(_RANDOM_ID)
        return change_where(distinct, odd, lambda some: redact_shapes(some, settings, keep_email=keep_email))

    return map_distinct(texts, redact, known=known)


def redacted_again(column: str, values: pl.Series, settings: Settings) -> pl.Series:
    """Return what these rules make of values of a column that were stored under others."""
    if column in ("path", "endpoint"):
        return redact_paths(values, settings.redact)
    if column == "referrer":
        return _redact_referrers(values, settings.redact)
    if column == "user_agent":
        return redact_texts(values, settings.redact)
    return _redact_short(values, settings.redact, keep_email=settings.allow_email and column in _IDENTITIES)


def _identity_step(name: str) -> Step:
    """Give an identity or id that has the shape of a secret a keyed hash: redacted ones would become one customer."""

    def apply(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
        if name not in frame.columns:
            return frame
        # Accounts and users come back in every block, ids of requests never do.
        comes_back = name in ("account", "user")
        return frame.with_columns(hide_identities(frame[name], context, remember=comes_back))

    return Step(f"redact {name}", reads=(name,), makes=(name,), apply=apply)


def _or_null(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    return frame if name in frame.columns else frame.with_columns(pl.lit(None, dtype=pl.String).alias(name))


REDACT_STEPS: tuple[Step, ...] = (
    Step("path", reads=("raw_target",), makes=("path",), apply=_path),
    Step("query", reads=("raw_target",), makes=("query_keys", "query_values"), apply=_query),
    Step("referrer", reads=("raw_referrer",), makes=("referrer",), apply=_referrer),
    Step("user_agent", reads=("raw_agent",), makes=("user_agent",), apply=_user_agent),
    *(_text_step(name) for name in TEXTS),
    *(_identity_step(name) for name in _IDENTITIES),
)
