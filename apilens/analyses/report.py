"""report: any metric by any dimension, or an overview of all traffic."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from apilens.analyses import answers
from apilens.answer import Answer, Events, Summary
from apilens.heading import attributed, header, iso
from apilens.query import summarise
from apilens.result import Result, Table
from apilens.schema import DTYPES
from apilens.window import Window

OVERVIEW_METRICS = (
    "requests",
    "error_rate",
    "errors",
    "client_errors",
    "server_errors",
    "p50_ms",
    "p95_ms",
    "accounts",
    "endpoints",
    "first_request",
    "last_request",
)
# What an overview shows below its totals: name of the table, dimension, metrics.
OVERVIEW_TABLES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("status_classes", "status_class", ("requests", "share")),
    ("accounts", "account", ("requests", "error_rate", "errors", "endpoints", "last_request")),
    ("endpoints", "endpoint", ("requests", "error_rate", "errors", "p95_ms", "accounts")),
)
OVERVIEW_LIMIT = 10


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What a report is asked for. `limit` None shows every row; empty `metrics` means the default ones.

    now: the clock. newest: the newest event of the store, where it is known without reading events; else the newest
    that matches. tz: what headers are shown in. inputs: what the command that makes the result again reads.
    errors: the condition of errors where it is not the default.
    """

    now: datetime
    by: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    having: str | None = None
    sort: str | None = None
    limit: int | None = 20
    window: Window = field(default_factory=Window)
    tz: str = "UTC"
    newest: datetime | None = None
    inputs: tuple[str, ...] = ()
    errors: str | None = None

    def texts(self) -> list[str]:
        """Return every name and condition in it."""
        optional = (self.having, self.sort, self.errors)
        return [*self.by, *self.metrics, *self.where, *(text for text in optional if text)]


def report(events: Events, options: ReportOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return the metrics by the dimensions asked for; without dimensions and metrics, an overview in four tables.

    `columns` are those of `events`, configured ones included. Raises UsageError for every name that cannot be meant.
    """
    metrics = options.metrics or (default_metrics(options.by) if options.by else OVERVIEW_METRICS)
    questions = [("report", _question(events, options, columns, metrics=metrics))]
    if not options.by and not options.metrics:
        questions = [("overview", questions[0][1])]
        for name, by, shown in OVERVIEW_TABLES:
            questions.append((name, _part(events, options, columns, by=by, metrics=shown)))
    found = answers([summary for _, summary in questions])
    tables = tuple(Table(name, answer.fields, answer.rows) for (name, _), answer in zip(questions, found, strict=True))
    return Result(
        kind="report",
        title=f"Report by {', '.join(options.by)}" if options.by else "Overview",
        tables=tables,
        query=_query(options, metrics),
        header=header(
            found[0].totals,
            window=options.window,
            tz=options.tz,
            where=options.where,
            errors=options.errors,
            newest=options.newest,
            now=options.now,
        ),
        notes=_notes(options, found),
        command=_command(options),
    )


def default_metrics(by: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a breakdown shows unless told: traffic, errors, latency, breadth, last sign of life."""
    breadth = "endpoints" if "endpoint" not in by else "accounts" if "account" not in by else "ips"
    return ("requests", "error_rate", "errors", "p95_ms", breadth, "last_request")


def _question(
    events: Events, options: ReportOptions, columns: Mapping[str, pl.DataType], *, metrics: tuple[str, ...]
) -> Summary:
    return summarise(
        events,
        metrics=metrics,
        by=options.by,
        where=options.where,
        having=options.having,
        sort=options.sort,
        limit=options.limit,
        window=options.window,
        dtypes=columns,
        newest=options.newest is None,
        errors=options.errors,
    )


def _part(
    events: Events, options: ReportOptions, columns: Mapping[str, pl.DataType], *, by: str, metrics: tuple[str, ...]
) -> Summary:
    where, window = options.where, options.window
    return summarise(
        events,
        metrics=metrics,
        by=(by,),
        where=where,
        limit=OVERVIEW_LIMIT,
        window=window,
        dtypes=columns,
        newest=False,
        errors=options.errors,
    )


def _notes(options: ReportOptions, found: list[Answer]) -> tuple[str, ...]:
    answer, totals = found[0], found[0].totals
    if not totals.requests:
        return ("no request matches: widen --since, or loosen --where",)
    notes = []
    if answer.left_out:
        notes.append(f"and {answer.left_out:,} more; --limit all shows them")
    if words := attributed(totals.attributed_share):
        notes.append(words)
    if any(part.approximate for part in found):
        notes.append("quantiles are within 1 %: there are more than 2,000,000 events, or sampled ones")
    return tuple(notes)


def _query(options: ReportOptions, metrics: tuple[str, ...]) -> dict[str, Any]:
    return {
        "by": list(options.by),
        "metrics": list(metrics),
        "where": list(options.where),
        "having": options.having,
        "sort": options.sort,
        "limit": "all" if options.limit is None else options.limit,
        "since": iso(options.window.since),
        "until": iso(options.window.until),
        "tz": options.tz,
        **({"errors": options.errors} if options.errors else {}),
    }


def _command(options: ReportOptions) -> str:
    words = ["apilens", "report", *options.inputs]
    for flag, value in (
        ("--by", ",".join(options.by)),
        ("--metrics", ",".join(options.metrics)),
        *(("--where", text) for text in options.where),
        ("--having", options.having),
        ("--since", iso(options.window.since)),
        ("--until", iso(options.window.until)),
        ("--sort", options.sort),
        ("--limit", "all" if options.limit is None else "" if options.limit == 20 else str(options.limit)),
        ("--tz", options.tz if options.tz != "UTC" else ""),
    ):
        if value:
            words += [flag, value]
    return shlex.join(words)
