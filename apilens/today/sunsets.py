"""Accounts that still call what is about to go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import polars as pl

from apilens.deprecation_settings import moment
from apilens.short_filters import quoted
from apilens.things import Thing
from apilens.today.base import Day, Finding, picks

# So long before the end somebody should know, who can still do something about it.
_AHEAD = timedelta(days=60)
_MOST = 20


def users_of_what_goes(day: Day) -> list[Finding]:
    """Return accounts that call what is gone or goes in the next 60 days, the first to end first: things of
    `deprecated:`, and endpoints of which a description or a response says so.
    """
    found = [(thing.sunset, finding) for thing in day.things for finding in _of_thing(day, thing) if thing.sunset]
    found += _of_endpoints(day)
    return [finding for _, finding in sorted(found, key=lambda item: item[0])]


def _of_thing(day: Day, thing: Thing) -> Iterator[Finding]:
    if not thing.sunset or thing.sunset - day.until > _AHEAD:
        return
    replaced = f"; {thing.replacement} replaces it" if thing.replacement else ""
    rows = day.ask("requests", by=["account"], where=[thing.condition, "account IS NOT NULL"], limit=_MOST).rows
    for account, requests in rows.iter_rows():
        yield _finding(day, account, thing.name, thing.sunset, requests, replaced)


def _of_endpoints(day: Day) -> list[tuple[datetime, Finding]]:
    """Return the uses of endpoints of which a description or a response says that they go, and apilens.yaml nothing."""
    rows = day.endpoints.stated.filter("endpoint.deprecated").select("endpoint", "endpoint.sunset").rows()
    ends = {name: end for name, text in rows if (end := moment(text)) and end - day.until <= _AHEAD}
    if not ends:
        return []
    declared = [f"NOT coalesce(({thing.condition}), false)" for thing in day.things if thing.kind == "endpoint"]
    where = [f"endpoint IN ({', '.join(map(quoted, sorted(ends)))})", "account IS NOT NULL", *declared]
    used = day.ask("requests", by=["account", "endpoint"], where=where, sort="requests", limit=_MOST).rows
    used = used.sort("requests", "account", "endpoint", descending=[True, False, False])
    return [
        (ends[endpoint], _finding(day, account, endpoint, ends[endpoint], requests))
        for account, endpoint, requests in used.select("account", "endpoint", pl.col("requests")).iter_rows()
    ]


def _finding(day: Day, account: str, name: str, sunset: datetime, requests: int, more: str = "") -> Finding:
    left = (sunset - day.until) // timedelta(days=1)
    ends = f"ends on {sunset:%Y-%m-%d}, in {left} days" if left >= 0 else f"ended on {sunset:%Y-%m-%d}"
    return Finding(
        kind=day.kind, account=account, what=f"still {name}", value=float(left), requests=requests,
        sentence=f"{account}: {requests:,} requests to {name}, which {ends}{more}",
        command=day.command("deprecated", picks("account", "account", account)),
    )  # fmt: skip
