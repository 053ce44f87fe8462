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

from apilens.engine import coded, grouped, keyed, parted
from apilens.metric import Detail, Over, Quantile, Retries, Sessions, weight, weight_where
from apilens.quantiles import buckets, exact_quantiles, from_buckets
from apilens.schema import ORDER
from apilens.sessions import KEY, NUMBER, in_sessions, parts_for, parts_of

Events = nw.LazyFrame[Any]

RETRY_WITHIN = timedelta(seconds=60)
_KEYS = {"endpoint": nw.col("endpoint"), "day": nw.col("timestamp").dt.date()}
_ALL = "#all"
# So many requests are searched for retries at a time: many of them have to be put in order.
_RETRIED_AT_ONCE = 12_000_000
_CALLER, _ASKED = "#caller", "#asked"


@dataclass(frozen=True, slots=True)
class Pass:
    """Frames to collect, and the details that are made of them: of all together, or of each the part of a sum."""

    frames: tuple[Events, ...]
    details: tuple[Detail, ...]
    # The column whose buckets it holds, where quantiles are made of buckets.
    buckets_of: str | None = None


def passes(
    details: Iterable[Detail], requests: Events, keys: Sequence[str], *, exact: bool, rows: int,
    among: nw.Expr | None = None,
) -> list[Pass]:  # fmt: skip
    """Return the passes that give these details. exact: quantiles from values, not from buckets. rows: how many events
    there are. among: which requests the groups have that matter; what a quantile is of is in its group.
    """
    distinct = {item.name: item for item in details}.values()
    quantiles = [item for item in distinct if isinstance(item, Quantile)]
    found: list[Pass] = []
    some = requests if among is None else requests.filter(among)
    if quantiles and exact:
        wanted = {item.name: (item.column, item.q) for item in quantiles}
        found.append(Pass((exact_quantiles(some, keys, wanted),), tuple(quantiles)))
    elif quantiles:
        for column in sorted({item.column for item in quantiles}):
            own = tuple(item for item in quantiles if item.column == column)
            found.append(Pass((buckets(some, keys, column),), own, buckets_of=column))
    for key, expr in _KEYS.items():
        over = tuple(item for item in distinct if isinstance(item, Over) and item.key == key)
        if over:
            found.append(Pass((_by_second_key(requests, keys, expr),), over))
    for item in distinct:
        if isinstance(item, Retries):
            found.append(Pass(_retries(requests, keys, item.name, parts=rows // _RETRIED_AT_ONCE + 1), (item,)))
        if isinstance(item, Sessions):
            found.append(Pass(_sessions(requests, keys, item.name, parts=parts_for(rows)), (item,)))
    return found


def finished(done: Pass, frame: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Return keys plus a column for each detail of a pass, from the frame that was collected for it."""
    if done.buckets_of:
        return from_buckets(frame, keys, [(item.name, item.q) for item in done.details if isinstance(item, Quantile)])
    over = [item for item in done.details if isinstance(item, Over)]
    if over:
        return _numbers(frame, keys, over)
    if len(done.frames) == 1:
        return frame
    names = [item.name for item in done.details]
    return frame.group_by(keys).agg(pl.col(names).sum()) if keys else frame.select(pl.col(names).sum())


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


def _retries(requests: Events, keys: Sequence[str], name: str, *, parts: int) -> tuple[Events, ...]:
    """Return by keys, in parts, how many requests repeat one that failed: of the same caller, method, path and query,
    with nothing of that kind between them, begun within 60 s of it.
    """
    # Without an account, callers are told apart by their address; without either, nobody knows who tries again.
    caller = nw.coalesce(nw.col("account"), nw.col("client_ip"))
    known = requests.filter(~nw.col("request_fingerprint").is_null(), ~caller.is_null())
    known = known.with_columns(caller.alias(_CALLER))
    held = keyed(known, _ASKED, (_CALLER, "request_fingerprint"))
    texts = [key for key in keys if held.collect_schema()[key] == nw.String]
    moment = nw.col("started_at")
    failed = nw.when((nw.col("status") >= 500) | (nw.col("status") == 429)).then(moment)
    rows = held.select(
        *(nw.col(key).alias(f"#by:{key}") for key in keys), _ASKED, *ORDER, failed.alias("#failed"),
        weight().alias("#weight"),
    )  # fmt: skip
    return tuple(_repeated(part, keys, texts, name) for part in parted(rows, _ASKED, parts))


def _repeated(rows: Events, keys: Sequence[str], texts: Sequence[str], name: str) -> Events:
    """Return by keys how many requests follow one that failed; `texts` are the keys that are text."""
    # Most requests never fail, and need not be put in order.
    some = rows.filter(~nw.col("#failed").is_null()).select(_ASKED).unique()
    rows = coded(rows.join(some, on=_ASKED, how="semi"), ["source", *(f"#by:{key}" for key in texts)])
    rows = rows.with_columns(nw.col("#failed").shift(1).over(_ASKED, order_by=ORDER).alias("#before"))
    again = rows.filter(nw.col("started_at") - nw.col("#before") <= nw.lit(RETRY_WITHIN))
    own = {key: nw.col(f"#by:{key}") for key in keys}
    again = again.select(
        *(column.cast(nw.String).alias(key) if key in texts else column.alias(key) for key, column in own.items()),
        "#weight",
    )
    counted = nw.col("#weight").sum().alias(name)
    return grouped(again, keys, counted) if keys else again.select(counted)


def _sessions(requests: Events, keys: Sequence[str], name: str, *, parts: int) -> tuple[Events, ...]:
    """Return by keys, in parts, how many sessions have a request there."""
    # What a session is told by may be a key as well.
    held = requests.with_columns(nw.col(key).alias(f"#by:{key}") for key in keys)
    carried = [f"#by:{key}" for key in keys]
    return tuple(_held(calls, keys, name) for calls in parts_of(held, carried=carried, parts=parts))


def _held(calls: Events, keys: Sequence[str], name: str) -> Events:
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
