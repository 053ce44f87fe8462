"""When something began: the hour from which on a rate is higher, or lower, than before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl

from apilens.today.base import Day


def onsets(day: Day, part: str, accounts: Sequence[str], *, where: Sequence[str] = (), whole: str = "requests",
           rises: bool = True) -> Mapping[str, datetime]:  # fmt: skip
    """Return since when `part` is more (or less) of `whole` for each account, where that is after what is known begins.

    part, whole: metrics of the report. The cumulative sum of part − rate × whole, by hour, over the history and the
    window, is lowest where the low stretch ends (Page, Continuous inspection schemes, 1954): what follows is the
    high one. It counts when the rate after that hour is at least twice the rate before.
    """
    if not accounts:
        return {}
    rows = day.ask(
        *dict.fromkeys((part, whole)), by=("account", "hour"), where=where, accounts=accounts,
        window=day.whole,
    ).rows  # fmt: skip
    series = rows.select("account", "hour", part=pl.col(part).cast(pl.Float64), whole=pl.col(whole).cast(pl.Float64))
    return {str(name): found for (name,), own in series.group_by("account") if (found := onset(own, rises=rises))}


def onset(series: pl.DataFrame, *, rises: bool = True) -> datetime | None:
    """Return the hour at which the rate of one series changes, None where it is much the same throughout.

    series: columns hour, part and whole, in any order; hours without a row count as nothing.
    """
    series = series.drop_nulls().sort("hour")
    rate = _rate(series)
    if series.height < 2 or not rate:
        return None
    sums = (series["part"] - rate * series["whole"]).cum_sum()
    at = sums.arg_min() if rises else sums.arg_max()
    if at is None or at + 1 >= series.height:
        return None
    before, after = series.head(at + 1), series.slice(at + 1)
    low, high = _rate(before), _rate(after)
    if not rises:
        low, high = high, low
    begun: datetime = after["hour"][0]
    return begun if high >= 2 * low else None


def _rate(series: pl.DataFrame) -> float:
    whole = float(series["whole"].sum())
    return float(series["part"].sum()) / whole if whole else 0.0


def floor_hour(moment: datetime) -> datetime:
    """Return the beginning of the hour."""
    return moment - timedelta(minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond)
