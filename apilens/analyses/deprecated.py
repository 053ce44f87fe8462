"""deprecated: who still uses what is to go, how far they have moved, and who is at risk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import narwhals as nw
import polars as pl

from apilens.analyses import answers, collect
from apilens.analyses.scope import Scope
from apilens.answer import Events
from apilens.computed import condition
from apilens.deprecated_use import (
    DEPRECATED,
    SHORT,
    SUNSET,
    dated,
    declared,
    described,
    judged,
    ranked,
    things_of,
)
from apilens.deprecation_settings import moment
from apilens.endpoints import OPENAPI, RESPONSES, Endpoints
from apilens.errors import InputError, UsageError
from apilens.heading import attributed
from apilens.query import matching_events
from apilens.result import Field, Result, Table
from apilens.schema import DTYPES
from apilens.shell import quoted_word
from apilens.short_filters import NO_ACCOUNT as UNATTRIBUTED
from apilens.things import Thing
from apilens.usage import plan_usage
from apilens.window import anchor

LIMIT = 20

_FIELDS = (
    Field("account"), Field("thing"), Field("kind"), Field("requests", "count"), Field("first_request", "time"),
    Field("last_request", "time"), Field("share_migrated", "ratio", "higher"), Field("sunset", "date"),
    Field("days_left", "number"), Field("at_risk"), Field("requests_7d", "count"), Field("change_7d", "ratio"),
)  # fmt: skip
# What people see first: a terminal may have no room for the rest.
_PEOPLE = (
    "account", "thing", "at_risk", "days_left", "requests", "share_migrated", "change_7d", "last_request", "sunset",
    "requests_7d", "first_request", "kind",
)  # fmt: skip
_THINGS = (
    Field("thing"), Field("accounts", "count"), Field("at_risk", "count"), Field("past_sunset", "count"),
    Field("requests", "count"), Field("share_migrated", "ratio", "higher"), Field("sunset", "date"),
    Field("since", "date"), Field("kind"), Field("replacement"), Field("said_by"),
)  # fmt: skip
# What --fail-on takes → the column of the table of things that counts it.
_FLAGS = {"endpoint": "--endpoint", "api_version": "--api-version", "sdk": "--sdk"}
FAIL_ON = {"past-sunset": "past_sunset", "at-risk": "at_risk"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeprecatedOptions(Scope):
    """What is asked. things: what apilens.yaml declares. known: what the store knows of endpoints, of which
    descriptions or responses may call some deprecated. limit: rows, None for all. fail_on: what the answer is judged
    by, of FAIL_ON.
    """

    known: Endpoints
    things: tuple[Thing, ...] = ()
    limit: int | None = LIMIT
    fail_on: str | None = None

    def texts(self) -> list[str]:
        """Return every name and condition in it."""
        conditions = [text for thing in self.things for text in (thing.condition, thing.replaced) if text]
        return [*Scope.texts(self), "endpoint", DEPRECATED, *conditions]

    def described(self) -> int:
        """Return how many endpoints descriptions call deprecated."""
        return self.known.operations.filter(DEPRECATED).height

    def announced(self) -> int:
        """Return how many endpoints only responses call deprecated."""
        return self.known.stated.filter(pl.col("#said_by") == RESPONSES).height


def deprecated(events: Events, options: DeprecatedOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return a row for each account and each deprecated thing that it uses, those at risk first, and a second table of
    the things.

    Raises UsageError where nothing is deprecated, InputError where there is nothing to judge.
    """
    if not (options.things or options.described() or options.announced()):
        raise UsageError(
            "nothing is deprecated",
            hint="list it under `deprecated:` in apilens.yaml, or name a description under `openapi:`, and ingest; "
            "responses may say it (Deprecation, Sunset), where the log has their headers",
        )
    [whole] = answers([options.ask(events, columns, metrics=("requests",))])
    if options.fail_on and not whole.totals.requests:
        raise InputError("no request matches: there is nothing to judge", hint="widen --since, or loosen --where")
    until, _ = anchor(options.now, options.newest or whole.totals.newest)
    uses = _uses(events, options, columns, until=min(until, options.window.until or until))
    rows, things = ranked(uses), things_of(uses, options.things)
    shown = rows if options.limit is None else rows.head(options.limit)
    return Result(
        kind="deprecated",
        title="Deprecated use",
        tables=(
            Table("deprecated", _FIELDS, dated(shown).select(field.name for field in _FIELDS), people=_PEOPLE),
            Table("things", _THINGS, dated(things, ("since", "sunset")).select(field.name for field in _THINGS)),
        ),
        query={
            "where": list(options.where),
            "limit": "all" if options.limit is None else options.limit,
            **options.query(),
        },
        header=options.header(whole.totals),
        notes=(
            *_notes(options, rows, things, left_out=rows.height - shown.height),
            *([words] if (words := attributed(whole.totals.attributed_share)) else []),
        ),
        command=options.command(
            "deprecated", [("--fail-on", options.fail_on), *options.flags(limit=options.limit, usual=LIMIT)]
        ),
    )


def failing(result: Result, fail_on: str) -> int:
    """Return how many accounts use a thing as FAIL_ON says, those included that a limit left out."""
    return int(result.tables[1].rows[FAIL_ON[fail_on]].sum())


def _uses(
    events: Events, options: DeprecatedOptions, columns: Mapping[str, pl.DataType], *, until: datetime
) -> pl.DataFrame:
    matching = matching_events(
        events, where=options.where, window=options.window, dtypes=columns, leave=options.leaves(columns)
    )
    old = [condition(thing.condition, columns).expr for thing in options.things]
    new = [condition(thing.replaced, columns).expr if thing.replaced else None for thing in options.things]
    plans = [plan_usage(matching, *pair, until=until) for pair in zip(old, new, strict=True)]
    if DEPRECATED in columns:
        # What apilens.yaml says of an endpoint goes before what a description says.
        rest = nw.col(DEPRECATED)
        for thing, expr in zip(options.things, old, strict=True):
            if thing.kind == "endpoint":
                rest = rest & ~nw.coalesce(expr, nw.lit(False))
        plans.append(plan_usage(matching, rest, None, until=until, by=("account", "endpoint")))
    found = collect(plans)
    used = [declared(usage, thing) for usage, thing in zip(found, options.things, strict=False)]
    used += [described(usage, options.known.stated) for usage in found[len(used) :]]
    return judged(pl.concat(used), options.now)


def _notes(options: DeprecatedOptions, rows: pl.DataFrame, things: pl.DataFrame, *, left_out: int) -> Iterator[str]:
    if left_out:
        yield f"and {left_out:,} more; --limit all shows them"
    if rows.is_empty():
        yield "nobody uses what is deprecated: widen --since, or loosen --where"
    else:
        count = rows["at_risk"].sum()
        yield f"at risk: called within 7 days, and {SHORT} days left at most: {count:,} of {rows.height:,}"
        account, thing, kind = rows.select("account", "thing", "kind").row(0)
        if kind in _FLAGS:
            flags = f"--account {quoted_word(account or UNATTRIBUTED)} {_FLAGS[kind]} {quoted_word(thing)}"
            yield f"what {account or UNATTRIBUTED} calls: apilens report --by endpoint,sdk {flags}"
    if rows.height and (unused := things.filter(pl.col("accounts") == 0)["thing"].to_list()):
        yield f"nobody uses {', '.join(unused)}"
    if described := options.described():
        used = things.filter((pl.col("said_by") == OPENAPI) & (pl.col("accounts") > 0)).height
        yield f"{used} of {described} endpoints that OpenAPI calls deprecated are used"
        unread = [text for text in options.known.operations.filter(DEPRECATED)[SUNSET].unique() if not moment(text)]
        yield from (f"x-sunset {text!r} is no date: 2026-12-31, or a time" for text in sorted(filter(None, unread)))
    if announced := options.announced():
        used = things.filter((pl.col("said_by") == RESPONSES) & (pl.col("accounts") > 0)).height
        yield f"{used} of {announced} endpoints whose responses call them deprecated are used"
