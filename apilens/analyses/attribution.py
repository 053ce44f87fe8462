"""attribution: which rules find the accounts, and where the requests come from that have none."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from apilens.analyses import answers
from apilens.answer import Answer, Events, Summary
from apilens.heading import attributed, header, iso
from apilens.query import summarise
from apilens.result import Result, Table
from apilens.schema import DTYPES
from apilens.window import Window

_RULES = ("requests", "share", "accounts", "error_rate", "last_request")
_UNATTRIBUTED = "account IS NULL"
# What is told of requests without an account: name of the table, dimension.
_TOPS = (("unattributed_endpoints", "endpoint"), ("unattributed_user_agents", "user_agent"))
_TOP_METRICS = ("requests", "share", "error_rate", "ips")
LIMIT = 10


@dataclass(frozen=True, slots=True)
class AttributionOptions:
    """What is asked: see ReportOptions. limit: rows of endpoints and user agents, None for all."""

    now: datetime
    where: tuple[str, ...] = ()
    limit: int | None = LIMIT
    window: Window = field(default_factory=Window)
    tz: str = "UTC"
    newest: datetime | None = None
    inputs: tuple[str, ...] = ()
    errors: str | None = None

    def texts(self) -> list[str]:
        """Return every condition in it."""
        return [*self.where, *([self.errors] if self.errors else [])]


def attribution(events: Events, options: AttributionOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return the share of requests by the rule that found their account, and the tops of those that have none.

    A rule without a name (null) stands for the requests that no rule found an account for. In the tops, `share` is of
    those. Raises UsageError for a bad condition.
    """

    def ask(by: str, metrics: tuple[str, ...], *, where: tuple[str, ...] = (), limit: int | None = None) -> Summary:
        return summarise(
            events, metrics=metrics, by=(by,), where=(*options.where, *where), limit=limit, window=options.window,
            dtypes=columns, newest=options.newest is None, errors=options.errors,
        )  # fmt: skip

    tops = [ask(by, _TOP_METRICS, where=(_UNATTRIBUTED,), limit=options.limit) for _, by in _TOPS]
    rules, *found = answers([ask("account_source", _RULES), *tops])
    tables = [Table("rules", rules.fields, rules.rows)]
    for (name, _), answer in zip(_TOPS, found, strict=True):
        if answer.rows.height:
            tables.append(Table(name, answer.fields, answer.rows))
    return Result(
        kind="attribution",
        title="Attribution",
        tables=tuple(tables),
        query={
            "where": list(options.where),
            "limit": "all" if options.limit is None else options.limit,
            "since": iso(options.window.since),
            "until": iso(options.window.until),
            "tz": options.tz,
            **({"errors": options.errors} if options.errors else {}),
        },
        header=header(
            rules.totals, window=options.window, tz=options.tz, where=options.where, errors=options.errors,
            newest=options.newest, now=options.now,
        ),
        notes=_notes(rules, found),
        command=_command(options),
    )  # fmt: skip


def _notes(rules: Answer, tops: list[Answer]) -> tuple[str, ...]:
    if not rules.totals.requests:
        return ("no request matches: widen --since, or loosen --where",)
    notes = [attributed(rules.totals.attributed_share) or "every request has an account"]
    for (_, by), answer in zip(_TOPS, tops, strict=True):
        if answer.left_out:
            notes.append(f"and {answer.left_out:,} more by {by}; --limit all shows them")
    return tuple(notes)


def _command(options: AttributionOptions) -> str:
    words = ["apilens", "attribution", *options.inputs]
    for flag, value in (
        *(("--where", text) for text in options.where),
        ("--since", iso(options.window.since)),
        ("--until", iso(options.window.until)),
        ("--limit", "all" if options.limit is None else "" if options.limit == LIMIT else str(options.limit)),
        ("--tz", options.tz if options.tz != "UTC" else ""),
    ):
        if value:
            words += [flag, value]
    return shlex.join(words)
