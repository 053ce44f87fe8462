"""safe-to-remove: who would break if something of the API went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import narwhals as nw
import polars as pl

from apilens.analyses import answers, collect
from apilens.analyses.scope import Scope
from apilens.answer import Events
from apilens.computed import condition
from apilens.deprecated_use import share_of
from apilens.endpoints import Endpoints
from apilens.heading import attributed, percent
from apilens.query import matching_events
from apilens.removal import Evidence, Verdict, verdict
from apilens.result import Field, Finding, Result, Table
from apilens.schema import DTYPES
from apilens.short_filters import NO_ACCOUNT
from apilens.spelling import nearest
from apilens.things import Thing
from apilens.usage import plan_usage
from apilens.window import Window, shortest

LIMIT = 20
UNUSED_FOR = timedelta(days=30)

_PLAN = "account.plan"
_FIELDS = (
    Field("account"), Field(_PLAN), Field("breaks"), Field("requests", "count"), Field("account_share", "ratio"),
    Field("last_request", "time"), Field("first_request", "time"),
)  # fmt: skip
_VERDICT = (
    Field("thing"), Field("kind"), Field("safe"), Field("accounts", "count"), Field("requests", "count"),
    Field("share", "ratio"), Field("last_request", "time"), Field("unused_for"), Field("max_accounts", "count"),
    Field("reason"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalOptions(Scope):
    """What is asked. forced: whether the kind of the thing was given. max_accounts: so many may use it still, in the
    time `unused_for` before the end of the window, or before now. plans: `account` and its plan, where that is known.
    known: what the store knows of endpoints. limit: rows, None for all.
    """

    thing: Thing
    known: Endpoints
    forced: bool = False
    max_accounts: int = 0
    unused_for: timedelta = UNUSED_FOR
    plans: pl.DataFrame | None = None
    limit: int | None = LIMIT

    @property
    def until(self) -> datetime:
        """Where the time that is judged ends."""
        return self.window.until or self.now

    def texts(self) -> list[str]:
        """Return every name and condition in it."""
        return [*Scope.texts(self), "endpoint", self.thing.condition]

    def query(self) -> dict[str, Any]:
        """Return how the result records what it is about."""
        return {
            "thing": self.thing.name,
            "kind": self.thing.kind,
            "unused_for": shortest(self.unused_for),
            "max_accounts": self.max_accounts,
            "where": list(self.where),
            "limit": "all" if self.limit is None else self.limit,
            **Scope.query(self),
        }

    def again(self) -> str:
        """Return the command that asks this again."""
        length = shortest(self.unused_for)
        asked = replace(self, inputs=(self.thing.name,))
        return asked.command(
            "safe-to-remove",
            [
                ("--kind", self.thing.kind.replace("_", "-") if self.forced else ""),
                *(("--from", name) for name in self.inputs),
                ("--max-accounts", str(self.max_accounts) if self.max_accounts else ""),
                ("--unused-for", length if self.unused_for != UNUSED_FOR else ""),
                *self.flags(limit=self.limit, usual=LIMIT),
            ],
        )


def removal(events: Events, options: RemovalOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return the accounts that used the thing, those that would break first, and the verdict as a second table."""
    rows, found = _found(events, options, columns)
    judged = verdict(
        options.thing, found, until=options.until, unused_for=options.unused_for, max_accounts=options.max_accounts
    )
    [whole] = answers([options.ask(events, columns, metrics=("requests",))])
    fields = tuple(field for field in _FIELDS if field.name in rows.columns)
    shown = rows if options.limit is None else rows.head(options.limit)
    stated = {
        "thing": options.thing.name, "kind": options.thing.kind, "safe": judged.safe, "accounts": found.accounts,
        "requests": found.used, "share": found.share, "last_request": rows["last_request"].max(),
        "unused_for": shortest(options.unused_for), "max_accounts": options.max_accounts, "reason": judged.reason,
    }  # fmt: skip
    schema = {"safe": pl.Boolean(), "share": pl.Float64(), "last_request": DTYPES["timestamp"]}
    return Result(
        kind="safe-to-remove",
        title=f"Is it safe to remove {options.thing.name}?",
        tables=(
            Table("accounts", fields, shown.select(field.name for field in fields)),
            Table("verdict", _VERDICT, pl.DataFrame([stated], schema_overrides=schema)),
        ),
        query=options.query(),
        header=(*options.header(whole.totals), judged.reason),
        notes=(
            *_notes(options, rows, found, left_out=rows.height - shown.height),
            *([words] if (words := attributed(whole.totals.attributed_share)) else []),
        ),
        command=options.again(),
        findings=tuple(_findings(options, shown, judged)),
    )


def verdict_of(result: Result) -> Verdict:
    """Return what a result of this analysis says."""
    row = result.tables[1].rows.row(0, named=True)
    return Verdict(row["safe"], row["reason"])


def _found(
    events: Events, options: RemovalOptions, columns: Mapping[str, pl.DataType]
) -> tuple[pl.DataFrame, Evidence]:  # fmt: skip
    matching = matching_events(
        events, where=options.where, window=options.window, dtypes=columns, leave=options.leaves(columns)
    )
    old = condition(options.thing.condition, columns).expr
    rest = ~nw.coalesce(old, nw.lit(False))
    plan = plan_usage(matching, old, rest, until=options.until, within=options.unused_for)
    moment = nw.col("timestamp")
    known = matching_events(events, window=options.window)
    judged = replace(options, window=Window(options.until - options.unused_for, options.window.until))
    column = f"count({options.thing.column} IS NOT NULL)"
    within = judged.ask(events, columns, metrics=("requests", column), where=("direction != 'outgoing'",))
    usage, ends = collect([plan, known.select(moment.min().alias("oldest"), moment.max().alias("newest"))])
    [answer] = answers([within])
    requests, telling = answer.rows.row(0)
    oldest, newest = ends.row(0)
    rows = usage.filter(pl.col("requests") > 0).with_columns(
        (pl.col("recent") > 0).alias("breaks"), share_of(pl.col("requests"), pl.col("replaced")).alias("account_share")
    )
    if options.plans is not None:
        rows = rows.join(options.plans, on="account", how="left")
    rows = rows.sort(["breaks", "requests", "account"], descending=[True, True, False], nulls_last=True)
    used = rows["recent"].sum()
    return rows, Evidence(int(rows["breaks"].sum()), int(used), requests, telling, oldest, newest)


def _notes(options: RemovalOptions, rows: pl.DataFrame, found: Evidence, *, left_out: int) -> Iterator[str]:
    if left_out:
        yield f"and {left_out:,} more; --limit all shows them"
    thing = options.thing
    if rows.is_empty():
        known = [
            f"{method} {path}" for path, calls in options.known.learned.get("routes", {}).items() for method in calls
        ]
        near = nearest(thing.name, known) if thing.kind == "endpoint" and "*" not in thing.name else None
        yield f"no request in the window uses {thing.name}{f': {near}' if near else ''}"
    elif gone := rows.height - int(rows["breaks"].sum()):
        yield f"{gone:,} of {rows.height:,} used it before, and not in the last {shortest(options.unused_for)}"
    yield from _announced(options)
    if thing.kind != "endpoint" and found.requests and found.telling < found.requests:
        share = percent(found.telling / found.requests)
        yield f"{share} of requests say their {thing.column}: of the others nobody knows"


def _announced(options: RemovalOptions) -> Iterator[str]:
    """Say what a description or responses promise of an endpoint."""
    stated = options.known.stated.filter("endpoint.deprecated", pl.col("endpoint") == options.thing.name)
    for said_by, sunset in stated.select("#said_by", "endpoint.sunset").iter_rows():
        yield f"{said_by}: deprecated{f', until {sunset}' if sunset else ''}"


def _findings(options: RemovalOptions, rows: pl.DataFrame, judged: Verdict) -> Iterator[Finding]:
    title = f"safe-to-remove {options.thing.name}"
    yield Finding("notice" if judged.safe else "error", title, judged.reason)
    if judged.safe is False:
        for row in rows.filter("breaks").iter_rows(named=True):
            plan = f", plan {row[_PLAN]}" if row.get(_PLAN) is not None else ""
            count = row["requests"]
            own = f"{count:,} request{'' if count == 1 else 's'} ({row['account_share'] * 100:.3g} % of its own)"
            last = f"the last {row['last_request']:%Y-%m-%d %H:%M} UTC"
            yield Finding("warning", title, f"{row['account'] or NO_ACCOUNT}{plan}: {own}, {last}")
