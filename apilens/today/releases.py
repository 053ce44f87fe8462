"""Versions of an SDK that fail where its other versions do not."""

from __future__ import annotations

import polars as pl

from apilens.short_filters import quoted
from apilens.today.base import FEW, Day, Finding, percent
from apilens.today.onset import onset

_LOOKED_AT = 5


def failing_releases(day: Day) -> list[Finding]:
    """Return versions used by two accounts or more with at least 20 errors too many, and twice the rate of the SDK's
    other versions. What accounts that fail anyhow bring along is not held against their SDK.
    """
    where = ["sdk_version IS NOT NULL", *_but_known(day)]
    rows = day.ask(
        "requests", "errors", "error_rate_low", "excess_errors", "accounts", by=["sdk", "sdk_version"], where=where,
    ).rows  # fmt: skip
    found = []
    for row in rows.sort("excess_errors", descending=True).head(_LOOKED_AT).iter_rows(named=True):
        others = rows.filter((pl.col("sdk") == row["sdk"]) & (pl.col("sdk_version") != row["sdk_version"]))
        requests, errors = int(others["requests"].sum()), int(others["errors"].sum())
        usual = errors / requests if requests else 0.0
        if row["accounts"] < 2 or row["excess_errors"] < FEW or row["error_rate_low"] < 2 * usual or requests < FEW:
            continue
        condition = f"sdk = {quoted(row['sdk'])} AND sdk_version = {quoted(row['sdk_version'])}"
        hours = day.ask("errors", "requests", by=["hour"], where=[f"sdk = {quoted(row['sdk'])}", *_but_known(day)],
                        window=day.whole).rows  # fmt: skip
        since = onset(hours.select("hour", part="errors", whole="requests"))
        rate = row["errors"] / row["requests"]
        sentence = (
            f"{row['sdk']} {row['sdk_version']}: {percent(rate)} of the {row['requests']:,} requests of "
            f"{row['accounts']:,} accounts fail, {percent(usual)} with its other versions"
        )
        found.append(Finding(
            kind=day.kind, account=None, what=f"{row['sdk']} {row['sdk_version']} fails", value=rate, usual=usual,
            requests=row["errors"], since=since, sentence=sentence + (f", since {day.moment(since)}" if since else ""),
            command=day.command("events", ("--where", condition), ("--status", "4xx,5xx")),
        ))  # fmt: skip
    return found


def _but_known(day: Day) -> list[str]:
    names = [finding.account for finding in day.found if finding.account]
    return [f"coalesce(account NOT IN ({', '.join(map(quoted, names))}), true)"] if names else []
