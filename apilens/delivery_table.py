"""Tables of deliveries, from the small frames that apilens.deliveries plans."""

from __future__ import annotations

import polars as pl

_COUNT = pl.col("deliveries")


def by_destination(counts: pl.DataFrame, latency: pl.DataFrame) -> pl.DataFrame:
    """Return how deliveries to each account and destination went, most dead letters first."""
    good = pl.col("succeeded_at")
    rows = (
        named(counts)
        .group_by("account", "destination")
        .agg(
            _COUNT.sum(),
            (pl.col("attempts") * _COUNT).sum().alias("attempts"),
            _share(good.is_not_null()).alias("delivered_share"),
            _share(good == 1).alias("first_try_share"),
            (pl.col("dead") * _COUNT).sum().alias("dead_letters"),
            pl.col("last_attempt").max(),
        )
    )
    times = named(latency).with_columns(pl.col("p50_ms", "p95_ms").round(6))
    rows = rows.join(times, on=["account", "destination"], how="left", nulls_equal=True)
    order = ("dead_letters", "deliveries", "account", "destination")
    return rows.sort(*order, descending=[True, True, False, False], nulls_last=True)


def by_attempt(counts: pl.DataFrame) -> pl.DataFrame:
    """Return for each attempt how many deliveries came to it, how many it was the first good one of, and the share of
    all deliveries that had succeeded by then.
    """
    whole = counts["deliveries"].sum()
    tried = counts.select(pl.int_ranges(1, pl.col("attempts") + 1).alias("attempt"), "deliveries").explode("attempt")
    tried = tried.group_by("attempt").agg(_COUNT.sum().alias("tried"))
    good = counts.group_by(pl.col("succeeded_at").alias("attempt")).agg(_COUNT.sum().alias("delivered"))
    rows = tried.join(good, on="attempt", how="left").sort("attempt").with_columns(pl.col("delivered").fill_null(0))
    return rows.with_columns((pl.col("delivered").cum_sum() / whole).round(6).alias("delivered_by_then_share"))


def _share(condition: pl.Expr) -> pl.Expr:
    return (_COUNT.filter(condition).sum() / _COUNT.sum()).round(6)


def named(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with accounts and destinations as text, whichever engine they come from."""
    return rows.with_columns(pl.col("account", "destination").cast(pl.String))
