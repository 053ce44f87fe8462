"""What may go with slow requests: query parameters, their allow-listed values, sizes; each as a plan of counts.

A factor is a text such as `page` or `limit=100`. To add a kind: an entry in FACTORS. Events are read once for all kinds
of which there are few different factors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """A kind of factor: the column it is read from, and what that says of an event, null where it says nothing.

    listed: it is a list of factors, separated by commas. among: only events of which something is said are the others
    that a factor is compared with. many: there may be as many different ones as events.
    """

    column: str
    said: nw.Expr
    listed: bool = False
    among: bool = False
    many: bool = False


def _size(column: str) -> nw.Expr:
    size = nw.col(column)
    label = nw.lit(_LARGEST)
    for end, name in reversed(_SIZES):
        label = nw.when(size < end).then(nw.lit(name)).otherwise(label)
    return nw.when(~size.is_null()).then(label)


FACTORS: Mapping[str, Factor] = {
    "query key": Factor("query_keys", nw.col("query_keys"), listed=True),
    "query value": Factor("query_values", nw.col("query_values"), listed=True, many=True),
    "request size": Factor("request_bytes", _size("request_bytes"), among=True),
    "response size": Factor("response_bytes", _size("response_bytes"), among=True),
}


def timed(requests: Events) -> Events:
    """Return the requests that can be compared, with what each kind of factor says of them as a column of its name."""
    known = requests.filter(~nw.col("endpoint").is_null(), ~nw.col(DURATION).is_null())
    return known.with_columns(factor.said.alias(kind) for kind, factor in FACTORS.items())


def plan_durations(requests: Events, *, exact: bool) -> Events:
    """Return the plan of counts of durations by endpoint and by all that factors say, but for kinds of many: those of
    each kind, and of all requests of an endpoint, are sums of them.
    """
    few = [kind for kind, factor in FACTORS.items() if not factor.many]
    return counts(timed(requests), ["endpoint", *few], DURATION, exact=exact)


def plan_factors(requests: Events, kind: str, *, exact: bool, least: int) -> Events:
    """Return the plan of counts of durations by endpoint and factor, of one kind, for factors of `least` requests."""
    rows = _factors(timed(requests), kind)
    return counts(rows, ["endpoint", "factor"], DURATION, exact=exact, least=least)


def plan_accounts(requests: Events, kind: str, factors: pl.DataFrame) -> Events:
    """Return the plan of how many accounts there are by endpoint and factor, at the endpoints of these factors."""
    rows = timed(requests).filter(nw.col("endpoint").is_in(factors["endpoint"].unique().to_list()))
    pairs = _factors(rows.select("endpoint", kind, "account").unique(), kind)
    pairs = pairs.filter(nw.col("factor").is_in(factors["factor"].unique().to_list()))
    accounts = pairs.select("endpoint", "factor", "account").unique().group_by("endpoint", "factor")
    return accounts.agg(nw.len().cast(nw.Int64).alias("accounts"))


def _factors(rows: Events, kind: str) -> Events:
    """Return the rows with a column `factor`, one for each factor of theirs."""
    known = rows.filter(~nw.col(kind).is_null())
    if not FACTORS[kind].listed:
        return known.with_columns(nw.col(kind).alias("factor"))
    return known.with_columns(nw.col(kind).str.split(",").alias("factor")).explode("factor")


def summed(durations: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Return the counts of `plan_durations` by fewer keys."""
    value = "#bucket" if "#bucket" in durations.columns else "#value"
    return durations.group_by(*keys, value).agg(pl.col("#weight").sum())


def factors_in(durations: pl.DataFrame, kind: str, *, least: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return counts by endpoint and factor of a kind of few, for factors of `least` requests, and by endpoint those of
    all that they are compared with.
    """
    said = durations.filter(pl.col(kind).is_not_null())
    rows = said.with_columns(pl.col(kind).str.split(",").alias("factor")).explode("factor")
    parts = summed(rows if FACTORS[kind].listed else said.rename({kind: "factor"}), ["endpoint", "factor"])
    enough = pl.col("#weight").sum().over("endpoint", "factor") >= least
    return parts.filter(enough), summed(said if FACTORS[kind].among else durations, ["endpoint"])


def effects(kind: str, parts: pl.DataFrame, wholes: pl.DataFrame, *, least: int) -> pl.DataFrame:
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
    named = enough.with_columns(pl.Series("p", chances, dtype=pl.Float64), pl.lit(kind).alias("kind"), ratio)
    return named.select(
        "endpoint", "factor", "ratio", "p50_ms", "others_p50_ms", "kind", pl.col("#n").alias("requests"), "p"
    )
