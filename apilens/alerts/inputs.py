"""Whether there is anything to judge: by source and service, how old the newest event is, and how old is too old."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import narwhals as nw
import polars as pl

from apilens.alerts.memory import Input
from apilens.analyses import collect
from apilens.engine import scan
from apilens.errors import InputError
from apilens.freshness import Settling
from apilens.query import matching_events
from apilens.store import Store
from apilens.window import STALE, Window, span

# Gaps between events are looked at this far back, and remembered for a week.
LOOK = timedelta(hours=2)
_WEEK = timedelta(days=7)
_LEAST = timedelta(minutes=15)
_NAMES = ("source", "service")


@dataclass(frozen=True, slots=True)
class Stale:
    """An input of which nothing came for too long: its source and service, its newest event, and the limit."""

    group: dict[str, str | None]
    newest: datetime
    limit: timedelta


@dataclass(frozen=True, slots=True)
class Inputs:
    """Every input by name, those that are stale, and the longest time that events of the others take to arrive."""

    known: Mapping[str, Input]
    stale: tuple[Stale, ...]
    settle: timedelta

    @property
    def complete(self) -> datetime:
        """Up to when the events of every input that is fresh have come: one may be read a little later than others."""
        stale = [item.group for item in self.stale]
        fresh = [item.newest for name, item in self.known.items() if group_of(name) not in stale]
        newest = max(item.newest for item in self.known.values())
        return max(min(fresh, default=newest), newest - LOOK)

    @property
    def all_stale(self) -> bool:
        """Whether nothing at all is fresh."""
        return len(self.stale) == len(self.known)


def look_at_inputs(
    store: Store, before: Mapping[str, Input], settling: Settling, *, now: datetime, max_age: timedelta | None
) -> Inputs:
    """Return the inputs of a store. before: what is known of them.

    Too old is what is older than `max_age`, or else than twice the longest gap of the last week (15 minutes at least);
    before an input has been watched for a day, than 2 h. How long events take to arrive comes on top. Raises InputError
    for a store without events.
    """
    seen = _seen(store, Window(now - LOOK, now + timedelta(microseconds=1)), settling)
    settles = {name: settle for name, _, _, settle in seen}
    known = dict(before)
    for name, newest, gap_s, _ in seen:
        known[name] = _grown(known.get(name), newest, gap_s, now)
    if not known:
        newest_of_all = store.newest(now)
        if newest_of_all is None:
            raise InputError(f"no events in {store.path}: there is nothing to judge", hint="does `apilens ingest` run?")
        known[name_of(None, None)] = Input(newest_of_all, newest_of_all)
    last = max(item.newest for item in known.values())
    # A source that is gone for good is forgotten, unless it is the last one that was heard of.
    known = {name: item for name, item in known.items() if now - item.newest < _WEEK or item.newest == last}
    stale = []
    for name, item in known.items():
        limit = (max_age or usual(item, now)) + settles.get(name, timedelta())
        if now - item.newest > limit:
            stale.append(Stale(group_of(name), item.newest, limit))
    return Inputs(known, tuple(stale), max(settles.values(), default=timedelta()))


def usual(item: Input, now: datetime) -> timedelta:
    """Return the age from which an input is stale."""
    if now - item.known_since < timedelta(days=1):
        return STALE
    return max(2 * timedelta(seconds=max(item.gaps_s.values(), default=0.0)), _LEAST)


def first_and_last(store: Store) -> tuple[datetime, datetime] | None:
    """Return the times of the first and the last event, None for a store without events."""
    events = scan(store.files(), store.dtypes)
    [row] = collect([events.select(nw.col("timestamp").min().alias("first"), nw.col("timestamp").max().alias("last"))])
    first, last = row.row(0)
    return None if first is None else (first, last)


def too_old(newest: datetime, now: datetime, limit: timedelta) -> str:
    """Say that the newest event is older than a limit."""
    return f"the newest event is {span(now - newest)} old (limit {span(limit)}); nothing was checked"


def name_of(source: str | None, service: str | None) -> str:
    """Return what an input is remembered by."""
    return f"{source or ''}\0{service or ''}"


def group_of(name: str) -> dict[str, str | None]:
    """Return the source and service of an input, as far as it has them."""
    return {key: part for key, part in zip(_NAMES, name.split("\0"), strict=True) if part}


def _seen(store: Store, window: Window, settling: Settling) -> list[tuple[str, datetime, float, timedelta]]:
    """Return of each input with events in the window: name, newest event, longest gap in seconds, settle."""
    events = matching_events(scan(store.files(window.since, window.until), store.dtypes), window=window)
    logs = ("source", "format", "service")
    minutes = events.select(*logs, "timestamp", nw.col("timestamp").dt.truncate("1m").alias("minute"))
    [rows] = collect([minutes.group_by(*logs, "minute").agg(nw.col("timestamp").max().alias("newest"))])
    by_log = [(*settling.of(source, format), source, format) for source, format in _logs(rows)]
    named_logs = pl.DataFrame(
        by_log,
        schema={"name": pl.String, "settle": pl.Duration("us"), "source": pl.String, "format": pl.String},
        orient="row",
    )
    named = rows.join(named_logs, on=["source", "format"], how="left").sort("newest")
    found = named.group_by("name", "service", maintain_order=True).agg(
        pl.col("newest").max(), pl.col("newest").diff().max().dt.total_seconds().alias("gap"), pl.col("settle").max()
    )
    return [
        (name_of(name, service), newest, float(gap or 0), settle)
        for name, service, newest, gap, settle in found.iter_rows()
    ]


def _logs(rows: pl.DataFrame) -> Iterable[tuple[str, str]]:
    return rows.select("source", "format").unique().iter_rows()


def _grown(before: Input | None, newest: datetime, gap_s: float, now: datetime) -> Input:
    if before is None:
        return Input(newest, newest, {f"{now:%F}": gap_s})
    since = max(newest - before.newest, timedelta()).total_seconds()
    recent = {day: gap for day, gap in before.gaps_s.items() if day >= f"{now - _WEEK:%F}"}
    today = f"{now:%F}"
    gaps = {**recent, today: max(recent.get(today, 0.0), gap_s, since if since > LOOK.total_seconds() else 0.0)}
    return Input(max(newest, before.newest), before.known_since, gaps)
