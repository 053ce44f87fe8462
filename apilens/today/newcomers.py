"""New accounts that stopped calling soon after they began."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from apilens.actions import created_of
from apilens.analyses import collect
from apilens.computed import condition
from apilens.funnel_steps import success_of
from apilens.onboarding import ACTIVE, NEVER, STALLED_AFTER, plan_calls, progress_of, starts_of
from apilens.query import matching_events
from apilens.today.base import Day, Finding, picks
from apilens.window import Window

_NAMED = 5


def stalled_newcomers(day: Day) -> list[Finding]:
    """Return in one finding the accounts that began in the two weeks before and became stalled in the window: it is
    three days then that they have not called. Those that were created, and not called for three days, are such, too.
    """
    rows = _stalled(day)
    if rows.is_empty():
        return []
    names = rows["account"].to_list()
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    requests, began = int(rows["requests"].sum()), rows["started"].min()
    assert isinstance(began, datetime)
    flags = [picks("account", "account", names[0])] if len(names) == 1 else []
    return [Finding(
        kind=day.kind, account=names[0] if len(names) == 1 else None, what="new, and stalled", value=float(len(names)),
        requests=requests, since=began,
        sentence=f"{shown}: new since {day.moment(began)}, {requests:,} request{'' if requests == 1 else 's'}, "
        f"and no call for {STALLED_AFTER.days} days",
        command=day.command("onboarding", *flags, since=began),
    )]  # fmt: skip


def _stalled(day: Day) -> pl.DataFrame:
    """Return the accounts with when they started and how much they called, those that called most first."""
    late = day.until - STALLED_AFTER
    starts = starts_of(
        created_of(day.accounts), day.seen.of("account"), Window(day.whole.since, late), oldest=day.seen.first
    )
    found = [finding.account for finding in day.found if finding.account]
    starts = starts.filter(~pl.col("account").is_in(found))
    if starts.is_empty():
        return starts
    scope = day.scope
    matching = matching_events(
        day.events, where=scope.where, window=day.whole, dtypes=day.columns, leave=scope.leaves(day.columns)
    )
    success = success_of(lambda text: (condition(text, day.columns).expr, frozenset()), scope.errors)
    [calls] = collect([plan_calls(matching, starts, success)])
    rows = progress_of(starts, calls, until=day.until, stalled_after=STALLED_AFTER)
    # Under a filter nobody knows who called at all.
    gone = pl.col("state") != ACTIVE if not scope.where else ~pl.col("state").is_in([ACTIVE, NEVER])
    became = pl.coalesce("last_request", "started").is_between(day.since - STALLED_AFTER, late, closed="left")
    return rows.filter(gone & became).sort("requests", "account", descending=[True, False])
