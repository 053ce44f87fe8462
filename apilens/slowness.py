"""What may go with slow requests: query parameters, their allow-listed values, sizes; each as a plan of counts.

A factor is a text such as `page` or `limit=100`. To add a kind: an entry in FACTORS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import narwhals as nw
import polars as pl

from apilens.against import Events, against, counts
from apilens.metrics import DURATION
from apilens.significance import fisher

# Upper ends of classes of size, in bytes, and what the classes are called.
_SIZES = ((1_000, "below 1 kB"), (10_000, "1 to 10 kB"), (100_000, "10 to 100 kB"), (1_000_000, "100 kB to 1 MB"))
_LARGEST = "1 MB and more"


@dataclass(frozen=True, slots=True)
class Factor:
    """A kind of factor: the column it is read from, and the events with a column `factor`, one row for each of theirs.

    among: whether only events with that column are the others that a factor is compared with.
    """

    column: str
    rows: Callable[[Events], Events]
    among: bool


def _listed(column: str) -> Factor:
    def rows(events: Events) -> Events:
        known = events.filter(~nw.col(column).is_null())
        return known.with_columns(nw.col(column).str.split(",").alias("factor")).explode("factor")

    return Factor(column, rows, among=False)


def _sized(column: str) -> Factor:
    size = nw.col(column)
    label = nw.lit(_LARGEST)
    for end, name in reversed(_SIZES):
        label = nw.when(size < end).then(nw.lit(name)).otherwise(label)
    return Factor(column, lambda events: events.filter(~size.is_null()).with_columns(label.alias("factor")), among=True)


FACTORS: Mapping[str, Factor] = {
    "query key": _listed("query_keys"),
    "query value": _listed("query_values"),
    "request size": _sized("request_bytes"),
    "response size": _sized("response_bytes"),
}


def plans(requests: Events, kind: str, *, exact: bool, least: int) -> tuple[Events, Events, Events]:
    """Return the plans of a kind: counts of durations by endpoint and factor, those by endpoint, and accounts."""
    factor = FACTORS[kind]
    timed = requests.filter(~nw.col("endpoint").is_null(), ~nw.col(DURATION).is_null())
    rows = factor.rows(timed)
    whole = timed.filter(~nw.col(factor.column).is_null()) if factor.among else timed
    return (
        counts(rows, ["endpoint", "factor"], DURATION, exact=exact, least=least),
        counts(whole, ["endpoint"], DURATION, exact=exact),
        rows.select("endpoint", "factor", "account").unique().group_by("endpoint", "factor").agg(
            nw.len().cast(nw.Int64).alias("accounts")
        ),
    )  # fmt: skip


def effects(
    kind: str, parts: pl.DataFrame, wholes: pl.DataFrame, accounts: pl.DataFrame, *, least: int
) -> pl.DataFrame:
    """Return each factor of a kind with its median and the others', their ratio, and the chance of it (`p`).

    Mood's median test: whether more of its requests than of the others' lie above the median of all of them, by
    Fisher's exact test. Factors that fewer than `least` requests have, or lack, are left out.
    """
    found = against(parts, wholes, keys=["endpoint", "factor"], within="endpoint", wanted={"p50_ms": 0.5})
    enough = found.filter((pl.col("#n") >= least) & (pl.col("#others") >= least))
    chances = [
        fisher(above, n, above_all - above, others)
        for n, others, above, above_all in enough.select("#n", "#others", "#above", "#above_all").iter_rows()
    ]
    ratio = pl.when(pl.col("others_p50_ms") > 0).then(pl.col("p50_ms") / pl.col("others_p50_ms")).alias("ratio")
    return (
        enough.with_columns(pl.Series("p", chances, dtype=pl.Float64), pl.lit(kind).alias("kind"), ratio)
        .join(accounts, on=["endpoint", "factor"], how="left")
        .select(
            "endpoint", "factor", "ratio", "p50_ms", "others_p50_ms", "kind", pl.col("#n").alias("requests"),
            "accounts", "p",
        )
    )  # fmt: skip
