"""Sessions: which requests belong together. `apilens sessions`, `workflows` and the metric `sessions` share it.

A session is of one account. Where requests state a session token, it is those with the same one. Else it is the
requests of the same account, user, client address and SDK without a pause of more than `idle` between one and the next.

    sessions = collect(sessions_of(events, failed=…, parts=parts_for(rows)))    # in parts, so that memory stays small
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import narwhals as nw

from apilens.engine import coded, keyed, parted
from apilens.metric import weight, weight_where
from apilens.schema import ORDER

Events = nw.LazyFrame[Any]

IDLE = timedelta(minutes=30)
# Webhooks are sent to an account: they are nothing that it does.
CALLS = "kind = 'request' AND direction <> 'outgoing'"
# What tells callers without a token apart.
CALLER = ("user", "client_ip", "sdk")
OWN = tuple(f"#own:{name}" for name in CALLER)
# Who calls, and which of their sessions it is, from 1; whether a request is the first there, and the last.
KEY, NUMBER, FIRST, LAST = "#caller", "#session", "#first", "#last"

# Whether it is not for pauses to say where a session ends.
_TOKEN = "#token"
# While they are put in order, events take some 100 bytes each.
_AT_ONCE = 4_000_000


def parts_for(rows: int) -> int:
    """Return in how many parts so many events are to be put in order, so that they stay below half a gigabyte."""
    return rows // _AT_ONCE + 1


def parts_of(
    events: Events, *, carried: Sequence[str] = (), texts: Sequence[str] = (), parts: int = 1
) -> list[Events]:  # fmt: skip
    """Return the calls in parts that no session lies across, with what sessions are made by and the columns `carried`.

    texts: those of them that are text with few values.
    """
    calls = events.filter((nw.col("kind") == "request") & (nw.col("direction") != "outgoing"))
    calls = _with_own(calls.with_columns((~nw.col("session").is_null()).alias(_TOKEN)))
    calls = keyed(calls, KEY, ("account", "session", *OWN))
    rows = calls.select(*dict.fromkeys([KEY, _TOKEN, *ORDER, *carried]))
    return parted(coded(rows, ["source", *texts]), KEY, parts)


def _with_own(events: Events) -> Events:
    """Return the events with what tells callers apart as OWN, where no token does."""
    none = ~nw.col(_TOKEN)
    return events.with_columns(
        nw.when(none).then(nw.col(name)).alias(own) for name, own in zip(CALLER, OWN, strict=True)
    )


def in_sessions(calls: Events, *, idle: timedelta = IDLE) -> Events:
    """Return a part of the calls with NUMBER, FIRST and LAST."""
    moment = nw.col("started_at")
    calls = calls.with_columns(
        moment.shift(1).over(KEY, order_by=ORDER).alias("#before"),
        moment.shift(-1).over(KEY, order_by=ORDER).alias("#after"),
    )
    pause, token = nw.lit(idle), nw.col(_TOKEN)
    first = nw.col("#before").is_null() | (~token & (moment - nw.col("#before") > pause))
    last = nw.col("#after").is_null() | (~token & (nw.col("#after") - moment > pause))
    calls = calls.with_columns(
        nw.coalesce(first, nw.lit(False)).alias(FIRST), nw.coalesce(last, nw.lit(False)).alias(LAST)
    )
    number = nw.col(FIRST).cast(nw.Int32).cum_sum().over(KEY, order_by=ORDER)
    return calls.with_columns(number.cast(nw.Int32).alias(NUMBER)).drop("#before", "#after")


def sessions_of(
    events: Events, *, failed: nw.Expr, idle: timedelta = IDLE, parts: int = 1, detailed: bool = False
) -> list[Events]:  # fmt: skip
    """Return a row per session, in so many parts: `account`, `began`, `ended` (when its first and its last call began),
    `calls`, `errors`, `entry_endpoint`, `exit_endpoint`; `detailed`: `user`, `client_ip`, `sdk`, `session` as well.

    failed: which calls are errors. Of a token that comes with several users, addresses or SDKs the last by name stands.
    """
    whose = (*CALLER, "session") if detailed else ()
    events = events.with_columns(weight_where(failed).alias("errors"), weight().alias("calls"))
    carried = ("account", "endpoint", "calls", "errors", *whose)
    endpoint = nw.col("endpoint")
    found = []
    for part in parts_of(events, carried=carried, texts=("account", "endpoint"), parts=parts):
        calls = in_sessions(part, idle=idle).with_columns(
            nw.when(nw.col(FIRST)).then(endpoint).alias("entry_endpoint"),
            nw.when(nw.col(LAST)).then(endpoint).alias("exit_endpoint"),
        )
        sessions = calls.group_by(KEY, NUMBER).agg(
            nw.col("account").max(),
            nw.col("started_at").min().alias("began"),
            nw.col("started_at").max().alias("ended"),
            nw.col("calls").sum(),
            nw.col("errors").sum(),
            nw.col("entry_endpoint").max(),
            nw.col("exit_endpoint").max(),
            *(nw.col(name).max() for name in whose),
        )
        # One engine sums to more bits than the other.
        found.append(sessions.drop(KEY, NUMBER).with_columns(nw.col("calls", "errors").cast(nw.Int64)))
    return found


def with_sessions(events: Events, *, out: nw.Expr | None = None, parts: int = 1) -> list[Events]:
    """Return the events in parts, with the name of the session that each is in as `session`: its token, else who calls
    and when that session began (`acme 192.0.2.1 curl 2026-11-02T10:00:00`); null for what is in none.

    out: which events make no session; without a token webhooks and actions make none either.
    """
    is_call = (nw.col("kind") == "request") & (nw.col("direction") != "outgoing") & nw.col("session").is_null()
    if out is not None:
        is_call = is_call & ~nw.coalesce(out, nw.lit(False))
    events = _with_own(events.with_columns((~nw.coalesce(is_call, nw.lit(False))).alias(_TOKEN)))
    who = ("account", *OWN)
    found = []
    for part in parted(keyed(events, KEY, (_TOKEN, *who)), KEY, parts):
        began = nw.col("started_at").min().over(KEY, NUMBER).dt.to_string("%Y-%m-%dT%H:%M:%S").alias("#began")
        name = nw.concat_str([nw.col(column) for column in (*who, "#began")], separator=" ", ignore_nulls=True)
        named = (
            in_sessions(part)
            .with_columns(began)
            .with_columns(nw.when(nw.col(_TOKEN)).then(nw.col("session")).otherwise(name).alias("session"))
        )
        found.append(named.drop(_TOKEN, KEY, FIRST, LAST, NUMBER, "#began", *OWN))
    return found
