"""Webhooks that do not arrive."""

from __future__ import annotations

from apilens.today.base import Day, Finding, percent, picks
from apilens.today.onset import onsets

_OUTGOING = "direction = 'outgoing'"


def failing_deliveries(day: Day) -> list[Finding]:
    """Return accounts to which deliveries fail as a rule, at least five."""
    rows = day.ask(
        "errors", "requests", "error_rate", by=["account"], where=[_OUTGOING, "account IS NOT NULL"],
        having="errors >= 5 AND error_rate_low >= 0.3", limit=20,
    ).rows  # fmt: skip
    begun = onsets(day, "errors", rows["account"].to_list(), where=[_OUTGOING])
    found = []
    for account, errors, requests, rate in rows.iter_rows():
        since = begun.get(account)
        found.append(Finding(
            kind=day.kind, account=account, what="webhooks fail", value=rate, requests=errors, since=since,
            sentence=f"{account}: {errors:,} of {requests:,} webhooks to it failed ({percent(rate)})"
            + (f", since {day.moment(since)}" if since else ""),
            command=day.command("webhooks", picks("account", "account", account)),
        ))  # fmt: skip
    return found
