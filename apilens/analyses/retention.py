"""retention: of those who began in a period, how many came back in each period after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import narwhals as nw
import polars as pl

from apilens.analyses import answers, collect
from apilens.analyses.scope import Scope
from apilens.answer import Answer, Events
from apilens.computed import condition
from apilens.errors import UsageError
from apilens.heading import percent
from apilens.periods import PERIODS, Period
from apilens.query import matching_events
from apilens.result import Field, Result, Spread, Table
from apilens.returning import cells_of, curve_of, plan_returns
from apilens.schema import DTYPES
from apilens.short_filters import event_condition
from apilens.window import Window, anchor, zone_of

# Who is counted → with its article.
_NAMES = {"account": "an account", "user": "a user", "session": "a session", "api_key": "an API key"}
UNITS = tuple(_NAMES)
LIMIT = 20
PERIODS_SHOWN = 12

# What a unit does: webhooks are sent to it.
_ACTIVITY = nw.col("direction") != "outgoing"
_FIELDS = (
    Field("cohort", "date"), Field("size", "count"), Field("period", "number"), Field("returned", "count"),
    Field("rate", "ratio", "higher"), Field("complete"),
)  # fmt: skip
_CURVE = (
    Field("period", "number"), Field("cohorts", "count"), Field("size", "count"), Field("returned", "count"),
    Field("rate", "ratio", "higher"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionOptions(Scope):
    """What is asked. The window is about first events: who had one in it. every: a key of PERIODS.

    first, returning: endpoints, actions or conditions, None for anything that a unit does. unbounded: a return counts
    for the periods before it, too. window_only: who was there before the window may be new in it. periods, limit: how
    many periods, and how many cohorts, the newest ones; None for all.
    """

    every: str = "1w"
    unit: str = "account"
    first: str | None = None
    returning: str | None = None
    unbounded: bool = False
    window_only: bool = False
    periods: int | None = PERIODS_SHOWN
    limit: int | None = LIMIT

    def reads(self) -> Window:
        """Return the window of what is read: returns come after it, and who is new must not have been there before."""
        return Window(self.window.since if self.window_only else None, None)

    def texts(self) -> list[str]:
        """Return every name and condition in it."""
        return [*Scope.texts(self), *(event_condition(text) for text in (self.first, self.returning) if text)]

    def query(self) -> dict[str, Any]:
        """Return how the result records what it is about."""
        return {
            "every": self.every,
            "unit": self.unit,
            "first": self.first,
            "returning": self.returning,
            "unbounded": self.unbounded,
            "window_only": self.window_only,
            "periods": "all" if self.periods is None else self.periods,
            "limit": "all" if self.limit is None else self.limit,
            "where": list(self.where),
            **Scope.query(self),
        }


def retention(events: Events, options: RetentionOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return a row for each cohort and each period since it began, and the average over cohorts as a second table.

    Raises UsageError for an unknown unit or length of periods, or a bad condition.
    """
    period = PERIODS.get(options.every)
    if period is None:
        raise UsageError(f"--every {options.every!r} is no period", hint=f"one of {', '.join(PERIODS)}")
    if options.unit not in UNITS:
        raise UsageError(f"--unit {options.unit!r} is nobody to count", hint=f"one of {', '.join(UNITS)}")
    read = matching_events(events, window=options.reads())
    matching = matching_events(read, where=options.where, dtypes=columns, leave=options.leaves(columns))
    plan = plan_returns(
        matching, unit=options.unit, period=period, first=_meant(options.first, columns),
        returning=_meant(options.returning, columns), window=options.window, unbounded=options.unbounded,
    )  # fmt: skip
    [answer] = answers([options.ask(events, columns, metrics=("requests", _known(options.unit)))])
    moment = nw.col("timestamp")
    ends = read.select(moment.min().alias("oldest"), moment.max().alias("newest"))
    sizes, returns, known = collect([plan.sizes, plan.returns, ends])
    oldest, newest = known.row(0)
    until, _ = anchor(options.now, options.newest or newest)
    cells = cells_of(
        sizes, returns, period=period, until=until, periods=options.periods, unbounded=options.unbounded
    )  # fmt: skip
    cohorts = cells["cohort"].unique().sort()
    shown = cohorts if options.limit is None else cohorts.tail(options.limit)
    rows = cells.filter(pl.col("cohort").is_in(shown.implode()))
    return Result(
        kind="retention",
        title=f"Retention by {period.name}",
        tables=(
            Table("retention", _FIELDS, rows, Spread(("cohort", "size"), "period", "rate")),
            Table("curve", _CURVE, curve_of(cells)),
        ),
        query=options.query(),
        header=(*options.header(answer.totals), *_header(options, period)),
        notes=tuple(_notes(options, rows, earlier=cohorts.len() - shown.len(), until=until, oldest=oldest))
        + tuple(_identified(options, answer)),
        command=_command(options),
    )


def _meant(text: str | None, columns: Mapping[str, pl.DataType]) -> nw.Expr:
    return condition(event_condition(text, columns), columns).expr if text else _ACTIVITY


def _known(unit: str) -> str:
    return f"count({unit} IS NOT NULL)"


def _header(options: RetentionOptions, period: Period) -> Iterator[str]:
    when = "in the window" if options.window_only else "ever"
    yield f"cohorts: each {_noun(options)} by the {period.name} of its first event {when}"
    if options.first:
        yield f"first event: {options.first}"
    back = f"that {period.name} or later" if options.unbounded else f"exactly that {period.name}"
    yield f"returned: {options.returning or 'any event'} in {back}"


def _noun(options: RetentionOptions) -> str:
    return _NAMES[options.unit].partition(" ")[2]


def _notes(
    options: RetentionOptions, rows: pl.DataFrame, *, earlier: int, until: datetime, oldest: datetime | None
) -> Iterator[str]:  # fmt: skip
    if rows.is_empty():
        yield f"no {_noun(options)} began in the window: widen --since, or loosen --where and --first"
    if earlier:
        words = "cohort" if earlier == 1 else "cohorts"
        yield f"and {earlier:,} earlier {words}, which the curve has; --limit all shows them"
    if not rows["complete"].all():
        end = until.astimezone(zone_of(options.tz))
        yield f"no rate for periods that are not over: events are known until {end:%Y-%m-%d %H:%M} ({options.tz})"
    if oldest is not None and PERIODS[options.every].holding(oldest) in rows["cohort"]:
        yield f"the events begin on {oldest:%Y-%m-%d}: whoever was there before counts as new in the first cohort"


def _identified(options: RetentionOptions, answer: Answer) -> Iterator[str]:
    """Say how many requests are somebody's, where some are nobody's."""
    requests, known = answer.rows.row(0)
    if requests and known < requests:
        yield f"{percent(known / requests)} of requests have {_NAMES[options.unit]}; the others are nobody's"


def _command(options: RetentionOptions) -> str:
    shown = options.flags(limit=options.limit, usual=LIMIT)
    periods = "all" if options.periods is None else str(options.periods)
    command = options.command(
        "retention",
        [
            ("--every", options.every if options.every != "1w" else ""),
            ("--unit", options.unit if options.unit != "account" else ""),
            ("--first", options.first),
            ("--returning", options.returning),
            ("--periods", periods if options.periods != PERIODS_SHOWN else ""),
            *shown,
        ],
    )
    return f"{command}{' --unbounded' if options.unbounded else ''}{' --window-only' if options.window_only else ''}"
