"""events: the raw requests behind a number, newest first, as they are stored: redacted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from apilens import dimensions
from apilens.analyses.newest import ORDER, newest
from apilens.analyses.scope import Scope
from apilens.answer import Events
from apilens.computed import condition
from apilens.errors import UsageError
from apilens.heading import age_of, scope_lines
from apilens.left_out import NOTHING, what_of
from apilens.link_settings import fields_of
from apilens.links import PREFIX, with_links
from apilens.query import IS_REQUEST, matching_events
from apilens.result import Field, Result, Table, Unit
from apilens.schema import DTYPES
from apilens.spelling import nearest

LIMIT = 20
# FILE:LINE of the event.
LOCATION = "location"
SHOWN = (
    "timestamp", "status", "account", "endpoint", LOCATION, "duration_ms", "error_code", "error_field", "user", "sdk",
    "sdk_version", "api_version", "request_id",
)  # fmt: skip
# What --id looks in.
IDS = ("request_id", "trace_id", "event_id")
# What is no quantity, though it is a number.
_LABELS = ("line", "item", "request_fingerprint")
_UNITS: Mapping[str, Unit] = {"_ms": "ms", "_bytes": "bytes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsOptions(Scope):
    """What is asked. shown: columns, empty for the usual ones; ids: events with one of these in a column of IDS, shown
    whole unless `shown` says otherwise. links: name → template. days: those of the store that have events, for which
    it is looked into from the newest on; empty where they are not known. limit: events, None for all.
    """

    shown: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    days: tuple[date, ...] = ()
    limit: int | None = LIMIT

    def texts(self) -> list[str]:
        """Return every name and condition in it, and the columns that links are made of."""
        # Not super(): see ReportOptions.
        named = (column for template in self.links.values() for column in fields_of(template))
        return [*Scope.texts(self), *(self.shown or SHOWN), *named]


def events(events: Events, options: EventsOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return the newest events in scope, each with its columns, FILE:LINE and links.

    Requests, unless a condition or column names `kind` or `action`. Raises UsageError for an unknown column and a bad
    condition.
    """
    names = _names(options, columns)
    where = (*options.where, *([_with_one_of(options.ids)] if options.ids else []))
    # An event that is asked for by its id is meant, whatever it is.
    leave = NOTHING if options.ids else options.leaves(columns)
    matching = matching_events(events, where=where, window=options.window, dtypes=columns, leave=leave)
    named = {*options.shown}.union(*(condition(text, columns).columns for text in where))
    if not named & {"kind", "action"}:
        matching = matching.filter(IS_REQUEST)
    # One more than is shown tells whether there are more.
    limit = None if options.limit is None else options.limit + 1
    found = newest(matching, _read(names, options.links, columns), days=options.days, limit=limit)
    table = _table(found.head(options.limit or found.height), names, options)
    age = (age_of(options.newest, tz=options.tz, now=options.now),) if options.newest else ()
    return Result(
        kind="events",
        title="Events",
        tables=(
            Table("events", tuple(Field(name, _unit(name, dtype)) for name, dtype in table.schema.items()), table),
        ),
        query=_query(options, names),
        header=(*scope_lines(window=options.window, tz=options.tz, where=where, errors=None), *age, *what_of(leave)),
        notes=_notes(options, table, more=found.height > table.height),
        command=options.command(
            "events",
            [
                ("--columns", ",".join(options.shown)),
                *(("--id", text) for text in options.ids),
                *options.flags(limit=options.limit, usual=LIMIT),
            ],
        ),
    )


def _names(options: EventsOptions, columns: Mapping[str, pl.DataType]) -> list[str]:
    known = [LOCATION, *columns, *dimensions.derived(columns)]
    for name in options.shown:
        if name not in known:
            hint = nearest(name, known) or f"one of {', '.join(item for item in known if not item.startswith('#'))}"
            raise UsageError(f"--columns: no column `{name}`", hint=hint)
    usual = [name for name in [*SHOWN, *DTYPES, *columns] if not name.startswith("#")] if options.ids else SHOWN
    return list(dict.fromkeys(options.shown or usual))


def _with_one_of(ids: tuple[str, ...]) -> str:
    listed = ", ".join("'" + text.replace("'", "''") + "'" for text in ids)
    return " OR ".join(f"{column} IN ({listed})" for column in IDS)


def _read(names: Sequence[str], links: Mapping[str, str], columns: Mapping[str, pl.DataType]) -> list[nw.Expr]:
    """Return what is read of each event that is shown."""
    derived = dimensions.derived(columns)
    linked = [name for template in links.values() for name in fields_of(template) if name in columns]
    wanted = dict.fromkeys([*ORDER, *(name for name in names if name != LOCATION), *linked])
    return [derived[name].expr.alias(name) if name in derived else nw.col(name) for name in wanted]


def _table(found: pl.DataFrame, names: Sequence[str], options: EventsOptions) -> pl.DataFrame:
    """Return the columns that are shown; of a whole event, those that say something."""
    location = pl.concat_str("source", pl.lit(":"), "line").alias(LOCATION)
    rows = with_links(found, options.links).with_columns(location)
    rows = rows.select(*dict.fromkeys([*names, *(name for name in rows.columns if name.startswith(PREFIX))]))
    if options.ids and not options.shown:
        if rows.is_empty():
            return rows.select(SHOWN)
        return rows.select(column.name for column in rows if column.null_count() < rows.height)
    return rows


def _unit(name: str, dtype: pl.DataType) -> Unit:
    if name in dimensions.BY_NAME:
        return dimensions.BY_NAME[name].unit
    if name in _LABELS:
        return "text"
    ending = next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), None)
    return ending or dimensions.unit_of(dtype)


def _notes(options: EventsOptions, table: pl.DataFrame, *, more: bool) -> tuple[str, ...]:
    if table.is_empty():
        what = f"has the id {' or '.join(options.ids)}" if options.ids else "matches"
        return (f"no event {what}: widen --since, or loosen --where",)
    return ("and older ones; --limit all shows them, --id REQUEST_ID all of one",) if more else ()


def _query(options: EventsOptions, names: Sequence[str]) -> dict[str, Any]:
    return {
        "columns": [] if options.ids and not options.shown else list(names),
        "id": list(options.ids),
        "where": list(options.where),
        "limit": "all" if options.limit is None else options.limit,
        **options.query(),
    }
