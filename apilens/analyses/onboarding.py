"""onboarding: how accounts that are new get going, and who does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import narwhals as nw
import polars as pl

from apilens.accounts import Accounts
from apilens.actions import created_of
from apilens.analyses import answers, collect
from apilens.analyses.scope import Scope
from apilens.answer import Events
from apilens.computed import condition
from apilens.funnel_steps import success_of
from apilens.heading import attributed
from apilens.onboarding import (
    DAY,
    STALLED,
    STALLED_AFTER,
    STATES,
    plan_calls,
    progress_of,
    starts_of,
    summary_of,
    there_before,
)
from apilens.query import matching_events
from apilens.result import Field, Result, Table
from apilens.schema import DTYPES
from apilens.shell import quoted_word
from apilens.store.catalogue import MOST, Catalogue
from apilens.window import Window, anchor, shortest

LIMIT = 20
_FIELDS = (
    Field("account"), Field("state"), Field("started", "time"), Field("started_by"), Field("first_call_ms", "ms"),
    Field("first_success_ms", "ms"), Field("endpoints_1d", "count"), Field("endpoints_7d", "count"),
    Field("requests", "count"), Field("last_request", "time"),
)  # fmt: skip
# What people see first: a terminal may have no room for the rest.
_PEOPLE = (
    "account", "state", "started", "first_call_ms", "first_success_ms", "endpoints_1d", "endpoints_7d", "requests",
    "last_request", "started_by",
)  # fmt: skip
_SUMMARY = (
    Field("accounts", "count"), Field("never_called", "count"), Field("stalled", "count"), Field("active", "count"),
    Field("median_first_call_ms", "ms"), Field("median_first_success_ms", "ms"),
    Field("median_endpoints_1d", "number"), Field("median_endpoints_7d", "number"),
)  # fmt: skip


_TYPES = {field.name: pl.Int64() if field.unit == "count" else pl.Float64() for field in _SUMMARY}


@dataclass(frozen=True, slots=True, kw_only=True)
class OnboardingOptions(Scope):
    """What is asked. The window is about when accounts began; their calls count whenever they came.

    seen: the catalogue of the store. accounts: what is known of them, None for nothing. stalled_after: who has not
    called for so long is stalled. limit: rows, None for all.
    """

    seen: Catalogue
    accounts: Accounts | None = None
    stalled_after: timedelta = STALLED_AFTER
    limit: int | None = LIMIT

    def reads(self) -> Window:
        """Return the window of what is read: nobody called before it began."""
        return Window(self.window.since, None)

    def texts(self) -> list[str]:
        """Return every name and condition in it."""
        return [*Scope.texts(self), "endpoint"]

    def query(self) -> dict[str, Any]:
        """Return how the result records what it is about."""
        return {
            "stalled_after": shortest(self.stalled_after),
            "where": list(self.where),
            "limit": "all" if self.limit is None else self.limit,
            **Scope.query(self),
        }


def onboarding(events: Events, options: OnboardingOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return a row for each account that began in the window, those who never called first, and a summary.

    Raises UsageError where `created_at` of the accounts file holds other things than times.
    """
    created = created_of(options.accounts)
    [whole] = answers([options.ask(events, columns, metrics=("requests",))])
    until, _ = anchor(options.now, options.newest or whole.totals.newest)
    starts, calls = _starts_and_calls(events, options, columns, created)
    rows = progress_of(starts, calls, until=until, stalled_after=options.stalled_after)
    shown = rows if options.limit is None else rows.head(options.limit)
    summary = summary_of(rows, until=until)
    return Result(
        kind="onboarding",
        title="How new accounts get going",
        tables=(
            Table("onboarding", _FIELDS, shown.select(field.name for field in _FIELDS), people=_PEOPLE),
            Table("summary", _SUMMARY, pl.DataFrame([summary], schema=_TYPES)),
        ),
        query=options.query(),
        header=(*options.header(whole.totals), _counts(summary)),
        notes=(
            *_notes(options, rows, created, left_out=rows.height - shown.height),
            *([words] if (words := attributed(whole.totals.attributed_share)) else []),
        ),
        command=_command(options),
    )


def _starts_and_calls(
    events: Events, options: OnboardingOptions, columns: Mapping[str, pl.DataType], created: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return when accounts began, and their calls."""
    seen, oldest = options.seen.of("account"), options.seen.first
    starts = _meant(starts_of(created, seen, options.window, oldest=oldest), options, columns)
    matching = matching_events(
        events, where=options.where, window=options.reads(), dtypes=columns, leave=options.leaves(columns)
    )
    success = success_of(lambda text: (condition(text, columns).expr, frozenset()), options.errors)
    [calls] = collect([plan_calls(matching, starts, success)])
    if any("cohort(" in text for text in options.where):
        # Who is in a cohort is known by their events alone.
        starts = starts.join(calls, on="account", how="semi")
    return starts, calls


def _meant(starts: pl.DataFrame, options: OnboardingOptions, columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Return the accounts for which those conditions hold that are about an account, and not about its calls."""
    known = starts
    if options.accounts is not None:
        known = starts.join(options.accounts.table, on="account", how="left", maintain_order="left")
    for text in options.where:
        found = condition(text, columns)
        if found.columns and found.columns <= set(known.columns):
            known = nw.from_native(known).filter(found.expr).to_native()
    return known.select(starts.columns)


def _counts(summary: Mapping[str, int | float | None]) -> str:
    began = "1 account began" if summary["accounts"] == 1 else f"{summary['accounts']:,} accounts began"
    counts = zip(("never_called", "stalled", "active"), STATES, strict=True)
    return f"{began}: " + ", ".join(f"{summary[name]:,} {state}" for name, state in counts)


def _notes(
    options: OnboardingOptions, rows: pl.DataFrame, created: pl.DataFrame, *, left_out: int
) -> Iterator[str]:  # fmt: skip
    if left_out:
        yield f"and {left_out:,} more; --limit all shows them"
    if rows.is_empty():
        yield "no account is known to have begun in the window: widen --since"
    if stalled := rows.filter(pl.col("state") == STALLED)["account"].to_list():
        drill = f"apilens report --by endpoint --account {quoted_word(stalled[0])}"
        yield f"stalled: no call in the last {shortest(options.stalled_after)}; where one stopped: {drill}"
    first, since = options.seen.first, options.window.since
    before = there_before(created, options.seen.of("account"), oldest=first)
    if before and first and (since is None or since < first + DAY):
        were = "1 account was" if before == 1 else f"{before:,} accounts were"
        yield f"{were} there within a day of the first event ({first:%Y-%m-%d}): nobody knows since when"
    if created.is_empty():
        yield "with `created_at` in `accounts: FILE` it would show who never called, too"
    if "account" in options.seen.full:
        yield f"the catalogue holds the first {MOST:,} accounts: of others nothing is known"


def _command(options: OnboardingOptions) -> str:
    length = shortest(options.stalled_after) if options.stalled_after != STALLED_AFTER else ""
    return options.command(
        "onboarding", [("--stalled-after", length), *options.flags(limit=options.limit, usual=LIMIT)]
    )
