"""report: any metric by any dimension, or an overview of all traffic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from apilens.analyses import answers
from apilens.analyses.scope import Scope
from apilens.answer import Answer, Events
from apilens.heading import attributed, iso
from apilens.metrics import BY_NAME as METRICS
from apilens.result import Result, Table
from apilens.schema import DTYPES

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
# Who calls. Errors beyond those of the others on the same endpoints put those in trouble first.
CALLERS = ("account", "user", "api_key", "session", "client_ip", "sdk", "sdk_version")
OVERVIEW_LIMIT = 10
LIMIT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions(Scope):
    """What a report is asked for. `limit` None shows every row; empty `metrics` means the default ones."""

    by: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    having: str | None = None
    sort: str | None = None
    limit: int | None = LIMIT

    @property
    def shown(self) -> tuple[str, ...]:
        """The metrics that are shown: those asked for, or what fits."""
        return self.metrics or (default_metrics(self.by) if self.by else OVERVIEW_METRICS)

    def texts(self) -> list[str]:
        """Return every name and condition in it, and the columns that its metrics read."""
        own = (*self.by, *self.shown, self.having, self.sort)
        # Not super(): dataclasses with slots are made anew, and it would look for the class that was before.
        texts = [*(text for text in own if text), *Scope.texts(self)]
        said = " ".join(texts)
        return [*texts, *(column for name, metric in METRICS.items() if name in said for column in metric.needs)]


def report(events: Events, options: ReportOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return the metrics by the dimensions asked for; without dimensions and metrics, an overview in four tables.

    `columns` are those of `events`, configured ones included. Raises UsageError for every name that cannot be meant.
    """
    sort = options.sort or ("excess_errors" if not options.metrics and _names_callers(options.by) else None)
    whole = options.ask(
        events, columns, metrics=options.shown, by=options.by, having=options.having, sort=sort, limit=options.limit
    )
    questions = [("report", whole)]
    if not options.by and not options.metrics:
        questions = [("overview", whole)]
        for name, by, shown in OVERVIEW_TABLES:
            questions.append((name, options.ask(events, columns, metrics=shown, by=(by,), limit=OVERVIEW_LIMIT)))
    found = answers([summary for _, summary in questions])
    tables = tuple(Table(name, answer.fields, answer.rows) for (name, _), answer in zip(questions, found, strict=True))
    return Result(
        kind="report",
        title=f"Report by {', '.join(options.by)}" if options.by else "Overview",
        tables=tables,
        query=_query(options),
        header=options.header(found[0].totals),
        notes=_notes(options, found),
        command=_command(options),
    )


def default_metrics(by: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a breakdown shows unless told: traffic, errors, latency, breadth, last sign of life."""
    breadth = "endpoints" if "endpoint" not in by else "accounts" if "account" not in by else "ips"
    excess = ("excess_errors",) if _names_callers(by) else ()
    return ("requests", "error_rate", "errors", *excess, "p95_ms", breadth, "last_request")


def _names_callers(by: tuple[str, ...]) -> bool:
    """Say whether the rows are callers alone, who can be compared by what they call."""
    return bool(by) and all(name in CALLERS or name.startswith("account.") for name in by)


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


def _query(options: ReportOptions) -> dict[str, Any]:
    return {
        "by": list(options.by),
        "metrics": list(options.shown),
        "where": list(options.where),
        "having": options.having,
        "sort": options.sort,
        "limit": "all" if options.limit is None else options.limit,
        **options.query(),
    }


def _command(options: ReportOptions) -> str:
    limit = "all" if options.limit is None else "" if options.limit == LIMIT else str(options.limit)
    flags = (
        ("--by", ",".join(options.by)),
        ("--metrics", ",".join(options.metrics)),
        *(("--where", text) for text in options.where),
        ("--having", options.having),
        ("--since", iso(options.window.since)),
        ("--until", iso(options.window.until)),
        ("--sort", options.sort),
        ("--limit", limit),
        ("--tz", options.tz if options.tz != "UTC" else ""),
    )
    return options.command("report", flags)
