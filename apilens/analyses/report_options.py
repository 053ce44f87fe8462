"""What a report is asked: metrics, dimensions, conditions, and what it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from apilens.analyses.scope import Scope
from apilens.comparison import Comparison, parse_comparison
from apilens.errors import UsageError
from apilens.heading import iso
from apilens.metrics import BY_NAME as METRICS
from apilens.store.catalogue import DIMENSIONS
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
# Who calls. Errors beyond those of the others on the same endpoints put those in trouble first.
CALLERS = ("account", "user", "api_key", "session", "client_ip", "sdk", "sdk_version")
# What is shown beside what it was, unless told.
FIRST_SEEN = "first_seen"
COMPARED_METRICS = ("requests", "error_rate", "p95_ms")
# What is drawn over time, unless told: two lines fit side by side.
SERIES_METRICS = ("requests", "error_rate")
LIMIT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions(Scope):
    """What a report is asked for. `limit` None shows every row; empty `metrics` means the default ones. compare: names
    what the window is compared with. every: how long the buckets of a series are. new: only what was first seen, ever,
    within the window. marks: name → moment, of those that there are.
    """

    by: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    having: str | None = None
    sort: str | None = None
    limit: int | None = LIMIT
    compare: str | None = None
    every: str | None = None
    new: bool = False
    marks: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def shown(self) -> tuple[str, ...]:
        """The metrics that are shown: those asked for, or what fits."""
        usual = default_metrics(self.by) if self.by else OVERVIEW_METRICS
        shown = self.metrics or (SERIES_METRICS if self.every else COMPARED_METRICS if self.compare else usual)
        return (FIRST_SEEN, *shown) if self.new and not self.every and FIRST_SEEN not in shown else shown

    @property
    def order(self) -> str | None:
        """What rows are sorted by; None: the first metric, which of what is new says when it came."""
        if self.sort or self.metrics or self.new:
            return self.sort
        return "excess_errors" if names_callers(self.by) else None

    @property
    def condition(self) -> str | None:
        """What holds for each row. Raises UsageError where it cannot be known what is new."""
        if not self.new:
            return self.having
        since = iso(self.about().since)
        if since is None:
            raise UsageError("--new is what was first seen in a window", hint="give --since, for example --since 24h")
        if len(named := [name for name in self.by if name in DIMENSIONS]) != 1 or len(self.by) != 1:
            hint = f"--by one of {', '.join(DIMENSIONS)}" + (" alone" if named else "")
            raise UsageError("--new is known of one kind of thing at a time", hint=hint)
        return " AND ".join([*([f"({self.having})"] if self.having else []), f"{FIRST_SEEN} >= '{since}'"])

    @property
    def comparison(self) -> Comparison | None:
        """The windows that are compared. Raises UsageError where `compare` names none."""
        return (
            parse_comparison(self.compare, self.window, now=self.now, tz=self.tz, marks=self.marks)
            if self.compare
            else None
        )

    def about(self) -> Window:
        """Return the window that the answer is about: around a mark it is not the one that was given."""
        return found.head if (found := self.comparison) else self.window

    def reads(self) -> Window:
        """Return the window of events that are needed."""
        return found.reads if (found := self.comparison) else self.window

    def texts(self) -> list[str]:
        """Return every name and condition in it, and the columns that its metrics read."""
        own = (*self.by, *self.shown, self.having, self.sort, FIRST_SEEN if self.new else None)
        # Not super(): dataclasses with slots are made anew, and it would look for the class that was before.
        texts = [*(text for text in own if text), *Scope.texts(self)]
        said = " ".join(texts)
        needed = [column for name, metric in METRICS.items() if name in said for column in metric.needs]
        # One text: none of these is a dimension that is asked for.
        return [*texts, f"({', '.join(needed)})"]

    def query(self) -> dict[str, Any]:
        """Return how results record what was asked."""
        return {
            "by": list(self.by),
            "metrics": list(self.shown),
            "where": list(self.where),
            "having": self.having,
            "sort": self.sort,
            "limit": "all" if self.limit is None else self.limit,
            **({"new": True} if self.new else {}),
            **({"every": self.every} if self.every else {}),
            **({"compare": found.spelled} if (found := self.comparison) else {}),
            **Scope.query(self),
        }

    def again(self) -> str:
        """Return the command that asks this again."""
        limit = "all" if self.limit is None else "" if self.limit == LIMIT else str(self.limit)
        flags = (
            ("--by", ",".join(self.by)),
            ("--metrics", ",".join(self.metrics)),
            *(("--where", text) for text in self.where),
            ("--having", self.having),
            ("--since", iso(self.window.since)),
            ("--until", iso(self.window.until)),
            ("--every", self.every),
            ("--compare", found.spelled if (found := self.comparison) else None),
            ("--sort", self.sort),
            ("--limit", limit),
            ("--tz", self.tz if self.tz != "UTC" else ""),
        )
        return self.command("report", flags) + (" --new" if self.new else "")


def default_metrics(by: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a breakdown shows unless told: traffic, errors, latency, breadth, last sign of life."""
    breadth = "endpoints" if "endpoint" not in by else "accounts" if "account" not in by else "ips"
    excess = ("excess_errors",) if names_callers(by) else ()
    return ("requests", "error_rate", "errors", *excess, "p95_ms", breadth, "last_request")


def names_callers(by: tuple[str, ...]) -> bool:
    """Say whether the rows are callers alone, who can be compared by what they call."""
    return bool(by) and all(name in CALLERS or name.startswith("account.") for name in by)
