"""Tables of an account's page that are made of small answers: its endpoints, its peers, and what it never called."""

from __future__ import annotations

import polars as pl

from apilens.answer import Answer
from apilens.endpoints import name_of_path
from apilens.result import Field, Table

_LATENCY = (
    Field("endpoint"), Field("requests", "count"), Field("p50_ms", "ms", "lower"), Field("peers_p50_ms", "ms"),
    Field("p95_ms", "ms", "lower"), Field("peers_p95_ms", "ms"), Field("peers", "count"),
)  # fmt: skip
_TIMES = ("p50_ms", "p95_ms")


def of_endpoints(called: Answer, *, limit: int | None) -> Table:
    """Return the endpoints that the account calls, most called first, without times."""
    kept = [field for field in called.fields if field.name not in _TIMES]
    return Table("endpoints", tuple(kept), _head(called.rows, limit).select(field.name for field in kept))


def against_peers(called: pl.DataFrame, peers: pl.DataFrame, *, limit: int | None) -> Table:
    """Return how long each endpoint takes the account, and how long all others on it.

    Those come first where it waits longest in all: by requests times what a usual one takes it longer than others;
    then those that nobody else calls, most called first.
    peers: `endpoint`, `accounts`, `p50_ms` and `p95_ms` of the others.
    """
    theirs = peers.rename({"accounts": "peers", "p50_ms": "peers_p50_ms", "p95_ms": "peers_p95_ms"})
    both = called.join(theirs, on="endpoint", how="left", nulls_equal=True).with_columns(pl.col("peers").fill_null(0))
    lost = pl.col("requests") * (pl.col("p50_ms") - pl.col("peers_p50_ms"))
    timed = both.filter(pl.col("p50_ms").is_not_null())
    ranked = timed.sort([lost, "requests", "endpoint"], descending=[True, True, False], nulls_last=True)
    return Table("latency", _LATENCY, _head(ranked, limit).select(field.name for field in _LATENCY))


def never_used(called: pl.Series, documented: pl.Series, common: pl.DataFrame | None, *, limit: int | None) -> Table:
    """Return endpoints that the account does not call: those that are documented, and those that are `common` among
    others, with how many accounts call them; None where that is not to be known.
    """
    described = pl.DataFrame({"endpoint": documented}, schema={"endpoint": pl.String})
    used = called.to_frame("endpoint").select(name_of_path(pl.col("endpoint")))
    rows = described.with_columns(pl.lit(True).alias("documented"))
    fields = [Field("endpoint"), Field("documented")]
    if common is not None:
        theirs = common.select(name_of_path(pl.col("endpoint")), "accounts").drop_nulls("endpoint")
        most = theirs.group_by("endpoint").agg(pl.col("accounts").max())
        rows = rows.join(most, on="endpoint", how="full", coalesce=True)
        rows = rows.with_columns(pl.col("documented").fill_null(False), pl.col("accounts").fill_null(0))
        rows = rows.sort("accounts", "endpoint", descending=[True, False])
        fields.append(Field("accounts", "count"))
    left = rows.join(used, on="endpoint", how="anti", maintain_order="left")
    return Table("never_used", tuple(fields), _head(left, limit).select(field.name for field in fields))


def _head(rows: pl.DataFrame, limit: int | None) -> pl.DataFrame:
    return rows if limit is None else rows.head(limit)
