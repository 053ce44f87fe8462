"""Targets, referrers and user agents as they may be stored: without secrets, and without the values of a query."""

from __future__ import annotations

import re

import polars as pl

from apilens.config import RedactSettings, Settings
from apilens.enrich.base import Context, Step
from apilens.enrich.keyed_hash import keyed_hashes
from apilens.enrich.mapping import map_distinct, pick
from apilens.enrich.reject_shape import reject_shape
from apilens.enrich.secret_names import decode, is_secret_name, redact_named
from apilens.enrich.secret_shapes import change_where, prefilter, redact_shapes

__all__ = ["REDACT_STEPS", "redact_named", "redact_paths", "redact_shapes", "redact_texts", "reject_shape"]

_PAIR = r"=|%3[Dd]"
_URL = "://|#"
_NAMED = rf"""{_PAIR}|[A-Za-z0-9]["']?\s*:[^/]"""
# A letter in the middle of a word that changes to upper case: the cheapest sign of a random token.
_MIXED = r"[a-z][0-9_-]*[A-Z]"
_LONG = r"[A-Za-z0-9]{41}"
_TOKEN = r"(?:[A-Za-z0-9_+~-]|%2[BbFf])(?:[A-Za-z0-9_+=~-]|%2[BbFf]|%3[Dd]){19,}"
_TEXTS = ("host", "route", "error_code", "error_field", "failure_reason", "action")
# A parameter without `=` may as well be a value; only what reads like a flag is kept.
_FLAG = r"^[A-Za-z_][A-Za-z_.-]{0,39}$"
_PARAMETER = r"^[\p{L}_$@:][\p{L}\p{N}_.\-\[\]$@:]{0,79}$"


def redact_paths(targets: pl.Series, settings: RedactSettings) -> pl.Series:
    """Return the paths of targets (`path?query` or URLs), undecoded, secrets in them as `[R:kind]`; null stays null.

    One search over all paths finds the few that are looked at closely. Random tokens from 20 characters on are
    secrets; UUIDs, ULIDs, hexadecimal ids up to 40 digits, slugs and file names are not.
    """
    paths = _before_query(targets)
    suspect = paths.str.contains("|".join([_URL, _PAIR, _MIXED, _LONG, prefilter(settings)]))
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


def redact_texts(texts: pl.Series, settings: RedactSettings) -> pl.Series:
    """Return free texts without secrets, by shape and as `name=value`. Worked out once per distinct text."""

    def redact(distinct: pl.Series) -> pl.Series:
        shaped = redact_shapes(distinct, settings)
        return change_where(
            shaped, shaped.str.contains(_NAMED), lambda some: redact_named(some, settings)
        )  # fmt: skip

    return map_distinct(texts, redact)


def _redact_paths(paths: pl.Series, settings: RedactSettings) -> pl.Series:
    paths = change_where(paths, paths.str.contains(_URL), _only_path)
    paths = redact_shapes(paths, settings)
    paths = change_where(paths, paths.str.contains(_PAIR), lambda some: redact_named(some, settings))
    return change_where(paths, paths.str.contains(f"{_MIXED}|{_LONG}"), _redact_tokens)


def _only_path(urls: pl.Series) -> pl.Series:
    paths = urls.str.replace("#.*$", "").str.replace(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/]*", "")
    return change_where(paths, paths == "", lambda some: some.str.replace("^$", "/"))


def _redact_tokens(paths: pl.Series) -> pl.Series:
    """Replace random tokens. They are told from words by how often upper case, lower case and digits take turns."""
    pieces = (
        pl.DataFrame({"row": pl.int_range(len(paths), eager=True), "piece": paths.str.extract_all(rf"{_TOKEN}|(?s:.)")})
        .filter(pl.col("piece").list.len() > 0)
        .explode("piece")
    )
    piece = pl.col("piece")
    found = (
        pieces.select(piece.unique())
        .filter(piece.str.len_bytes() >= 20)
        .filter(_is_random())
        .with_columns(pl.lit("[R:token]").alias("redacted"))
    )
    if not found.height:
        return paths
    joined = (
        pieces.with_columns(piece.replace(found["piece"], found["redacted"]))
        .group_by("row", maintain_order=True)
        .agg(piece.str.join(""))
    )
    return paths.clone().scatter(joined["row"], joined["piece"])


def _is_random() -> pl.Expr:
    piece = pl.col("piece").str.replace_all(r"%2[BbFf]|%3[Dd]", "_")
    length = piece.str.len_bytes()
    # Runs of one kind, `Word` being one: a random text of letters and digits has one in 2 characters, words one in 5.
    runs = piece.str.count_matches(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
    mixed = piece.str.contains("[a-z]") & piece.str.contains("[A-Z]")
    digits = piece.str.contains("[0-9]")
    often = pl.when(digits).then(runs * 3.2 >= length).otherwise(runs * 2.8 >= length)
    # `Lenovo-ThinkPad-T14s-G4-21F8` is a name of short words.
    unbroken = piece.str.contains("[A-Za-z0-9]{9}")
    uuid = piece.str.contains("^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")
    long = piece.str.contains(_LONG) & digits & piece.str.contains("[A-Za-z]")
    return (mixed & often & unbroken & ~uuid) | long


def _path(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    if "raw_target" not in frame.columns:
        return _or_null(frame, "path")
    return frame.with_columns(redact_paths(frame["raw_target"], context.settings.redact).alias("path"))


def _query(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    nothing = pl.repeat(None, frame.height, dtype=pl.String, eager=True)
    keys, values = nothing.alias("query_keys"), nothing.alias("query_values")
    if "raw_target" in frame.columns:
        targets = frame["raw_target"]
        rows = targets.str.contains("?", literal=True).fill_null(False).arg_true()
        if rows.len():
            queries = targets.gather(rows).str.replace(r"^[^?]*\?", "")
            queries = change_where(
                queries, queries.str.contains("#", literal=True), lambda some: some.str.replace("#.*$", "")
            )
            keys = keys.clone().scatter(rows, query_keys(queries, context.settings.redact))
            values = values.clone().scatter(rows, query_values(queries, context.settings))
    return frame.with_columns(keys.alias("query_keys"), values.alias("query_values"))


def query_keys(queries: pl.Series, settings: RedactSettings) -> pl.Series:
    """Return the names of the parameters of each query: decoded once, sorted, unique, joined by commas.

    A name that may be a value (`?4f9a1c`, `?bob@example.com=1`) is `[R:…]`. Null where there is none.
    """
    # Most APIs see few different sets of names, so all but the first line works on the distinct ones.
    return map_distinct(queries.str.replace_all(r"=[^&]*", "="), lambda distinct: _names(distinct, settings))


def _names(texts: pl.Series, settings: RedactSettings) -> pl.Series:
    items = (
        pl.DataFrame({"row": pl.int_range(len(texts), eager=True), "item": texts.str.split("&")})
        .explode("item")
        .filter(pl.col("item").is_not_null() & ~pl.col("item").is_in(["", "=", "amp;"]))
    )
    distinct = items["item"].unique()
    names = decode(distinct.str.strip_suffix("=").str.strip_prefix("amp;").str.replace_all("+", " ", literal=True))
    shaped = redact_shapes(names, settings)
    tokens = change_where(shaped, shaped.str.contains(f"{_MIXED}|{_LONG}"), _redact_tokens)
    safe = pl.select(
        pl.when(shaped != names).then(shaped.str.extract(r"(\[R:\w+\])"))
        .when(tokens != names).then(pl.lit("[R:token]"))
        .when(distinct.str.ends_with("=") & names.str.contains(_PARAMETER)).then(names)
        .when(names.str.contains(_FLAG)).then(names)
        .otherwise(pl.lit("[R:name]"))
    ).to_series()  # fmt: skip
    joined = (
        items.with_columns(pick(items["item"], distinct, safe).alias("item"))
        .group_by("row", maintain_order=True)
        .agg(pl.col("item").unique().sort().str.join(","))
    )
    nothing = pl.repeat(None, len(texts), dtype=pl.String, eager=True)
    return nothing.scatter(joined["row"], joined["item"]) if joined.height else nothing


def query_values(queries: pl.Series, settings: Settings) -> pl.Series:
    """Return `name=value` of the parameters that settings allow, sorted, joined by `&`; only values that are numbers.

    Null where there is none. Names of secrets are never kept unless `redact.allow` names them too.
    """
    asked = pl.Series(sorted(set(settings.query_values)), dtype=pl.String)
    allowed = asked.filter(~is_secret_name(asked, settings.redact))
    nothing = pl.repeat(None, len(queries), dtype=pl.String, eager=True)
    if not allowed.len():
        return nothing
    found = [
        queries.str.extract(rf"(?:^|&)({re.escape(name)}=-?[0-9]+(?:\.[0-9]+)?)(?:&|$)") for name in allowed
    ]  # fmt: skip
    joined = pl.select(pl.concat_str(found, separator="&", ignore_nulls=True)).to_series()
    rows = (joined != "").arg_true()
    return nothing.scatter(rows, redact_shapes(joined.gather(rows), settings.redact)) if rows.len() else nothing


def _referrer(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    if "raw_referrer" not in frame.columns:
        return _or_null(frame, "referrer")
    settings = context.settings.redact

    def redact(distinct: pl.Series) -> pl.Series:
        shaped = redact_shapes(distinct.str.replace(r"(?s)[?#].*$", ""), settings)
        named = change_where(shaped, shaped.str.contains(_PAIR), lambda some: redact_named(some, settings))
        return change_where(named, named.str.contains(f"{_MIXED}|{_LONG}"), _redact_tokens)

    return frame.with_columns(map_distinct(frame["raw_referrer"], redact).alias("referrer"))


def _user_agent(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    if "raw_agent" not in frame.columns:
        return _or_null(frame, "user_agent")
    return frame.with_columns(redact_texts(frame["raw_agent"], context.settings.redact).alias("user_agent"))


def _texts(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    settings = context.settings
    shaped = [
        map_distinct(frame[name], lambda some: redact_shapes(some, settings.redact))
        for name in _TEXTS
        if name in frame.columns
    ]
    return frame.with_columns(shaped)


def _identities(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Give an account or user that has the shape of a secret a keyed hash: redacted ones would become one customer."""
    settings = context.settings

    def pseudonyms(distinct: pl.Series) -> pl.Series:
        redacted = redact_shapes(distinct, settings.redact, keep_email=settings.allow_email)
        return change_where(distinct, redacted != distinct, lambda some: keyed_hashes(some, context.hash_key))

    return frame.with_columns(
        map_distinct(frame[name], pseudonyms).alias(name) for name in ("account", "user") if name in frame.columns
    )


def _or_null(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    return frame if name in frame.columns else frame.with_columns(pl.lit(None, dtype=pl.String).alias(name))


REDACT_STEPS: tuple[Step, ...] = (
    Step("path", reads=("raw_target",), makes=("path",), apply=_path),
    Step("query", reads=("raw_target",), makes=("query_keys", "query_values"), apply=_query),
    Step("referrer", reads=("raw_referrer",), makes=("referrer",), apply=_referrer),
    Step("user_agent", reads=("raw_agent",), makes=("user_agent",), apply=_user_agent),
    Step("redact_texts", reads=_TEXTS, makes=_TEXTS, apply=_texts),
    Step("redact_identities", reads=("account", "user"), makes=("account", "user"), apply=_identities),
)
