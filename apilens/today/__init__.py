"""today: the few things about all customers that somebody should know, worst first.

To add one, write a file with a function `Day -> list[Finding]` and put it into FINDERS where it belongs by how bad it
is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from typing import Any

import polars as pl

from apilens.accounts import Accounts
from apilens.analyses.scope import Scope
from apilens.answer import Events
from apilens.endpoints import Endpoints
from apilens.heading import attributed
from apilens.result import Field, Prose, Result, Table
from apilens.schema import DTYPES
from apilens.store.catalogue import Catalogue, nothing_seen
from apilens.things import Thing
from apilens.today.addresses import many_addresses
from apilens.today.base import Day, Finding
from apilens.today.breadth import single_endpoint
from apilens.today.deliveries import failing_deliveries
from apilens.today.everybody import failing_for_everybody
from apilens.today.failing import failing_accounts
from apilens.today.newcomers import stalled_newcomers
from apilens.today.payloads import heavy_payloads
from apilens.today.releases import failing_releases
from apilens.today.slow import slow_accounts
from apilens.today.sunsets import users_of_what_goes
from apilens.today.volume import changed_volume
from apilens.window import Window

# In the order of how bad it is. Each knows what those before it found.
FINDERS: Mapping[str, Callable[[Day], list[Finding]]] = {
    "everybody": failing_for_everybody,
    "failing": failing_accounts,
    "release": failing_releases,
    "deliveries": failing_deliveries,
    "volume": changed_volume,
    "slow": slow_accounts,
    "addresses": many_addresses,
    "onboarding": stalled_newcomers,
    "payloads": heavy_payloads,
    "sunset": users_of_what_goes,
    "breadth": single_endpoint,
}
SENTENCES = 8
# Of one kind no more than this stand before the first of every other kind.
_FIRST = 2
# What is usual is learned from so long before the window.
HISTORY = timedelta(days=14)

FIELDS = (
    Field("kind"), Field("account"), Field("what"), Field("since", "time"), Field("value", "number"),
    Field("usual", "number"), Field("requests", "count"), Field("sentence"), Field("command"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TodayOptions(Scope):
    """What is asked: a window with a beginning. limit: how many sentences, None for all.

    The rest says what Day has it for.
    """

    limit: int | None = SENTENCES
    payloads: tuple[str, ...] = ()
    things: tuple[Thing, ...] = ()
    known: Endpoints = field(default_factory=lambda: Endpoints.of({}))
    seen: Catalogue = field(default_factory=nothing_seen)
    accounts: Accounts | None = None

    def texts(self) -> list[str]:
        """Return every name and condition in it."""
        return [*Scope.texts(self), *(thing.condition for thing in self.things)]

    def reads(self) -> Window:
        """Return the window and what is before it."""
        return Window(self.window.since and self.window.since - HISTORY, self.window.until)


def today(events: Events, options: TodayOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return what stands out in the window, a row per finding.

    Columns: kind (a name of FINDERS), account (null where it is not about one), what, since (null: always), value and
    usual (of what the kind measures), requests concerned, the sentence that says all of it, and the next command.
    """
    day = Day(
        events, options, columns, HISTORY, payloads=options.payloads, things=options.things, endpoints=options.known,
        seen=options.seen, accounts=options.accounts,
    )  # fmt: skip
    found: list[Finding] = []
    for kind, find in FINDERS.items():
        found += find(day.beside(found, kind))
    ranked = _ranked(found)
    shown = ranked if options.limit is None else ranked[: options.limit]
    rows = [finding.row() for finding in shown]
    types = {field.name: _TYPES.get(field.unit, pl.String()) for field in FIELDS}
    frame = pl.DataFrame(rows, schema=types, orient="row")
    return Result(
        kind="today",
        title="Today",
        tables=(Table("today", FIELDS, frame, spread=Prose("sentence", "command")),),
        query={
            **options.query(),
            "where": list(options.where),
            "limit": "all" if options.limit is None else options.limit,
        },
        header=options.header(day.totals),
        notes=_notes(day, len(ranked) - len(shown), empty=not ranked),
        command=options.command("today", options.flags(limit=options.limit, usual=SENTENCES)),
    )


_TYPES: Mapping[str, Any] = {"time": pl.Datetime("us", "UTC"), "number": pl.Float64(), "count": pl.Int64()}


def _ranked(found: list[Finding]) -> list[Finding]:
    """Return the worst of every kind, then the rest: many failing accounts are not to hide the one that is gone."""
    first, rest = [], []
    for _, group in groupby(found, key=lambda finding: finding.kind):
        of_kind = list(group)
        first += of_kind[:_FIRST]
        rest += of_kind[_FIRST:]
    return first + rest


def _notes(day: Day, more: int, *, empty: bool) -> tuple[str, ...]:
    if not day.totals.requests:
        return ("no request in the window: widen --since",)
    notes = ["nothing stands out"] if empty else []
    if more:
        notes.append(f"and {more} more; --limit all shows them")
    if day.known < timedelta(days=2):
        notes.append("less than two days are known before the window: changes of volume need them")
    if words := attributed(day.totals.attributed_share):
        notes.append(words)
    return tuple(notes)
