"""account: everything that the logs say of one customer, on one page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from apilens.account_names import NOBODY, Whose
from apilens.analyses import answers
from apilens.analyses.account_tables import against_peers, never_used, of_endpoints
from apilens.analyses.newest import ORDER, newest
from apilens.analyses.scope import Scope
from apilens.analyses.two_windows import changes, window_before
from apilens.answer import Answer, Events
from apilens.endpoints import Endpoints
from apilens.heading import bounds
from apilens.link_settings import fields_of
from apilens.links import PREFIX, with_links
from apilens.query import IS_REQUEST, matching_events
from apilens.result import Field, Result, Table
from apilens.schema import DTYPES
from apilens.shell import shell_line
from apilens.window import Window, span

LIMIT = 10
_TRAFFIC = (
    "requests", "error_rate", "errors", "client_errors", "server_errors", "retries", "p50_ms", "p95_ms", "endpoints",
    "users", "sdks", "active_days", "first_request", "last_request",
)  # fmt: skip
_KINDS = ("requests", "share", "endpoints", "first_request", "last_request")
_ENDPOINTS = ("requests", "share", "error_rate", "errors", "p50_ms", "p95_ms", "last_request")
_PEERS = ("accounts", "p50_ms", "p95_ms")
_CLIENTS = ("requests", "error_rate", "first_request", "last_request")
# Only so many of the last errors: `apilens events` has them all.
_ERRORS = 5
_PLAIN = re.compile(r"[\w.@:-]+")
_LAST = ("timestamp", "status", "endpoint", "error_code", "error_field", "request_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOptions(Scope):
    """What is asked. whose: the account. known: what the store knows of endpoints. links: name → template. days: those
    of the store that have events. share: for a support ticket, with nothing in it about other customers, or about where
    the logs are. limit: rows of each table, None for all.
    """

    whose: Whose
    known: Endpoints
    links: Mapping[str, str] = field(default_factory=dict)
    days: tuple[date, ...] = ()
    share: bool = False
    limit: int | None = LIMIT

    def texts(self) -> list[str]:
        """Return every name and condition in it, and the columns that links are made of."""
        # Not super(): see ReportOptions.
        named = (column for template in self.links.values() for column in fields_of(template))
        return [*Scope.texts(self), "account", "endpoint", *named]

    def reads(self) -> Window:
        """Return the window of what is read: what changed is told from the window before, too."""
        before = window_before(self)
        return Window(before.since, self.window.until) if before else self.window

    @property
    def failed(self) -> str:
        """The condition of errors."""
        return self.errors or "status >= 400"


def account(events: Events, options: AccountOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return the page of an account: traffic, then what fails, is slow, used and changed, as far as there is any.

    Raises UsageError for a bad condition.
    """
    mine = (options.whose.condition,)
    asked = [
        options.ask(events, columns, metrics=_TRAFFIC, where=mine),
        options.ask(
            events, columns, metrics=_KINDS, by=("status", "error_code"), where=(*mine, options.failed),
            limit=options.limit,
        ),
        options.ask(events, columns, metrics=_ENDPOINTS, by=("endpoint",), where=mine),
        options.ask(
            events, columns, metrics=_CLIENTS, by=("sdk", "sdk_version", "api_version"), where=mine,
            limit=options.limit,
        ),
    ]  # fmt: skip
    traffic, kinds, called, clients = answers(asked)
    tables = [Table("traffic", traffic.fields, traffic.rows)]
    if traffic.totals.requests:
        tables += [
            Table("errors", kinds.fields, kinds.rows),
            *_of_endpoints(events, options, called, columns),
            Table("clients", clients.fields, clients.rows),
            _last_errors(events, options, columns),
        ]
        if changed := changes(events, options, where=mine, columns=columns):
            tables.append(changed)
    return Result(
        kind="account",
        title=f"Account {options.whose.name}",
        tables=tuple(table for table in tables if table.rows.height),
        query=_query(options),
        header=_header(options, traffic),
        notes=tuple(_notes(options, traffic, called)),
        # Names of files may name others; who gets it cannot run it anyway.
        command="" if options.share else _command(options),
    )


def _of_endpoints(
    events: Events, options: AccountOptions, called: Answer, columns: Mapping[str, pl.DataType]
) -> Iterator[Table]:
    """Give what is used, how fast it is, and what is not used; what others do only where nobody else will see it."""
    yield of_endpoints(called, limit=options.limit)
    documented = options.known.operations["endpoint"]
    if options.share:
        yield never_used(called.rows["endpoint"], documented, None, limit=options.limit)
        return
    others = (f"account IS NOT NULL AND NOT ({options.whose.condition})",)
    peers, everybody = answers(
        [
            options.ask(events, columns, metrics=_PEERS, by=("endpoint",), where=others),
            options.ask(events, columns, metrics=("accounts",), where=others),
        ]
    )
    yield against_peers(called.rows, peers.rows, limit=options.limit)
    common = peers.rows.filter(pl.col("accounts") >= max(2, everybody.rows["accounts"].item() / 2))
    yield never_used(called.rows["endpoint"], documented, common, limit=options.limit)


def _last_errors(events: Events, options: AccountOptions, columns: Mapping[str, pl.DataType]) -> Table:
    where = (*options.where, options.whose.condition, options.failed)
    leave = options.leaves(columns)
    matching = matching_events(events, where=where, window=options.window, dtypes=columns, leave=leave)
    linked = [name for template in options.links.values() for name in fields_of(template) if name in columns]
    read = [nw.col(name) for name in dict.fromkeys([*ORDER, *_LAST, *linked])]
    found = newest(matching.filter(IS_REQUEST), read, days=options.days, limit=_ERRORS)
    location = pl.concat_str("source", pl.lit(":"), "line").alias("location")
    # Links that need nothing but the account stand above the page.
    links = {name: text for name, text in options.links.items() if not set(fields_of(text)) <= _known(options.whose)}
    rows = with_links(found, {} if options.share else links).with_columns(location)
    linked = [name for name in rows.columns if name.startswith(PREFIX)]
    names = _LAST if options.share else (*_LAST[:3], "location", *_LAST[3:], *linked)
    units = {"timestamp": "time", "status": "number"}
    return Table("last_errors", tuple(Field(name, units.get(name, "text")) for name in names), rows.select(names))  # type: ignore[arg-type]


def _known(whose: Whose) -> set[str]:
    return {"account", *whose.said}


def _header(options: AccountOptions, traffic: Answer) -> tuple[str, ...]:
    whose = options.whose
    if options.share:
        # Neither conditions nor the newest event of the store: they may be about others.
        return (f"account: {whose.name}", bounds(options.window, options.tz))
    said = [f"{name.removeprefix('account.')} {value}" for name, value in whose.further.items()]
    row = pl.DataFrame([{"account": whose.id, **whose.said}], schema_overrides={"account": pl.String})
    links = with_links(row, options.links).select(pl.col(f"^{PREFIX}.*$").drop_nulls()).to_dicts()
    return (
        f"account: {', '.join([whose.name, *said])}",
        *(f"{name.removeprefix(PREFIX)}: {link}" for item in links for name, link in item.items()),
        *options.header(traffic.totals),
    )


def _notes(options: AccountOptions, traffic: Answer, called: Answer) -> Iterator[str]:
    whose = options.whose
    if not traffic.totals.requests:
        ever = f"; last seen {span(options.now - whose.last_seen)} ago" if whose.last_seen else ""
        yield f"no request of {whose.name} matches{ever}: widen --since, or loosen --where"
        return
    more = max(called.rows.height - (options.limit or called.rows.height), 0)
    if options.share:
        # Who reads this has no apilens.
        if options.where:
            yield "a part of the requests is left out"
        if more:
            yield f"and {more:,} more endpoints"
        return
    if more:
        yield f"and {more:,} more endpoints; --limit all shows them"
    if options.window.since is None:
        yield "--since 7d, or any other, also says what changed against the time before"
    if traffic.rows["errors"].item():
        yield f"all errors, with the same window and filters: {_errors_command(options)}"


def _errors_command(options: AccountOptions) -> str:
    """Return the command that shows all errors, but for the window and filters that were given."""
    whose = options.whose
    # A glob, or a list, is what other ids would be taken for.
    plain = whose.id is None or _PLAIN.fullmatch(whose.id)
    flag = ("--account", whose.id or NOBODY) if plain else ("--where", whose.condition)
    return shell_line(["apilens", "events", *flag, "--where", options.failed])


def _query(options: AccountOptions) -> dict[str, Any]:
    return {
        "account": options.whose.id,
        "share": options.share,
        "where": [] if options.share else list(options.where),
        "limit": "all" if options.limit is None else options.limit,
        **options.query(),
    }


def _command(options: AccountOptions) -> str:
    flags = options.flags(limit=options.limit, usual=LIMIT)
    return replace(options, inputs=(options.whose.id or NOBODY, *options.inputs)).command("account", flags)
