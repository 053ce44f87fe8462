"""How new accounts get going: when each began, its first calls, and how many endpoints it found in its first days."""

from __future__ import annotations

from datetime import datetime, timedelta

import narwhals as nw
import polars as pl

from apilens.answer import Events
from apilens.engine import joined
from apilens.metric import weight
from apilens.schema import TIME
from apilens.usage import CALLED
from apilens.window import Window

DAY, WEEK = timedelta(days=1), timedelta(days=7)
# Who has not called for so long is stalled, unless told otherwise.
STALLED_AFTER = timedelta(days=3)
NEVER, STALLED, ACTIVE = "never called", "stalled", "active"
STATES = (NEVER, STALLED, ACTIVE)
CREATED, SEEN = "created_at", "first_seen"
_COUNTS = ("requests", "endpoints_1d", "endpoints_7d")


def starts_of(created: pl.DataFrame, seen: pl.DataFrame, window: Window, *, oldest: datetime | None) -> pl.DataFrame:
    """Return `account`, `started` and `started_by` of the accounts that began in the window.

    created: `account`, `registered`. seen: `name` and `first`, of the catalogue. An account began when it was created
    or first seen, whichever came first. One of which only traffic is known, and that from the first day of the events
    (which begin at `oldest`) on, was probably there before: nobody knows when it began, and it is left out.
    """
    first = seen.select(pl.col("name").alias("account"), "first")
    known = created.join(first, on="account", how="full", coalesce=True).with_columns(
        pl.min_horizontal("registered", "first").alias("started"),
        pl.when(pl.col("registered").is_null()).then(pl.lit(SEEN)).otherwise(pl.lit(CREATED)).alias("started_by"),
    )
    began = pl.col("started")
    if oldest is not None:
        known = known.filter(pl.col("registered").is_not_null() | (began >= pl.lit(oldest + DAY, TIME)))
    if window.since is not None:
        known = known.filter(began >= pl.lit(window.since, TIME))
    if window.until is not None:
        known = known.filter(began < pl.lit(window.until, TIME))
    return known.select("account", "started", "started_by").sort("account")


def there_before(created: pl.DataFrame, seen: pl.DataFrame, *, oldest: datetime | None) -> int:
    """Return how many accounts `starts_of` leaves out, since nobody knows when they began."""
    if oldest is None:
        return 0
    early = seen.filter(pl.col("first") < pl.lit(oldest + DAY, TIME))
    return early.join(created, left_on="name", right_on="account", how="anti").height


def plan_calls(events: Events, starts: pl.DataFrame, success: nw.Expr) -> Events:
    """Return for each of those accounts that called: requests, first_request, last_request, first_success,
    endpoints_1d and endpoints_7d (distinct ones within a day and a week of its start).
    """
    ends = starts.select(
        "account", (pl.col("started") + DAY).alias("#day"), (pl.col("started") + WEEK).alias("#week")
    )  # fmt: skip
    rows = joined(events.filter(CALLED & ~nw.col("account").is_null()), ends, on="account")
    moment = nw.col("timestamp")
    rows = rows.filter(~nw.col("#day").is_null()).select(
        "account",
        "endpoint",
        "#day",
        "#week",
        weight().alias("requests"),
        moment.alias("first_request"),
        moment.alias("last_request"),
        nw.when(success).then(moment).alias("first_success"),
    )
    first, last = nw.col("first_request", "first_success").min(), nw.col("last_request").max()
    # Whether an endpoint was called in the first days is told by its first call.
    pairs = rows.group_by("account", "endpoint", "#day", "#week").agg(nw.col("requests").sum(), first, last)
    named = ~nw.col("endpoint").is_null()
    pairs = pairs.with_columns(
        (named & (nw.col("first_request") < nw.col("#day"))).cast(nw.Int64).alias("endpoints_1d"),
        (named & (nw.col("first_request") < nw.col("#week"))).cast(nw.Int64).alias("endpoints_7d"),
    )
    groups = pairs.group_by("account").agg(nw.col(*_COUNTS).sum(), first, last)
    # DuckDB sums integers into wider ones.
    return groups.with_columns(nw.col(name).cast(nw.Int64) for name in _COUNTS)


def progress_of(
    starts: pl.DataFrame, calls: pl.DataFrame, *, until: datetime, stalled_after: timedelta
) -> pl.DataFrame:
    """Return a row for each account, those who never called first, then the stalled ones, longest there first.

    stalled: it called, but not within `stalled_after` before `until`. first_call_ms and first_success_ms count from the
    start; the former is null where the start is no more than the first sight of the account.
    """
    rows = starts.join(calls, on="account", how="left").with_columns(pl.col(_COUNTS).fill_null(0))
    moment, began = pl.col("first_request"), pl.col("started")
    state = (
        pl.when(moment.is_null())
        .then(pl.lit(NEVER))
        .when(pl.col("last_request") < pl.lit(until - stalled_after, TIME))
        .then(pl.lit(STALLED))
        .otherwise(pl.lit(ACTIVE))
    )
    first_call = pl.when(pl.col("started_by") == CREATED).then(_ms(moment - began))
    return rows.with_columns(
        state.alias("state"),
        first_call.alias("first_call_ms"),
        _ms(pl.col("first_success") - began).alias("first_success_ms"),
    ).sort(state.replace_strict(STATES, range(len(STATES)), return_dtype=pl.Int8), "started", "account")


def summary_of(rows: pl.DataFrame, *, until: datetime) -> dict[str, int | float | None]:
    """Return how many accounts are how far, and medians: of times over those who got there, of endpoints over those
    whose first day, or week, is over.
    """
    states = dict(rows["state"].value_counts().iter_rows())
    counts = {
        name: int(states.get(state, 0)) for name, state in zip(("never_called", STALLED, ACTIVE), STATES, strict=True)
    }
    medians = {f"median_{name}": _median(rows[name]) for name in ("first_call_ms", "first_success_ms")}
    for name, length in (("endpoints_1d", DAY), ("endpoints_7d", WEEK)):
        over = rows.filter(pl.col("started") + length <= pl.lit(until, TIME))
        medians[f"median_{name}"] = _median(over[name])
    return {"accounts": rows.height, **counts, **medians}


def _ms(length: pl.Expr) -> pl.Expr:
    return (length.dt.total_microseconds() / 1000).round(3)


def _median(numbers: pl.Series) -> float | None:
    found = numbers.median()
    return found if isinstance(found, float) else None
