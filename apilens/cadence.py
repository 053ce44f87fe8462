"""How regularly accounts call: the gaps between one call and the next, and whether they look like a machine's."""

from __future__ import annotations

from datetime import timedelta

import narwhals as nw
import polars as pl

from apilens.answer import Events
from apilens.engine import coded, keyed, parted
from apilens.schema import ORDER

# A gap is regular when it is this near to the median one.
TOLERANCE = 0.1
REGULAR_SHARE = 0.5
EVEN = -0.5
FEWEST_GAPS = 30
TOO_FEW = "too few"
# Of times in whole seconds, a gap of one is anything from 0 to 2: shorter medians say nothing.
_COARSE = timedelta(seconds=10)
_KEY = "#account"


def gaps_of(events: Events, *, parts: int) -> list[Events]:
    """Return by `account` its `gaps` between the beginnings of calls: their number, `mean_ms`, `median_ms`, `spread_ms`
    (standard deviation), how many are `regular`, within a tenth of the median; and whether its times are in `whole`
    seconds.
    """
    calls = events.filter((nw.col("kind") == "request") & (nw.col("direction") != "outgoing"))
    rows = coded(keyed(calls, _KEY, ("account",)).select(_KEY, "account", *ORDER), ("account", "source"))
    return [_gaps(part) for part in parted(rows, _KEY, parts)]


def _gaps(calls: Events) -> Events:
    moment = nw.col("started_at")
    gap = (moment - moment.shift(1).over(_KEY, order_by=ORDER)).dt.total_microseconds().cast(nw.Float64) / 1000
    whole = moment.dt.truncate("1s") == moment
    gaps = calls.select(_KEY, "account", gap.alias("#gap"), whole.cast(nw.Int8).alias("whole"))
    gaps = gaps.with_columns(nw.col("#gap").median().over(_KEY).alias("#median"))
    near = (nw.col("#gap") - nw.col("#median")).abs() <= TOLERANCE * nw.col("#median")
    gaps = gaps.with_columns(nw.when(near).then(nw.lit(1)).otherwise(nw.lit(0)).alias("regular"))
    found = gaps.group_by(_KEY).agg(
        nw.col("account").max(),
        nw.col("#gap").count().cast(nw.Int64).alias("gaps"),
        nw.col("#gap").mean().alias("mean_ms"),
        nw.col("#median").max().alias("median_ms"),
        nw.col("#gap").std(ddof=0).alias("spread_ms"),
        nw.col("regular").sum().cast(nw.Int64),
        nw.col("whole").min(),
    )
    return found.drop(_KEY)


def judged(gaps: pl.DataFrame) -> pl.DataFrame:
    """Return the accounts with `calls`, `burstiness`, `regular_share` and `cadence`: what it says of them.

    burstiness: (σ − μ) / (σ + μ) of the gaps (Goh & Barabási 2008): −1 where all are equal, 0 where calls come at
    random, towards 1 where they come in bursts.
    """
    mean, spread = pl.col("mean_ms"), pl.col("spread_ms")
    burstiness = pl.when(mean + spread > 0).then((spread - mean) / (spread + mean))
    telling = (pl.col("whole") == 0) | (pl.col("median_ms") >= _COARSE.total_seconds() * 1000)
    share = pl.when(telling & (pl.col("median_ms") > 0)).then(pl.col("regular") / pl.col("gaps"))
    enough = pl.col("gaps") >= FEWEST_GAPS
    robotic = (pl.col("regular_share") >= REGULAR_SHARE) | (pl.col("burstiness") <= EVEN)
    label = pl.when(~enough).then(pl.lit(TOO_FEW)).when(robotic).then(pl.lit("robotic")).otherwise(pl.lit("human"))
    return gaps.with_columns(
        pl.col("account").cast(pl.String),
        (pl.col("gaps") + 1).alias("calls"),
        burstiness.round(6).alias("burstiness"),
        share.round(6).alias("regular_share"),
        mean.round(3).alias("mean_gap_ms"),
        pl.col("median_ms").round(3).alias("median_gap_ms"),
    ).with_columns(label.alias("cadence"))
