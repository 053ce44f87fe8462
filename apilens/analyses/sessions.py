"""sessions: how long accounts are at it, how often that goes wrong, and where they come in and leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import narwhals as nw
import polars as pl

from apilens.analyses import answers, collect
from apilens.analyses.scope import Scope
from apilens.answer import Answer, Events
from apilens.computed import condition
from apilens.errors import UsageError
from apilens.heading import attributed
from apilens.metric import IS_ERROR
from apilens.query import matching_events
from apilens.result import Field, Result, Table
from apilens.schema import DTYPES
from apilens.session_table import by_account, by_endpoint, newest, single
from apilens.sessions import CALLS, IDLE, parts_for, sessions_of
from apilens.window import shortest

LIMIT = 20

_ACCOUNTS = (
    Field("account"), Field("sessions", "count"), Field("calls", "count"), Field("errors", "count", "lower"),
    Field("failed_session_share", "ratio", "lower"), Field("median_length_ms", "ms"), Field("p95_length_ms", "ms"),
    Field("entry_endpoint"), Field("exit_endpoint"),
)  # fmt: skip
_ENDPOINTS = (
    Field("endpoint"), Field("entries", "count"), Field("entry_share", "ratio"), Field("exits", "count"),
    Field("exit_share", "ratio"),
)  # fmt: skip
_SINGLE = (
    Field("account"), Field("began", "time"), Field("length_ms", "ms"), Field("calls", "count"),
    Field("errors", "count", "lower"), Field("entry_endpoint"), Field("exit_endpoint"), Field("user"),
    Field("client_ip"), Field("sdk"), Field("session"), Field("ended", "time"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions(Scope):
    """What is asked. idle: a longer pause ends a session that has no token. single: the sessions themselves, the
    newest first. limit: rows of each table, None for all.
    """

    idle: timedelta = IDLE
    single: bool = False
    limit: int | None = LIMIT

    def query(self) -> dict[str, Any]:
        """Return how the result records what it is about."""
        return {
            "idle": shortest(self.idle),
            "list": self.single,
            "limit": "all" if self.limit is None else self.limit,
            "where": list(self.where),
            **Scope.query(self),
        }


def sessions(events: Events, options: SessionOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return the sessions by account and the endpoints that they begin and end with, or the newest single ones.

    Raises UsageError for a bad condition.
    """
    if options.idle <= timedelta(0):
        raise UsageError("--idle is no pause", hint="for example --idle 30m")
    [answer] = answers([options.ask(events, columns, metrics=("requests",), where=(CALLS,))])
    matching = matching_events(
        events, where=options.where, window=options.window, dtypes=columns, leave=options.leaves(columns)
    )
    [rows] = collect([matching.select(nw.len())])
    failed = condition(options.errors, columns).expr if options.errors else IS_ERROR
    parts = sessions_of(
        matching, failed=failed, idle=options.idle, parts=parts_for(rows.item()), detailed=options.single
    )
    tables, left_out = _single(parts, options) if options.single else _summed(parts, options)
    return Result(
        kind="sessions.list" if options.single else "sessions",
        title="Sessions",
        tables=tables,
        query=options.query(),
        header=(*options.header(answer.totals), _told_by(options.idle)),
        notes=tuple(_notes(options, tables[0].rows, left_out, answer)),
        command=_command(options),
    )


def _summed(parts: list[Events], options: SessionOptions) -> tuple[tuple[Table, ...], int]:
    """Return the tables of all sessions, and how many accounts are left out."""
    frame = pl.concat(collect(parts))
    accounts, more = by_account(frame, limit=options.limit)
    endpoints, _ = by_endpoint(frame, limit=options.limit)
    tables = (
        Table("sessions", _ACCOUNTS, accounts.select(item.name for item in _ACCOUNTS)),
        Table("endpoints", _ENDPOINTS, endpoints.select(item.name for item in _ENDPOINTS)),
    )
    return tables, more


def _single(parts: list[Events], options: SessionOptions) -> tuple[tuple[Table, ...], int]:
    """Return the newest sessions, and how many are left out: 1 stands for some."""
    # One more than is shown says whether there are more.
    most = None if options.limit is None else options.limit + 1
    rows = single(collect([newest(part, most) for part in parts]), most)
    shown = rows.head(options.limit or rows.height).select(item.name for item in _SINGLE)
    return (Table("sessions", _SINGLE, shown),), rows.height - shown.height


def _told_by(idle: timedelta) -> str:
    return f"sessions: by token, else by account, user, address and SDK without a pause of more than {shortest(idle)}"


def _notes(options: SessionOptions, rows: pl.DataFrame, left_out: int, answer: Answer) -> Iterator[str]:
    if rows.is_empty():
        yield "no call matches: widen --since, or loosen --where"
        return
    if left_out:
        more = "older ones" if options.single else f"{left_out:,} more"
        yield f"and {more}; --limit all shows them"
    if words := attributed(answer.totals.attributed_share):
        yield words
    if options.single:
        yield "what was called in one: apilens report --by endpoint,status --account NAME --since BEGAN"
    else:
        yield "single ones: apilens sessions --list --account NAME"


def _command(options: SessionOptions) -> str:
    idle = "" if options.idle == IDLE else shortest(options.idle)
    flags = [("--idle", idle), *options.flags(limit=options.limit, usual=LIMIT)]
    return options.command("sessions", flags) + (" --list" if options.single else "")
