"""Errors that most accounts have, and had not before: the API itself is in trouble."""

from __future__ import annotations

import polars as pl

from apilens.today.base import FEW, Day, Finding, percent
from apilens.today.onset import onset


def failing_for_everybody(day: Day) -> list[Finding]:
    """Return one finding where errors are twice as many as the error rates of the history would give, and 20 more; even
    without the quarter of the accounts that is worst off (without one of two or three).
    """
    now = day.outcomes.sort(pl.col("errors") - pl.col("expected"), descending=True)
    worst = max(now.height // 4, min(now.height - 1, 1))
    if not all(_more(rows) for rows in (now, now.slice(worst))):
        return []
    requests, errors = int(now["requests"].sum()), int(now["errors"].sum())
    usual = float(now["expected"].sum()) / requests
    [[status, of_status]] = day.ask("errors", by=["status"], having="errors > 0", limit=1).rows.rows()
    hours = day.ask("errors", "requests", by=["hour"], window=day.whole).rows
    since = onset(hours.select("hour", part="errors", whole="requests"))
    sentence = (
        f"everybody: {percent(errors / requests)} of requests failed, {percent(usual)} before; "
        f"{of_status:,} of {errors:,} with {status}, of {now.filter(pl.col('errors') > 0).height:,} accounts"
    )
    return [Finding(
        kind=day.kind, account=None, what=f"{status} for most accounts", value=errors / requests, usual=usual,
        requests=errors, since=since, sentence=sentence + (f", since {day.moment(since)}" if since else ""),
        command=day.command("report", ("--by", "endpoint,status"), ("--status", "4xx,5xx")),
    )]  # fmt: skip


def _more(accounts: pl.DataFrame) -> bool:
    known = accounts.drop_nulls("expected")
    errors, expected = float(known["errors"].sum()), float(known["expected"].sum())
    return errors - expected >= FEW and errors >= 2 * expected
