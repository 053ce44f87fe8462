"""Accounts that call much less, or much more, than they usually do: silent ones among them."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from apilens.today.base import Day, Finding, percent, picks
from apilens.today.onset import floor_hour, onset

_LOOKED_AT = 1000
_DROP, _RISE = 0.3, 3.0
# So many requests must be missing, or too many, at least.
_EXPECTED, _SURGE = 50, 1000
# The pace is that of accounts with so many requests, of which there must be some.
_STEADY, _PEERS = 20, 5


def changed_volume(day: Day) -> list[Finding]:
    """Return accounts with less than 30 % of the requests that were to be expected, or more than three times as many.

    Expected: the median of the account's requests over the spans of the history that are as long as the window, each
    divided by the pace of its span, times the pace of the window: weekends are quiet for everybody.
    """
    if day.known < timedelta(days=2):
        return []
    known = day.ask("requests", by=["account"], where=["account IS NOT NULL"], window=day.whole, limit=_LOOKED_AT)
    names = known.rows["account"].to_list()
    hours = day.ask("requests", by=["account", "hour"], window=day.whole, accounts=names).rows
    found = [
        _finding(day, row, hours.filter(pl.col("account") == row["account"]), day.hours)
        for row in _changed(day, hours).iter_rows(named=True)
    ]
    return sorted(found, key=lambda finding: (-abs((finding.usual or 0) - (finding.value or 0)), finding.account or ""))


def _changed(day: Day, hours: pl.DataFrame) -> pl.DataFrame:
    """Return the accounts that stand out, with what they made and what was expected."""
    own = _spans(day, hours).group_by("account", "#span").agg(pl.col("requests").sum())
    spans = pl.concat(
        [_spans(day, day.hours).select("#span"), pl.DataFrame({"#span": [0]}, {"#span": pl.Int64})]
    ).unique()
    grid = own.select("account").unique().join(spans, how="cross").join(own, on=["account", "#span"], how="left")
    grid = grid.with_columns(pl.col("requests").fill_null(0)).join(_pace(grid), on="#span")
    before = grid.filter((pl.col("#span") > 0) & (pl.col("pace") > 0))
    usual = before.group_by("account").agg((pl.col("requests") / pl.col("pace")).median().alias("usual"))
    both = grid.filter(pl.col("#span") == 0).join(usual, on="account")
    both = both.with_columns((pl.col("usual") * pl.col("pace")).alias("expected"))
    gone = (pl.col("expected") >= _EXPECTED) & (pl.col("requests") < _DROP * pl.col("expected"))
    many = (pl.col("requests") >= _SURGE) & (pl.col("requests") > _RISE * pl.col("expected")) & (pl.col("expected") > 0)
    return both.filter(gone | many)


def _pace(grid: pl.DataFrame) -> pl.DataFrame:
    """Return how busy each span is: the median over accounts of their requests by the mean of their own spans."""
    mean = pl.col("requests").fill_null(0).mean().over("account")
    steady = grid.with_columns((pl.col("requests").fill_null(0) / mean).alias("pace")).filter(mean >= _STEADY)
    if steady["account"].n_unique() < _PEERS:
        return grid.select("#span").unique().with_columns(pl.lit(1.0).alias("pace"))
    return steady.group_by("#span").agg(pl.col("pace").median())


def _spans(day: Day, hours: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with the number of their span: 0 is the window, 1 the span as long before it, and so on."""
    length = max(round((day.until - day.since) / timedelta(hours=1)), 1)
    # The newest hour is 0; where the window begins within an hour, that one belongs to the span before.
    back = (pl.lit(floor_hour(day.until)) - pl.col("hour")).dt.total_hours()
    # What is left over at the far end is no whole span.
    spans = 1 + day.known // timedelta(hours=length)
    return hours.with_columns((back // length).alias("#span")).filter(pl.col("#span") < spans)


def _finding(day: Day, row: dict[str, object], hours: pl.DataFrame, everybody: pl.DataFrame) -> Finding:
    account, requests, expected = str(row["account"]), int(str(row["requests"])), float(str(row["expected"]))
    series = everybody.select("hour", whole="requests").join(
        hours.select("hour", part="requests"), on="hour", how="left"
    ).with_columns(pl.col("part").fill_null(0), pl.col("whole"))  # fmt: skip
    falls = requests < expected
    since = onset(series, rises=not falls)
    when = f", since {day.moment(since)}" if since else ""
    if not requests:
        last = hours.filter(pl.col("requests") > 0)["hour"].max()
        sentence = f"{account}: silent, {expected:,.0f} requests were to be expected{when}"
        assert last is not None
    else:
        change = percent(1 - requests / expected) + " less" if falls else f"{requests / expected:.1f} times as many"
        sentence = f"{account}: {requests:,} requests where {expected:,.0f} were to be expected, {change}{when}"
    what = "silent" if not requests else "fewer requests" if falls else "more requests"
    return Finding(
        kind=day.kind, account=account, what=what, value=float(requests), usual=round(expected, 1), requests=requests,
        since=since, sentence=sentence,
        command=day.command("report", picks("account", "account", account), ("--every", "1d"),
                            ("--metrics", "requests,errors"), since=day.whole.since),
    )  # fmt: skip
