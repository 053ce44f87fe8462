"""compare: what differs between two sets of events, two logs, two windows or two stores, and whether it may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from apilens.analyses import answers
from apilens.analyses.scope import Scope
from apilens.answer import Events
from apilens.changed_columns import FAILS, SAME, STATE, people_see
from apilens.comparison import Comparison
from apilens.heading import bounds
from apilens.left_out import lines_of
from apilens.result import Result, Table
from apilens.schema import DTYPES
from apilens.window import Window

BY = ("endpoint",)
METRICS = ("requests", "error_rate", "p95_ms")
LIMIT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions(Scope):
    """What is asked. base, head: how the two sides were named; `inputs`: how they are named whenever that is read.

    before: the window of the base, where `window` is that of the head. fail_on: the condition of rows that may not be.
    limit: rows shown, None for all.
    """

    base: str
    head: str
    before: Window
    by: tuple[str, ...] = BY
    metrics: tuple[str, ...] = METRICS
    having: str | None = None
    sort: str | None = None
    fail_on: str | None = None
    limit: int | None = LIMIT

    def texts(self) -> list[str]:
        """Return every name and condition in it."""
        own = (*self.by, *self.metrics, self.having, self.sort, self.fail_on)
        return [*(text for text in own if text), *Scope.texts(self)]

    def query(self) -> dict[str, Any]:
        """Return how the result records what was asked."""
        return {
            "base": self.inputs[0],
            "head": self.inputs[1],
            "by": list(self.by),
            "metrics": list(self.metrics),
            "where": list(self.where),
            "having": self.having,
            "sort": self.sort,
            "fail_on": self.fail_on,
            "limit": "all" if self.limit is None else self.limit,
            **({"all": True} if self.everything else {}),
        }

    def again(self) -> str:
        """Return the command that asks this again."""
        flags = [
            ("--by", ",".join(self.by) if self.by != BY else None),
            ("--metrics", ",".join(self.metrics) if self.metrics != METRICS else None),
            *(("--where", text) for text in self.where),
            ("--having", self.having),
            ("--sort", self.sort),
            ("--fail-on", self.fail_on),
            ("--limit", "all" if self.limit is None else str(self.limit) if self.limit != LIMIT else None),
        ]
        return self.command("compare", flags)


@dataclass(frozen=True, slots=True)
class Compared:
    """What differs, how many rows fail, and whether there are requests on both sides to judge."""

    result: Result
    failing: int
    has_data: bool


def compare(
    events: Events, before: Events, options: CompareOptions, *, columns: Mapping[str, pl.DataType] = DTYPES
) -> Compared:
    """Return a row for each group of which any metric shown differs at all, or that fails; those that fail come first.

    events: of the head; before: of the base. Raises UsageError for every name that cannot be meant.
    """
    comparison = Comparison("base", options.window, (options.before,))
    plan = options.changes(
        events, columns, comparison, metrics=options.metrics, by=options.by, having=options.having, sort=options.sort,
        before=before, flag=options.fail_on,
    )  # fmt: skip
    found = answers(plan.summaries)
    answer = plan.finish(found)
    fails = pl.col(FAILS) if options.fail_on else pl.lit(False)
    rows = answer.rows.filter((pl.col(STATE) != SAME) | fails)
    shown = rows.head(rows.height if options.limit is None else options.limit)
    failing = int(rows.select(fails.sum()).item()) if options.fail_on else 0
    sides = [(options.head, options.window, found[0]), (options.base, options.before, found[2])]
    notes = [] if rows.height else ["nothing differs"]
    if rows.height > shown.height:
        notes.append(f"and {rows.height - shown.height:,} more; --limit all shows them")
    if answer.approximate:
        notes.append("quantiles are within 1 %: there are more than 2,000,000 events, or sampled ones")
    lines = [
        line
        for side, (name, window, part) in zip(("head", "base"), sides, strict=True)
        for line in (
            f"{side}: {name}, {_counted(part.totals.requests)}, {bounds(window, options.tz).removeprefix('window: ')}",
            *(f"{side}: {words}" for words in lines_of(part.totals.left_out)),
        )
    ]
    result = Result(
        kind="compare",
        title=f"{options.head} compared with {options.base}",
        tables=(Table("changes", answer.fields, shown, people_see(answer.fields)),),
        query=options.query(),
        header=(*lines, *(f"where: {text}" for text in options.where)),
        notes=(*notes, *plan.notes(found)),
        command=options.again(),
    )
    return Compared(result, failing, all(part.totals.requests for _, _, part in sides))


def _counted(requests: int) -> str:
    return f"{requests:,} request{'' if requests == 1 else 's'}"
