"""Calendar periods in UTC (`--every 1d|1w|1M`): which one an event lies in, and how far one is from another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import narwhals as nw
import polars as pl

from apilens.dimensions import BY_NAME


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time that the calendar has: days, weeks from Monday, or months.

    start: the first day of the period that an event lies in. step: one period as Polars' `offset_by` writes it.
    """

    name: str
    start: nw.Expr
    step: str

    def between(self, one: pl.Expr, other: pl.Expr) -> pl.Expr:
        """Return how many periods the start `other` comes after the start `one`."""
        if self.step == "1mo":
            return _months(other) - _months(one)
        return (other - one).dt.total_days() // (7 if self.step == "1w" else 1)

    def after(self, start: pl.Expr, count: pl.Expr) -> pl.Expr:
        """Return the start of the period that begins `count` periods after this start."""
        return start.dt.offset_by(pl.format("{}" + self.step[1:], count))

    def holding(self, moment: datetime) -> date:
        """Return the start of the period that a moment lies in."""
        day = moment.astimezone(UTC).date()
        if self.step == "1mo":
            return day.replace(day=1)
        return day - timedelta(days=day.weekday()) if self.step == "1w" else day


def _months(start: pl.Expr) -> pl.Expr:
    return start.dt.year().cast(pl.Int64) * 12 + start.dt.month()


_DAY = nw.col("timestamp").dt.date()

PERIODS: Mapping[str, Period] = {
    "1d": Period("day", _DAY, "1d"),
    # Engines make a time of a day that is offset: a date again.
    "1w": Period("week", BY_NAME["week"].expr.cast(nw.Date), "1w"),
    "1M": Period("month", nw.col("timestamp").dt.truncate("1mo").dt.date(), "1mo"),
}
