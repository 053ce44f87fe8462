"""webhooks: what was sent to each account and destination, after how many attempts it arrived, and what did not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import polars as pl

from apilens.analyses import answers, collect
from apilens.analyses.scope import Scope
from apilens.answer import Answer, Events
from apilens.computed import condition
from apilens.deliveries import SENT, attempts_of, counts_of, dead_letters, deliveries_of, latency_of
from apilens.delivery_table import by_attempt, by_destination, named
from apilens.heading import attributed
from apilens.metric import IS_ERROR
from apilens.query import matching_events
from apilens.result import Field, Result, Table
from apilens.schema import DTYPES

LIMIT = 20

_DESTINATIONS = (
    Field("account"), Field("destination"), Field("deliveries", "count"), Field("attempts", "count"),
    Field("delivered_share", "ratio", "higher"), Field("first_try_share", "ratio", "higher"),
    Field("dead_letters", "count", "lower"), Field("p50_ms", "ms", "lower"), Field("p95_ms", "ms", "lower"),
    Field("last_attempt", "time"),
)  # fmt: skip
_ATTEMPTS = (
    Field("attempt", "number"), Field("tried", "count"), Field("delivered", "count"),
    Field("delivered_by_then_share", "ratio", "higher"),
)  # fmt: skip
_DEAD = (
    Field("account"), Field("destination"), Field("last_attempt", "time"), Field("last_status"),
    Field("attempts", "count"), Field("delivery_id"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookOptions(Scope):
    """What is asked. dead: the dead letters themselves, the latest first. limit: rows of each table, None for all."""

    dead: bool = False
    limit: int | None = LIMIT

    def query(self) -> dict[str, Any]:
        """Return how the result records what it is about."""
        limit = "all" if self.limit is None else self.limit
        return {"dead": self.dead, "limit": limit, "where": list(self.where), **Scope.query(self)}


def webhooks(events: Events, options: WebhookOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return how deliveries went by account and destination, and by attempt; or the dead letters.

    Raises UsageError for a bad condition.
    """
    [answer] = answers([options.ask(events, columns, metrics=("requests",), where=(SENT,))])
    matching = matching_events(
        events, where=options.where, window=options.window, dtypes=columns, leave=options.leaves(columns, (SENT,))
    )
    failed = condition(options.errors, columns).expr if options.errors else IS_ERROR
    # What nobody answered has no status.
    succeeded = ~nw.col("status").is_null() & ~nw.coalesce(failed, nw.lit(False))
    attempts = attempts_of(matching, columns, succeeded=succeeded)
    tables, left_out = (_dead if options.dead else _summed)(attempts, options)
    return Result(
        kind="webhooks.dead" if options.dead else "webhooks",
        title="Webhooks",
        tables=tables,
        query=options.query(),
        header=options.header(answer.totals),
        notes=tuple(_notes(options, tables, left_out, answer, by_id="delivery_id" in columns)),
        command=options.command("webhooks", options.flags(limit=options.limit, usual=LIMIT))
        + (" --dead" if options.dead else ""),
    )


def _summed(attempts: Events, options: WebhookOptions) -> tuple[tuple[Table, ...], int]:
    counts, latency = collect([counts_of(deliveries_of(attempts)), latency_of(attempts)])
    rows = by_destination(counts, latency)
    shown = rows.head(rows.height if options.limit is None else options.limit)
    tries = by_attempt(counts)
    tries = tries.head(tries.height if options.limit is None else options.limit)
    tables = (_table("webhooks", _DESTINATIONS, shown), _table("attempts", _ATTEMPTS, tries))
    return tables, rows.height - shown.height


def _dead(attempts: Events, options: WebhookOptions) -> tuple[tuple[Table, ...], int]:
    # One more than is shown says whether there are more.
    most = None if options.limit is None else options.limit + 1
    [rows] = collect([dead_letters(deliveries_of(attempts), most)])
    shown = named(rows).head(options.limit or rows.height)
    return (_table("dead_letters", _DEAD, shown),), rows.height - shown.height


def _table(name: str, fields: tuple[Field, ...], rows: pl.DataFrame) -> Table:
    return Table(name, fields, rows.select(item.name for item in fields))


def _notes(
    options: WebhookOptions, tables: tuple[Table, ...], left_out: int, answer: Answer, *, by_id: bool
) -> Iterator[str]:
    rows = tables[0].rows
    if not answer.totals.requests:
        yield "nothing was sent: say `direction: outgoing` of a source in apilens.yaml, or widen --since"
        return
    if left_out:
        yield f"and {'older ones' if options.dead else f'{left_out:,} more'}; --limit all shows them"
    if not by_id:
        yield "every attempt counts as a delivery: name `delivery_id` under `fields:` of the source in apilens.yaml"
    if words := attributed(answer.totals.attributed_share):
        yield words
    if options.dead and rows.is_empty():
        yield "no dead letters"
    elif not options.dead and rows["dead_letters"].sum():
        yield "what did not arrive: apilens webhooks --dead"
