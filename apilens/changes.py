"""What changed: any metric by any dimension in one window, in the one it is compared with, and by how much.

comparison = parse_comparison("typical", window, now=now)          # or previous, 7d-ago, SINCE..UNTIL, mark:NAME
plan = plan_changes(events, comparison, metrics=["error_rate", "requests"], by=["account"],
                    having="error_rate_diff > 0.02 AND requests >= 50", sort="error_rate_diff")
answer = plan.finish(answers(plan.summaries))                      # `answers` of apilens.analyses collects
answer.rows                                                        # account, state, error_rate, error_rate_before …

An analysis asks `Scope.changes`, which fills in where, columns and errors. `events` must hold `comparison.reads`. A row
is a group that is in either window: its dimensions, `state`, and for each metric X the columns

    X          now                  X_change   X / X_before − 1, null where X_before is 0, less, or unknown
    X_before   in the other window  X_diff     X − X_before, in points: for rates and shares

`state` is `new` (no request before), `gone` (none now), `changed` or `same` (no metric shown differs; times apart).
Conditions and `sort` may name all of these, of metrics shown or not; conditions the claims `new` and `gone`, too.
Where the group is not, its counts are 0 and its rates unknown. Against several windows (`typical`) X_before is the
median of X over those in which there was any request at all; a group that is in none of them is new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from apilens.answer import Answer, Events, Summary
from apilens.changed import beside, completed, usual
from apilens.changed_columns import Asked, asked_of
from apilens.comparison import Comparison, words_of
from apilens.engine import frame
from apilens.left_out import NOTHING, LeftOut
from apilens.query import summarise
from apilens.schema import DTYPES


@dataclass(frozen=True, slots=True)
class Changes:
    """A planned comparison: collect `summaries`, then call `finish` with their answers, in the same order.

    summaries: the head, no events at all, the bases, and what says of each base whether there is any request in it.
    """

    comparison: Comparison
    summaries: tuple[Summary, ...]
    asked: Asked
    limit: int | None

    def finish(self, found: Sequence[Answer]) -> Answer:
        """Return the rows (see above), whose totals are those of the head; `groups` counts them before the limit."""
        head, nothing, *others = found
        count = len(self.comparison.bases)
        known = [base for base, cover in zip(others[:count], others[count:] or others, strict=False) if _any(cover)]
        bases = known or others[:1]
        keys = self.asked.keys
        everyone = pl.concat([part.rows.select(keys) for part in (head, *bases)]).unique() if keys else None
        now = completed(head, everyone, nothing.rows, keys)
        before = usual([completed(base, everyone, nothing.rows, keys) for base in bases], keys)
        rows = self.asked.ranked(beside(now, before, keys, self.asked.fields, shown=self.asked.shown))
        return Answer(
            rows=rows.head(rows.height if self.limit is None else self.limit).select(
                [item.name for item in self.asked.columns]
            ),
            fields=self.asked.columns,
            groups=rows.height,
            totals=head.totals,
            approximate=any(part.approximate for part in found),
        )

    def notes(self, found: Sequence[Answer]) -> tuple[str, ...]:
        """Return what a reader must know of the windows, from the answers that `finish` takes."""
        words = words_of(self.comparison)
        notes = [words] if words else []
        count = len(self.comparison.bases)
        known = sum(map(_any, found[2 + count :] or found[2:]))
        if not known and _any(found[0]):
            notes.append("there are no requests to compare with: everything is new")
        elif self.comparison.is_typical and known < count:
            notes.append(f"what is typical comes from {known} of {count} weeks: the others have no requests")
        return tuple(notes)


def plan_changes(
    events: Events,
    comparison: Comparison,
    *,
    metrics: Sequence[str],
    by: Sequence[str] = (),
    where: Sequence[str] = (),
    having: str | None = None,
    sort: str | None = None,
    limit: int | None = None,
    dtypes: Mapping[str, pl.DataType] = DTYPES,
    newest: bool = True,
    errors: str | None = None,
    before: Events | None = None,
    flag: str | None = None,
    leave: LeftOut = NOTHING,
) -> Changes:
    """Return the plan of what changed, asked as `summarise` is. before: the events of the bases, where they are others.
    flag: a condition; rows for which it holds come first, and the column `fails` says so. leave: what is left out.

    Rows are sorted by `sort` (the default is the first metric, falling), then by key. Raises UsageError for every name
    that cannot be meant.
    """
    others = events if before is None else before

    def ask(events: Events, names: Sequence[str], **scope: object) -> Summary:
        return summarise(events, metrics=names, dtypes=dtypes, errors=errors, leave=leave, **scope)  # type: ignore[arg-type]

    asked = asked_of(metrics, by=by, having=having, sort=sort, dtypes=dtypes, flag=flag)
    computed = asked.computed
    head = ask(events, computed, by=by, where=where, window=comparison.head, newest=newest)
    nothing = ask(frame(pl.LazyFrame(schema=dict(dtypes))), computed, newest=False)
    bases = [ask(others, computed, by=by, where=where, window=base, newest=False) for base in comparison.bases]
    needed: list[Summary] = []
    if comparison.is_typical and where:
        # A week without the errors that are asked for is a week of 0 of them, unless there is nothing of it at all.
        needed = [ask(others, ["requests"], window=base, newest=False) for base in comparison.bases]
    return Changes(comparison, (head, nothing, *bases, *needed), asked, limit)


def _any(answer: Answer) -> bool:
    return answer.totals.requests > 0
