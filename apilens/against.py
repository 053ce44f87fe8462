"""Quantiles of a part against those of all the others: of one account on an endpoint, of calls with a query parameter.

Both come from counts of values (or of buckets of them), part by part and for the whole: nobody sorts the others anew
for every part. Let the values of the whole stand in order, those of the part first where values are equal. The k-th of
the others (from 0) then has k others before it, and every value of the part that has at most k others before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import polars as pl

from apilens.engine import grouped
from apilens.metric import value, weight
from apilens.quantiles import bucket_value, buckets

Events = nw.LazyFrame[Any]

# No frame has so many different texts.
_NULL = 2**32 - 1


def counts(events: Events, keys: Sequence[str], column: str, *, exact: bool, least: int = 0) -> Events:
    """Return how often each value of a column (each bucket, unless `exact`) stands by keys: keys, the value, `#weight`.

    least: leave out keys that have fewer values in all.
    """
    if exact:
        rows = events.select(*keys, value(column).alias("#value"), weight().alias("#weight"))
        known = rows.filter(~nw.col("#value").is_null())
        found = grouped(known, [*keys, "#value"], nw.col("#weight").sum())
    else:
        found = buckets(events, keys, column)
    if not least:
        return found
    return found.filter(nw.col("#weight").sum().over(*keys) >= least)


def against(
    parts: pl.DataFrame, wholes: pl.DataFrame, *, keys: Sequence[str], within: str, wanted: Mapping[str, float]
) -> pl.DataFrame:
    """Return a row per part: keys, `#n` and `#others` (how many values), `NAME` and `others_NAME` for each of `wanted`,
    and `#above` and `#above_all`: values above the median of the whole, of the part and in all.

    parts, wholes: collected `counts` by `keys` and by `within`, one of the keys. Null where there are no others.
    """
    whole = _ordered(wholes, [within])
    named = whole.select(within).unique(maintain_order=True).with_row_index("#whole")
    whole = whole.join(named, on=within, nulls_equal=True, maintain_order="left")
    middle = whole.group_by("#whole").agg(_at(0.5, "#before", "#all").alias("#median"))
    whole = whole.join(middle, on="#whole").sort("#whole", "#value")
    above = whole.group_by("#whole").agg(_above().alias("#above_all"))
    beside = whole.select(within, "#value", "#whole", "#median", start="#before", all="#all")
    own = _ordered(parts, keys).join(beside, on=[within, "#value"], nulls_equal=True, maintain_order="left")
    own = own.with_columns((pl.col("start") - pl.col("#before")).alias("#passed"))
    others = pl.col("all") - pl.col("#all")
    ranks = {f"{name}:{end}": (q, end) for name, q in wanted.items() for end in ("low", "high")}
    found = own.group_by("#part", maintain_order=True).agg(
        pl.col(*keys, "#whole").first(),
        pl.col("#all").first().alias("#n"),
        others.first().alias("#others"),
        _above().alias("#above"),
        *(_at(q, "#before", "#all").alias(name) for name, q in wanted.items()),
        *(_place(q, end, others).alias(name) for name, (q, end) in ranks.items()),
    )
    found = found.join(above, on="#whole", maintain_order="left")
    for name in ranks:
        found = _looked_up(found, whole, name)
    interpolated = []
    for name, q in wanted.items():
        rank = q * (pl.col("#others") - 1)
        low, high = pl.col(f"{name}:low"), pl.col(f"{name}:high")
        between = low + (high - low) * (rank - rank.floor())
        interpolated.append(pl.when(pl.col("#others") > 0).then(between).alias(f"others_{name}"))
    return found.with_columns(interpolated).drop("#whole", "#part", *ranks)


def _ordered(frame: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Return values in order, with how many stand before each, and in all."""
    valued = frame if "#value" in frame.columns else frame.with_columns(bucket_value().alias("#value"))
    rows = valued.select(*keys, "#value", pl.col("#weight").cast(pl.Int64), _code(keys).alias("#part"))
    rows = rows.sort("#part", "#value")
    before = (pl.col("#weight").cum_sum() - pl.col("#weight")).over("#part")
    return rows.with_columns(before.alias("#before"), pl.col("#weight").sum().over("#part").alias("#all"))


def _code(keys: Sequence[str]) -> pl.Expr:
    """Return a number for each combination of one or two texts: sorting by the texts themselves takes far longer."""
    codes = [pl.col(key).cast(pl.Categorical).to_physical().cast(pl.UInt64).fill_null(_NULL) for key in keys]
    return codes[0] if len(codes) == 1 else codes[0] * 2**32 + codes[1]


def _at(q: float, before: str, n: str) -> pl.Expr:
    """Return the quantile of the values of a group, each of which stands `#weight` times."""
    rank = q * (pl.col(n) - 1)
    upto = pl.col(before) + pl.col("#weight")
    low = pl.col("#value").filter(upto > rank.floor()).min()
    high = pl.col("#value").filter(upto > rank.ceil()).min()
    return low + (high - low) * (rank - rank.floor()).first()


def _above() -> pl.Expr:
    return pl.col("#weight").filter(pl.col("#value") > pl.col("#median")).sum()


def _place(q: float, end: str, others: pl.Expr) -> pl.Expr:
    """Return the place in the whole of the one of the others that a quantile lies at or next to."""
    exact = q * (others - 1)
    rank = exact.floor() if end == "low" else exact.ceil()
    passed = pl.col("#weight").filter(pl.col("#passed") <= rank).sum()
    return (rank.first() + passed).cast(pl.Int64)


def _looked_up(found: pl.DataFrame, whole: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return the frame with the place in a column replaced by the value that stands there."""
    values = whole.select("#whole", pl.col("#before").alias(name), pl.col("#value").alias("#found")).sort(name)
    numbered = found.with_row_index("#row").sort(name)
    joined = numbered.join_asof(values, on=name, by="#whole", strategy="backward", check_sortedness=False)
    return joined.sort("#row").drop("#row", name).rename({"#found": name})
