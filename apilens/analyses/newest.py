"""The newest of many events, without holding, sorting or even reading the others where that can be helped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

import narwhals as nw
import polars as pl

from apilens.analyses import collect
from apilens.answer import Events
from apilens.query import matching_events
from apilens.window import Window

# What is newer: of events of one moment, those further down in their file.
ORDER = ("timestamp", "source", "line", "item")
_MOMENT = timedelta(microseconds=1)


def newest(
    events: Events, columns: Sequence[nw.Expr], *, days: Sequence[date] = (), limit: int | None = None
) -> pl.DataFrame:
    """Return these columns, those of ORDER among them, of the newest events, the newest first.

    days: those (UTC) that have events, () where they are not known. limit: how many, None for all.
    """
    if limit is not None:
        events = matching_events(events, window=_window(events, days, limit))
    rows = events.select(*columns).sort(*ORDER, descending=True)
    [found] = collect([rows if limit is None else rows.head(limit)])
    return found


def _window(events: Events, days: Sequence[date], limit: int) -> Window:
    """Return the shortest window that holds the newest events.

    Only times are read for it, a few days of them at a time from the newest on, until there are enough. Columns that
    are wide, and many, are then read where those times lie, and nowhere else.
    """
    moments: list[datetime] = []
    for window in _backwards(days):
        times = matching_events(events, window=window).select("timestamp").sort("timestamp", descending=True)
        [found] = collect([times.head(limit - len(moments))])
        moments += found["timestamp"].to_list()
        if len(moments) == limit:
            break
    end = max(moments) + _MOMENT if moments else datetime.min.replace(tzinfo=UTC)
    return Window(min(moments, default=end), end)


def _backwards(days: Sequence[date]) -> Iterator[Window]:
    """Give windows of 1, 2, 4, 8 … of the days, from the newest on: what is rare is not asked for day by day."""
    if not days:
        yield Window()
    left, size = sorted(days), 1
    while left:
        left, part = left[:-size], left[-size:]
        yield Window(_start(part[0]), _start(part[-1]) + timedelta(days=1))
        size *= 2


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
