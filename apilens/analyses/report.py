"""report: any metric by any dimension, or an overview of all traffic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from apilens.analyses import answers
from apilens.analyses.scope import Scope
from apilens.answer import Answer, Events, Summary
from apilens.changed_columns import people_see
from apilens.changes import Changes
from apilens.comparison import Comparison, parse_comparison
from apilens.heading import attributed, compared_with, iso
from apilens.metrics import BY_NAME as METRICS
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
# Who calls. Errors beyond those of the others on the same endpoints put those in trouble first.
CALLERS = ("account", "user", "api_key", "session", "client_ip", "sdk", "sdk_version")
OVERVIEW_LIMIT = 10
# What is shown beside what it was, unless told.
COMPARED_METRICS = ("requests", "error_rate", "p95_ms")
LIMIT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions(Scope):
    """What a report is asked for. `limit` None shows every row; empty `metrics` means the default ones. compare: names
    what the window is compared with.
    """

    by: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    having: str | None = None
    sort: str | None = None
    limit: int | None = LIMIT
    compare: str | None = None

    @property
    def shown(self) -> tuple[str, ...]:
        """The metrics that are shown: those asked for, or what fits."""
        usual = default_metrics(self.by) if self.by else OVERVIEW_METRICS
        return self.metrics or (COMPARED_METRICS if self.compare else usual)

    @property
    def comparison(self) -> Comparison | None:
        """The windows that are compared. Raises UsageError where `compare` names none."""
        return parse_comparison(self.compare, self.window, now=self.now, tz=self.tz) if self.compare else None

    def about(self) -> Window:
        """Return the window that the answer is about: around a mark it is not the one that was given."""
        return found.head if (found := self.comparison) else self.window

    def reads(self) -> Window:
        """Return the window of events that are needed."""
        return found.reads if (found := self.comparison) else self.window

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
    comparison = options.comparison
    options = replace(options, window=options.about())

    def ask(metrics: tuple[str, ...], by: tuple[str, ...], **rest: Any) -> Summary | Changes:
        if comparison is None:
            return options.ask(events, columns, metrics=metrics, by=by, **rest)
        return options.changes(events, columns, comparison, metrics=metrics, by=by, **rest)

    questions = {"report": ask(options.shown, options.by, having=options.having, sort=sort, limit=options.limit)}
    if not options.by and not options.metrics:
        questions = {"overview": questions["report"]}
        for name, by, shown in OVERVIEW_TABLES:
            fitting = tuple(metric for metric in shown if metric in COMPARED_METRICS) if comparison else shown
            questions[name] = ask(fitting, (by,), limit=OVERVIEW_LIMIT)
    found, notes = zip(*map(_answered, questions.values()), strict=True)
    tables = tuple(
        Table(name, answer.fields, answer.rows, people_see(answer.fields) if comparison else None)
        for name, answer in zip(questions, found, strict=True)
    )
    totals = found[0].totals
    return Result(
        kind="report",
        title=f"Report by {', '.join(options.by)}" if options.by else "Overview",
        tables=tables,
        query=_query(options),
        header=(*options.header(totals), *([compared_with(comparison, options.tz)] if comparison else [])),
        notes=(*_notes(options, found), *notes[0]),
        command=_command(options),
    )


def _answered(question: Summary | Changes) -> tuple[Answer, tuple[str, ...]]:
    """Return the answer to a question, and what a reader must know of the windows compared."""
    if isinstance(question, Summary):
        return answers([question])[0], ()
    found = answers(question.summaries)
    return question.finish(found), question.notes(found)


def default_metrics(by: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a breakdown shows unless told: traffic, errors, latency, breadth, last sign of life."""
    breadth = "endpoints" if "endpoint" not in by else "accounts" if "account" not in by else "ips"
    excess = ("excess_errors",) if _names_callers(by) else ()
    return ("requests", "error_rate", "errors", *excess, "p95_ms", breadth, "last_request")


def _names_callers(by: tuple[str, ...]) -> bool:
    """Say whether the rows are callers alone, who can be compared by what they call."""
    return bool(by) and all(name in CALLERS or name.startswith("account.") for name in by)


def _notes(options: ReportOptions, found: Sequence[Answer]) -> tuple[str, ...]:
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
        **({"compare": found.spelled} if (found := options.comparison) else {}),
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
        ("--compare", found.spelled if (found := options.comparison) else None),
        ("--sort", options.sort),
        ("--limit", limit),
        ("--tz", options.tz if options.tz != "UTC" else ""),
    )
    return options.command("report", flags)
