"""Who uses a thing of the API, and who uses what replaces it: planned lazily, a row per account (and endpoint)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import narwhals as nw

from apilens.answer import Events
from apilens.engine import grouped
from apilens.metric import weight

# Who called within it is calling still; the time before it, as long, says whether that grows or shrinks.
RECENT = timedelta(days=7)

# What an account does: webhooks are sent to it.
CALLED = (nw.col("kind") == "request") & (nw.col("direction") != "outgoing")
_COUNTS = ("requests", "replaced", "recent", "before")


def plan_usage(
    events: Events, old: nw.Expr, new: nw.Expr | None, *, until: datetime, within: timedelta = RECENT,
    by: Sequence[str] = ("account",),
) -> Events:  # fmt: skip
    """Return for each of `by` that used the old or the new: requests (those for which `old` is true), first_request and
    last_request of them, recent (those `within` before `until`), before (in the same time before that), and replaced
    (requests for which `new` is true; it is true of none that `old` is true of).
    """
    rows = events.filter(CALLED & (old if new is None else old | new))
    # An event of which a condition cannot be judged does not meet it.
    rows = rows.with_columns(nw.when(old).then(weight()).otherwise(nw.lit(0)).alias("#old"))
    uses, moment, none = nw.col("#old"), nw.col("timestamp"), nw.lit(0)
    recent, before = (nw.lit(until - within * times, nw.Datetime("us", "UTC")) for times in (1, 2))
    counts = {
        "requests": uses,
        "replaced": weight() - uses,
        "recent": nw.when(moment >= recent).then(uses).otherwise(none),
        "before": nw.when((moment >= before) & (moment < recent)).then(uses).otherwise(none),
    }
    rows = rows.select(
        *by,
        *(expr.cast(nw.Int64).alias(name) for name, expr in counts.items()),
        nw.when(uses > 0).then(moment).alias("first_request"),
        nw.when(uses > 0).then(moment).alias("last_request"),
    )
    first, last = nw.col("first_request").min(), nw.col("last_request").max()
    groups = grouped(rows, by, nw.col(*_COUNTS).sum(), first, last)
    # DuckDB sums integers into wider ones.
    return groups.with_columns(nw.col(name).cast(nw.Int64) for name in _COUNTS)
