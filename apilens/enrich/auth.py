"""How a request authenticated, and why that failed, as far as the log says it."""

from __future__ import annotations

import polars as pl

from apilens.enrich.base import Context, Step
from apilens.enrich.mapping import map_distinct_python
from apilens.enrich.tokens import claim_of

_HEADER = "raw_header.authorization"
# The registered schemes and those in wide use. Any other first word may be the secret itself.
_SCHEMES = (
    "basic", "bearer", "digest", "dpop", "gnap", "hoba", "mutual", "negotiate", "ntlm", "oauth", "privatetoken",
    "scram-sha-1", "scram-sha-256", "vapid", "aws4-hmac-sha256", "hawk", "hmac", "key", "apikey", "api-key", "token",
)  # fmt: skip


def _auth(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    nothing = pl.lit(None, dtype=pl.String)
    status = pl.col("status") if "status" in frame.columns else pl.lit(None, dtype=pl.Int16)
    scheme, expired = nothing, pl.lit(False)
    if _HEADER in frame.columns:
        header = frame[_HEADER]
        first = pl.col(_HEADER).str.extract(r"^\s*([^\s]+)\s").str.to_lowercase()
        other = pl.when(pl.col(_HEADER).str.strip_chars() != "").then(pl.lit("other"))
        scheme = pl.when(first.is_in(_SCHEMES)).then(first).otherwise(other)
        # Seconds since 1970 as a float: a made-up `exp` is larger than any date.
        expires = map_distinct_python(header, lambda token: claim_of(token, "exp")).cast(pl.Float64, strict=False)
        expired = pl.col("timestamp").dt.epoch("us") / 1e6 > pl.lit(expires)
    if "api_key" in frame.columns:
        scheme = pl.coalesce(scheme, pl.when(pl.col("api_key").is_not_null()).then(pl.lit("key")))
    failure = (
        pl.when(status == 403).then(pl.lit("forbidden"))
        .when((status == 401) & expired).then(pl.lit("expired"))
        .otherwise(nothing)
    )  # fmt: skip
    return frame.with_columns(scheme.alias("auth_scheme"), failure.alias("auth_failure"))


AUTH = Step("auth", reads=("status", "timestamp", "api_key"), makes=("auth_scheme", "auth_failure"), apply=_auth)
