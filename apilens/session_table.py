"""Tables of sessions, from frames that have a row for each of them (see `sessions_of` in apilens.sessions)."""

from __future__ import annotations

import polars as pl

from apilens.answer import Events

# A session is told by these; the newest stands first.
_ORDER = ("began", "account", "session", "user", "client_ip", "sdk")
_LENGTH = (pl.col("ended") - pl.col("began")).dt.total_microseconds() / 1000


def by_account(sessions: pl.DataFrame, *, limit: int | None) -> tuple[pl.DataFrame, int]:
    """Return what the sessions of each account come to, the account with most of them first; and how many accounts
    there are beyond the limit.

    length: from the beginning of the first call of a session to that of its last. The endpoints are those that most
    sessions of the account begin and end with.
    """
    length = pl.col("length_ms")
    numbers = (
        sessions.with_columns(_LENGTH.alias("length_ms"))
        .group_by("account")
        .agg(
            pl.len().cast(pl.Int64).alias("sessions"),
            pl.col("calls", "errors").sum(),
            (pl.col("errors") > 0).mean().round(6).alias("failed_session_share"),
            length.median().round(3).alias("median_length_ms"),
            length.quantile(0.95, "linear").round(3).alias("p95_length_ms"),
        )
        .with_columns(pl.col("account").cast(pl.String))
        .sort("sessions", "account", descending=[True, False], nulls_last=True)
    )
    shown = numbers.head(numbers.height if limit is None else limit)
    theirs = sessions.with_columns(pl.col("account", "entry_endpoint", "exit_endpoint").cast(pl.String)).join(
        shown.select("account"), on="account", how="semi", nulls_equal=True
    )
    for name in ("entry_endpoint", "exit_endpoint"):
        shown = shown.join(_most_of(theirs, name), on="account", how="left", maintain_order="left", nulls_equal=True)
    return shown, numbers.height - shown.height


def by_endpoint(sessions: pl.DataFrame, *, limit: int | None) -> tuple[pl.DataFrame, int]:
    """Return how many sessions begin and end with each endpoint, most beginnings first; and how many there are beyond
    the limit.
    """
    entries, exits = (
        sessions.group_by(pl.col(column).cast(pl.String).alias("endpoint")).agg(
            pl.len().cast(pl.Int64).alias(name), (pl.len() / sessions.height).round(6).alias(share)
        )
        for column, name, share in (
            ("entry_endpoint", "entries", "entry_share"),
            ("exit_endpoint", "exits", "exit_share"),
        )
    )
    both = entries.join(exits, on="endpoint", how="full", coalesce=True, nulls_equal=True)
    both = both.with_columns(pl.col("entries", "exits", "entry_share", "exit_share").fill_null(0))
    ranked = both.sort("entries", "exits", "endpoint", descending=[True, True, False], nulls_last=True)
    shown = ranked.head(ranked.height if limit is None else limit)
    return shown, ranked.height - shown.height


def newest(sessions: Events, limit: int | None) -> Events:
    """Return the sessions that began last, lazily."""
    ranked = sessions.sort(*_ORDER, descending=[True, *[False] * (len(_ORDER) - 1)], nulls_last=True)
    return ranked if limit is None else ranked.head(limit)


def single(parts: list[pl.DataFrame], limit: int | None) -> pl.DataFrame:
    """Return the newest of the sessions that parts have, each with its length."""
    texts = ("account", "entry_endpoint", "exit_endpoint")
    whole = pl.concat([part.with_columns(pl.col(*texts).cast(pl.String)) for part in parts])
    ranked = whole.sort(*_ORDER, descending=[True, *[False] * (len(_ORDER) - 1)], nulls_last=True)
    return ranked.head(ranked.height if limit is None else limit).with_columns(_LENGTH.round(3).alias("length_ms"))


def _most_of(sessions: pl.DataFrame, name: str) -> pl.DataFrame:
    counted = sessions.group_by("account", name).len()
    ranked = counted.sort("len", name, descending=[True, False], nulls_last=True)
    return ranked.group_by("account", maintain_order=True).agg(pl.col(name).first())
