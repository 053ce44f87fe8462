"""What one pass over groups cannot give: quantiles, numbers over a second key, retries, sessions.

Each takes a pass of its own: it is planned on the requests with the keys of their groups (see `requests_of` in
apilens.query), collected together with others that share its pass, and finished as a small frame: the keys, and a
column of its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import narwhals as nw
import polars as pl

from apilens.engine import grouped
from apilens.metric import Detail, Over, Quantile, Retries, Sessions, weight, weight_where
from apilens.quantiles import buckets, exact_quantiles, from_buckets
from apilens.schema import ORDER
from apilens.sessions import KEY, NUMBER, in_sessions, parts_of

Events = nw.LazyFrame[Any]

RETRY_WITHIN = timedelta(seconds=60)
_KEYS = {
    "endpoint": nw.col("endpoint"),
    "day": nw.col("timestamp").dt.date(),
    "month": nw.col("timestamp").dt.truncate("1mo"),
}
_ALL = "#all"


@dataclass(frozen=True, slots=True)
class Pass:
    """A frame to collect, and the details that are made of it."""

    frame: Events
    details: tuple[Detail, ...]
    # The column whose buckets it holds, where quantiles are made of buckets.
    buckets_of: str | None = None


def passes(
    details: Iterable[Detail], requests: Events, keys: Sequence[str], *, exact: bool, among: nw.Expr | None = None
) -> list[Pass]:  # fmt: skip
    """Return the passes that give these details. exact: quantiles from values, not from buckets. among: which requests
    the groups have that matter; what a quantile is of is in its group.
    """
    distinct = {item.name: item for item in details}.values()
    quantiles = [item for item in distinct if isinstance(item, Quantile)]
    found: list[Pass] = []
    some = requests if among is None else requests.filter(among)
    if quantiles and exact:
        wanted = {item.name: (item.column, item.q) for item in quantiles}
        found.append(Pass(exact_quantiles(some, keys, wanted), tuple(quantiles)))
    elif quantiles:
        for column in sorted({item.column for item in quantiles}):
            own = tuple(item for item in quantiles if item.column == column)
            found.append(Pass(buckets(some, keys, column), own, buckets_of=column))
    for key, expr in _KEYS.items():
        over = tuple(item for item in distinct if isinstance(item, Over) and item.key == key)
        if over:
            found.append(Pass(_by_second_key(requests, keys, expr), over))
    found += [Pass(_retries(requests, keys, item.name), (item,)) for item in distinct if isinstance(item, Retries)]
    found += [Pass(_sessions(requests, keys, item.name), (item,)) for item in distinct if isinstance(item, Sessions)]
    return found


def finished(done: Pass, frame: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Return keys plus a column for each detail of a pass, from the frame that was collected for it."""
    if done.buckets_of:
        return from_buckets(frame, keys, [(item.name, item.q) for item in done.details if isinstance(item, Quantile)])
    over = [item for item in done.details if isinstance(item, Over)]
    return _numbers(frame, keys, over) if over else frame


def _by_second_key(requests: Events, keys: Sequence[str], key: nw.Expr) -> Events:
    """Return what requests and errors come to by keys and a second one, `#key`."""
    rows = requests.select(
        *keys, key.alias("#key"), weight().alias("#requests"), weight_where(nw.col("#failed")).alias("#errors")
    )
    return grouped(rows, [*keys, "#key"], nw.col("#requests").sum(), nw.col("#errors").sum())


def _numbers(frame: pl.DataFrame, keys: Sequence[str], details: Iterable[Over]) -> pl.DataFrame:
    by = [*keys, _ALL]
    table = frame.with_columns(pl.lit(0, pl.Int8).alias(_ALL))
    found: pl.DataFrame | None = None
    for item in details:
        rows = table if item.nulls else table.filter(pl.col("#key").is_not_null())
        known = rows.with_columns(_whole(by), *_days(rows)).with_columns(item.row.alias("#row"))
        numbers = known.group_by(by).agg(item.number.alias(item.name))
        found = numbers if found is None else found.join(numbers, on=by, how="full", coalesce=True, nulls_equal=True)
    assert found is not None
    return found.drop(_ALL)


def _whole(by: Sequence[str]) -> pl.Expr:
    return pl.col("#requests").cast(pl.Float64).sum().over(by).alias("#whole")


def _days(rows: pl.DataFrame) -> Iterable[pl.Expr]:
    if rows.schema["#key"] == pl.Date:
        yield ((pl.col("#key").max() - pl.col("#key").min()).dt.total_days() + 1).alias("#days")


def _retries(requests: Events, keys: Sequence[str], name: str) -> Events:
    """Return by keys how many requests repeat one that failed: of the same caller, method, path and query, with nothing
    of that kind between them, begun within 60 s of it.
    """
    # Without an account, callers are told apart by their address.
    caller = nw.coalesce(nw.col("account"), nw.col("client_ip")).alias("#caller")
    asked, before = nw.col("request_fingerprint"), ("#caller", "#asked")
    rows = requests.filter(~asked.is_null()).select(
        *(nw.col(key).alias(f"#by:{key}") for key in keys), caller, asked.alias("#asked"), "status", *ORDER,
        weight().alias("#weight"),
    )  # fmt: skip
    failed = (nw.col("status") >= 500) | (nw.col("status") == 429)
    # Most requests never fail, and need not be put in order.
    some = rows.filter(failed).select(*before).unique()
    rows = rows.join(some, on=list(before), how="inner")
    last = {column: nw.col(column).shift(1).over(*before, order_by=ORDER) for column in ("status", "started_at")}
    rows = rows.with_columns(last["status"].alias("#status"), last["started_at"].alias("#started_at"))
    soon = (nw.col("started_at") - nw.col("#started_at")) <= nw.lit(RETRY_WITHIN)
    again = rows.filter(((nw.col("#status") >= 500) | (nw.col("#status") == 429)) & soon)
    again = again.select(*(nw.col(f"#by:{key}").alias(key) for key in keys), "#weight")
    counted = nw.col("#weight").sum().alias(name)
    return grouped(again, keys, counted) if keys else again.select(counted)


def _sessions(requests: Events, keys: Sequence[str], name: str) -> Events:
    """Return by keys how many sessions have a request there."""
    # What a session is told by may be a key as well.
    held = requests.with_columns(nw.col(key).alias(f"#by:{key}") for key in keys)
    [calls] = parts_of(held, carried=[f"#by:{key}" for key in keys])
    rows = in_sessions(calls)
    once = rows.select(*(nw.col(f"#by:{key}").alias(key) for key in keys), KEY, NUMBER).unique()
    counted = nw.len().alias(name)
    return grouped(once, keys, counted) if keys else once.select(counted)


def joined(groups: pl.DataFrame, frames: Iterable[pl.DataFrame], keys: Sequence[str]) -> pl.DataFrame:
    """Return the groups with the columns of small frames beside them, null where a frame lacks the group."""
    for frame in frames:
        if keys:
            groups = groups.join(frame, on=list(keys), how="left", nulls_equal=True)
        elif frame.is_empty():
            groups = groups.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in frame.schema.items())
        else:
            groups = groups.hstack(frame)
    return groups


def details_of(metrics: Mapping[str, Any]) -> list[Detail]:
    """Return the details of all these metrics."""
    return [item for metric in metrics.values() for item in metric.details]
