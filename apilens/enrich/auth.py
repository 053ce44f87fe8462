"""How a request authenticated, and why that failed, as far as the log says it."""

from __future__ import annotations

import polars as pl

from apilens.enrich.base import Context, Step
from apilens.enrich.mapping import map_distinct_python
from apilens.enrich.tokens import claim_of

_HEADER = "raw_header.authorization"


def _auth(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    scheme = reason = pl.lit(None, dtype=pl.String)
    status = pl.col("status") if "status" in frame.columns else pl.lit(None, dtype=pl.Int16)
    if _HEADER in frame.columns:
        header = frame[_HEADER]
        scheme = pl.col(_HEADER).str.extract(r"^([A-Za-z][A-Za-z0-9-]*) ").str.to_lowercase()
        expires = map_distinct_python(header, lambda token: claim_of(token, "exp")).cast(pl.Int64, strict=False)
        expired = pl.from_epoch(pl.lit(expires), time_unit="s").dt.replace_time_zone("UTC") < pl.col("timestamp")
        absent = pl.col(_HEADER).is_null() | (pl.col(_HEADER) == "")
        reason = (
            pl.when(absent).then(pl.lit("missing")).when(expired).then(pl.lit("expired")).otherwise(pl.lit("invalid"))
        )
    failure = pl.when(status == 403).then(pl.lit("forbidden")).when(status == 401).then(reason)
    return frame.with_columns(scheme.alias("auth_scheme"), failure.alias("auth_failure"))


AUTH = Step("auth", reads=("status", "timestamp", "raw_header.*"), makes=("auth_scheme", "auth_failure"), apply=_auth)
