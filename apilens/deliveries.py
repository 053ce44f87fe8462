"""Deliveries: what was sent to accounts (`direction = outgoing`), attempt by attempt, planned lazily on any engine.

A delivery is the attempts of an account with the same `delivery_id`. What has no such id is a delivery of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw
import polars as pl

from apilens.answer import Events
from apilens.engine import coded, keyed
from apilens.metric import value
from apilens.schema import ORDER

SENT = "kind = 'request' AND direction = 'outgoing'"

_KEY = "#delivery"
_PLACE = ("source", "line", "item")


def attempts_of(events: Events, columns: Mapping[str, pl.DataType], *, succeeded: nw.Expr) -> Events:
    """Return every attempt with `account`, `destination`, `duration_ms`, `status`, the delivery that it is of and its
    `delivery_id`, whether it was `good`, its `place` among the attempts, from 1, and how many there are (`of`).

    Attempts come by their `attempt` numbers where the log has them, then by time. destination: as the log names it,
    else the host. columns: those of the events.
    """
    nothing = nw.lit(None)
    named = nw.col("delivery_id") if "delivery_id" in columns else nothing.cast(nw.String)
    number = nw.col("attempt").cast(nw.Int64) if "attempt" in columns else nothing.cast(nw.Int64)
    where = [nw.col(name) for name in ("destination", "host") if name in columns]
    sent = events.filter((nw.col("kind") == "request") & (nw.col("direction") == "outgoing")).with_columns(
        nw.coalesce(*where).alias("destination"),
        named.alias("delivery_id"),
        nw.coalesce(number, nw.lit(0)).alias("#number"),
        succeeded.alias("good"),
        value("duration_ms").alias("duration_ms"),
        nw.lit(1).alias("#one"),
    )
    alone = nw.col("delivery_id").is_null()
    sent = sent.with_columns(nw.when(alone).then(nw.col(name)).alias(f"#own:{name}") for name in _PLACE)
    sent = keyed(sent, _KEY, ("account", "delivery_id", *(f"#own:{name}" for name in _PLACE)))
    rows = sent.select(
        _KEY, "account", "destination", "delivery_id", "duration_ms", "status", "good", "#number", "#one", *ORDER
    )
    return coded(rows, ("account", "destination", "source")).with_columns(
        nw.col("#one").cum_sum().over(_KEY, order_by=("#number", *ORDER)).cast(nw.Int64).alias("place"),
        nw.col("#one").sum().over(_KEY).cast(nw.Int64).alias("of"),
    )


def deliveries_of(attempts: Events) -> Events:
    """Return a row per delivery: `account`, `destination`, `delivery_id`, `attempts`, `succeeded_at` (the place of the
    first attempt that was good, null where none was), `dead` (the last one was not), `last_status`, `last_attempt`.
    """
    last = nw.col("place") == nw.col("of")
    rows = attempts.with_columns(
        nw.when(nw.col("good")).then(nw.col("place")).alias("succeeded_at"),
        nw.when(last & ~nw.col("good")).then(nw.lit(1)).otherwise(nw.lit(0)).alias("dead"),
        nw.when(last).then(nw.col("status")).alias("last_status"),
    )
    found = rows.group_by(_KEY).agg(
        *(nw.col(name).max() for name in ("account", "destination", "delivery_id")),
        nw.col("of").max().alias("attempts"),
        nw.col("succeeded_at").min(),
        nw.col("dead").max().cast(nw.Int64),
        nw.col("last_status").max(),
        nw.col("started_at").max().alias("last_attempt"),
    )
    return found.drop(_KEY)


def counts_of(deliveries: Events) -> Events:
    """Return how many `deliveries` of an account to a destination went alike."""
    alike = ("account", "destination", "attempts", "succeeded_at", "dead")
    return deliveries.group_by(*alike).agg(
        nw.len().cast(nw.Int64).alias("deliveries"), nw.col("last_attempt").max()
    )  # fmt: skip


def latency_of(attempts: Events) -> Events:
    """Return `p50_ms` and `p95_ms` of the attempts by account and destination."""
    took = nw.col("duration_ms")
    return attempts.group_by("account", "destination").agg(
        took.quantile(0.5, interpolation="linear").alias("p50_ms"),
        took.quantile(0.95, interpolation="linear").alias("p95_ms"),
    )


def dead_letters(deliveries: Events, limit: int | None) -> Events:
    """Return the deliveries whose last attempt failed, the latest first."""
    order = ("last_attempt", "account", "destination", "delivery_id", "attempts")
    dead = deliveries.filter(nw.col("dead") == 1)
    ranked = dead.sort(*order, descending=[True, *[False] * (len(order) - 1)], nulls_last=True)
    return ranked if limit is None else ranked.head(limit)
