"""What every event has whatever its source says: when it began, its day, its kind, where it came from."""

from __future__ import annotations

import hashlib

import polars as pl

from apilens.enrich.base import Context, Step

# nginx and AWS balancers: the client went away before the answer.
_CLIENT_CLOSED = (499, 460)
# A request that took longer is a fault of the log.
_LONGEST_MS = 30 * 86_400_000


def _times(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    began = pl.col("timestamp")
    if context.time_is == "end" and "duration_ms" in frame.columns:
        took = pl.col("duration_ms")
        believed = pl.when(took.is_between(0, _LONGEST_MS)).then(took).otherwise(0)
        began = began - pl.duration(microseconds=(believed * 1000).round().cast(pl.Int64))
    return frame.with_columns(began.alias("started_at"), pl.col("timestamp").dt.date().alias("day"))


def _constants(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    def filled(name: str, value: str) -> pl.Expr:
        given = pl.col(name).fill_null(value) if name in frame.columns else pl.lit(value)
        return given.alias(name)

    known = {"kind": "request", "direction": "incoming", **context.labels}
    weight = pl.col("weight").fill_null(1).clip(lower_bound=1) if "weight" in frame.columns else pl.lit(1, pl.Int64)
    constants = [filled(name, value) for name, value in known.items()]
    return frame.with_columns(*constants, weight.cast(pl.Int64).alias("weight"))


def _failure_reason(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    if "status" not in frame.columns:
        return frame
    gone = pl.when(pl.col("status").is_in(_CLIENT_CLOSED)).then(pl.lit("client_closed"))
    known = pl.coalesce("failure_reason", gone) if "failure_reason" in frame.columns else gone
    return frame.with_columns(known.alias("failure_reason"))


def _fingerprint(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    if not {"method", "raw_target"} <= set(frame.columns):
        return frame.with_columns(pl.lit(None, dtype=pl.Int64).alias("request_fingerprint"))
    # Polars promises the same hash within a version of it, not across: two equal requests are compared within minutes.
    seed = int.from_bytes(hashlib.blake2b(b"fingerprint", key=context.hash_key, digest_size=8).digest(), "little")
    mixed = pl.col("raw_target").hash(seed) ^ pl.col("method").hash(seed ^ 1)
    known = pl.when(pl.col("raw_target").is_not_null()).then(mixed.reinterpret(signed=True))
    return frame.with_columns(known.alias("request_fingerprint"))


TIMES = Step("times", reads=("timestamp", "duration_ms"), makes=("started_at", "day"), apply=_times)
CONSTANTS = Step(
    "constants",
    reads=("kind", "direction", "weight", "service", "environment", "node"),
    makes=("service", "environment", "node", "source", "format", "kind", "direction", "weight"),
    apply=_constants,
)
FAILURE_REASON = Step(
    "failure reason", reads=("status", "failure_reason"), makes=("failure_reason",), apply=_failure_reason
)
FINGERPRINT = Step("fingerprint", reads=("method", "raw_target"), makes=("request_fingerprint",), apply=_fingerprint)
