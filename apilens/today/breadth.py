"""Accounts that use next to nothing of the API: an integration that was never finished."""

from __future__ import annotations

from apilens.today.base import Day, Finding, picks

_REQUESTS = 100
# Where others use no more than this, one endpoint is nothing special.
_USUAL = 5


def single_endpoint(day: Day) -> list[Finding]:
    """Return accounts with 100 requests or more, all to one endpoint, where the median account calls five or more."""
    rows = day.ask(
        "endpoints", "requests", by=["account"], where=["account IS NOT NULL"], having=f"requests >= {_REQUESTS}"
    ).rows
    usual = rows["endpoints"].median()
    if not isinstance(usual, float) or usual < _USUAL:
        return []
    found = []
    for row in rows.filter(rows["endpoints"] == 1).sort("requests", descending=True).iter_rows(named=True):
        [endpoint] = day.ask(
            "requests", by=["endpoint"], where=["endpoint IS NOT NULL"], limit=1, accounts=[row["account"]]
        ).rows["endpoint"]
        found.append(Finding(
            kind=day.kind, account=row["account"], what="one endpoint", value=1.0, usual=usual,
            requests=row["requests"],
            sentence=f"{row['account']}: all of its {row['requests']:,} requests are {endpoint}; "
            f"the median account calls {usual:.0f} endpoints",
            command=day.command("report", ("--by", "endpoint"), picks("account", "account", row["account"])),
        ))  # fmt: skip
    return found
