"""In which order calls come within sessions: what follows what, what comes before a login, which steps are kept.

Each function takes calls in parts that no session lies across (see `parts_of` in apilens.sessions), and gives small
frames whose numbers add up over parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

import narwhals as nw
import polars as pl

from apilens.answer import Events
from apilens.engine import joined
from apilens.schema import ORDER
from apilens.sessions import FIRST, KEY, NUMBER, in_sessions, parts_of

# A set of endpoints is a number with a bit for each of them.
MOST_ENDPOINTS = 60
BIT = "#bit"
_LOGIN = "#login"


def transitions(events: Events, *, idle: timedelta, parts: int) -> list[Events]:
    """Return how often a call of `to_endpoint` comes next after one of `from_endpoint`: with `transitions`."""
    found = []
    for part in parts_of(events, carried=("endpoint",), texts=("endpoint",), parts=parts):
        before = nw.col("endpoint").shift(1).over(KEY, order_by=ORDER).alias("from_endpoint")
        later = in_sessions(part, idle=idle).with_columns(before).filter(~nw.col(FIRST))
        pairs = later.select("from_endpoint", nw.col("endpoint").alias("to_endpoint"))
        found.append(pairs.group_by("from_endpoint", "to_endpoint").agg(nw.len().cast(nw.Int64).alias("transitions")))
    return found


def sets_of(events: Events, codes: pl.DataFrame, *, idle: timedelta, parts: int) -> list[Events]:
    """Return how many `sessions` of each `account` call exactly the endpoints of a `set`, the sum of their bits.

    codes: `endpoint` and BIT, a power of two each; other endpoints do not count.
    """
    found = []
    coded = joined(events, codes, on="endpoint")
    for part in parts_of(coded, carried=("account", BIT), texts=("account",), parts=parts):
        calls = in_sessions(part, idle=idle).filter(~nw.col(BIT).is_null())
        once = calls.group_by(KEY, NUMBER, BIT).agg(nw.col("account").max())
        whole = once.group_by(KEY, NUMBER).agg(nw.col("account").max(), nw.col(BIT).sum().cast(nw.Int64).alias("set"))
        found.append(whole.group_by("account", "set").agg(nw.len().cast(nw.Int64).alias("sessions")))
    return found


def before_login(events: Events, login: nw.Expr, *, idle: timedelta, parts: int) -> list[Events]:
    """Return by `account`, `endpoint` and whether they begin a session (`begins`) how many `calls` there are, and of
    them `logins`, those `before` the first login of their session, and those of sessions `without` any.
    """
    found = []
    yes = nw.coalesce(login, nw.lit(False)).cast(nw.Int32).alias(_LOGIN)
    carried = ("account", "endpoint", _LOGIN)
    for part in parts_of(events.with_columns(yes), carried=carried, texts=("account", "endpoint"), parts=parts):
        calls = in_sessions(part, idle=idle).with_columns(
            nw.col(_LOGIN).cum_sum().over(KEY, NUMBER, order_by=ORDER).alias("#so_far"),
            nw.col(_LOGIN).max().over(KEY, NUMBER).alias("#ever"),
        )
        early = nw.col("#so_far") == 0
        rows = calls.select(
            "account", "endpoint", nw.col(FIRST).alias("begins"), nw.col(_LOGIN).alias("logins"),
            nw.when(early & (nw.col("#ever") == 1)).then(nw.lit(1)).otherwise(nw.lit(0)).alias("before"),
            nw.when(nw.col("#ever") == 0).then(nw.lit(1)).otherwise(nw.lit(0)).alias("without"),
            nw.lit(1).alias("calls"),
        )  # fmt: skip
        counts = [nw.col(name).sum().cast(nw.Int64) for name in ("calls", "logins", "before", "without")]
        found.append(rows.group_by("account", "endpoint", "begins").agg(*counts))
    return found


def kept(events: Events, steps: Sequence[nw.Expr], *, idle: timedelta, parts: int) -> list[Events]:
    """Return by `account` how the sessions keep an order of steps: `sessions` in which a step was called, and of them
    `completed`, `unfinished` and `broken` ones.

    What decides are the first calls of each step. broken: a step was called before the one that it comes after, or
    without it. completed: all were called, in order. unfinished: the first ones were, in order.
    """
    named: Mapping[str, nw.Expr] = {f"#step:{number}": step for number, step in enumerate(steps)}
    events = events.with_columns(nw.coalesce(step, nw.lit(False)).alias(name) for name, step in named.items())
    found = []
    for part in parts_of(events, carried=("account", *named), texts=("account",), parts=parts):
        place = nw.col("#one").cum_sum().over(KEY, order_by=ORDER).alias("#place")
        calls = in_sessions(part, idle=idle).with_columns(nw.lit(1).alias("#one")).with_columns(place)
        firsts = calls.with_columns(
            nw.when(nw.col(name)).then(nw.col("#place")).cast(nw.Int64).alias(name) for name in named
        )
        sessions = firsts.group_by(KEY, NUMBER).agg(nw.col("account").max(), *(nw.col(name).min() for name in named))
        found.append(_judged(sessions, list(named)))
    return found


def _judged(sessions: Events, steps: Sequence[str]) -> Events:
    broken, some = nw.lit(False), ~nw.col(steps[0]).is_null()
    for before, step in pairwise(steps):
        called = ~nw.col(step).is_null()
        some = some | called
        broken = broken | (called & nw.coalesce(nw.col(before) >= nw.col(step), nw.lit(True)))
    done = ~broken & ~nw.col(steps[-1]).is_null()
    rows = sessions.filter(some).select(
        "account",
        nw.lit(1).alias("sessions"),
        *(
            nw.when(claim).then(nw.lit(1)).otherwise(nw.lit(0)).alias(name)
            for name, claim in (("completed", done), ("unfinished", ~broken & ~done), ("broken", broken))
        ),
    )
    counts = ("sessions", "completed", "unfinished", "broken")
    return rows.group_by("account").agg(nw.col(name).sum().cast(nw.Int64) for name in counts)
