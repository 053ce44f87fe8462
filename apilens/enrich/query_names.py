"""What is kept of a query: the names of its parameters, and numbers under names that settings allow."""

from __future__ import annotations

import re

import polars as pl

from apilens.config import RedactSettings, Settings
from apilens.enrich.mapping import map_distinct, memory, pick
from apilens.enrich.secret_names import decode, is_secret_name
from apilens.enrich.secret_shapes import redact_shapes
from apilens.enrich.secret_tokens import redact_tokens

# A parameter without `=` may as well be a value; only what reads like a flag is kept.
_FLAG = r"^[A-Za-z_][A-Za-z_.-]{0,39}$"
_PARAMETER = r"^[\p{L}_$@:][\p{L}\p{N}_.\-\[\]$@:]{0,79}$"


def query_keys(queries: pl.Series, settings: RedactSettings) -> pl.Series:
    """Return the names of the parameters of each query: decoded once, sorted, unique, joined by commas.

    A name that may be a value (`?4f9a1c`, `?bob@example.com=1`) is `[R:…]`. Null where there is none.
    """
    # Most APIs see few different sets of names, so all but the first line works on the distinct ones.
    names = queries.str.replace_all(r"=[^&]*", "=")
    return map_distinct(names, lambda distinct: _names(distinct, settings), known=memory("query names", settings))


def _names(texts: pl.Series, settings: RedactSettings) -> pl.Series:
    items = (
        pl.DataFrame({"row": pl.int_range(len(texts), eager=True), "item": texts.str.split("&")})
        .explode("item")
        .filter(pl.col("item").is_not_null() & ~pl.col("item").is_in(["", "=", "amp;"]))
    )
    distinct = items["item"].unique()
    names = decode(distinct.str.strip_suffix("=").str.strip_prefix("amp;").str.replace_all("+", " ", literal=True))
    shaped = redact_shapes(names, settings)
    tokens = redact_tokens(shaped)
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
    nothing = pl.repeat(None, len(queries), dtype=pl.String, eager=True)
    asked = pl.Series(sorted(set(settings.query_values)), dtype=pl.String)
    allowed = asked.filter(~is_secret_name(asked, settings.redact)) if asked.len() else asked
    if not allowed.len():
        return nothing
    found = [queries.str.extract(rf"(?:^|&)({re.escape(name)}=-?[0-9]+(?:\.[0-9]+)?)(?:&|$)") for name in allowed]
    joined = pl.select(pl.concat_str(found, separator="&", ignore_nulls=True)).to_series()
    rows = (joined != "").arg_true()
    return nothing.scatter(rows, redact_shapes(joined.gather(rows), settings.redact)) if rows.len() else nothing
