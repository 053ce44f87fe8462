"""Accounts that still call what is about to go."""

from __future__ import annotations

from datetime import timedelta

from apilens.things import Thing
from apilens.today.base import Day, Finding, picks

# So long before the end somebody should know, who can still do something about it.
_AHEAD = timedelta(days=60)


def users_of_what_goes(day: Day) -> list[Finding]:
    """Return accounts that call a thing of `deprecated:` whose sunset is past or in the next 60 days, the first to end
    first.
    """
    soon = [thing for thing in day.things if thing.sunset and thing.sunset - day.until <= _AHEAD]
    return [
        finding for thing in sorted(soon, key=lambda thing: thing.sunset or day.until) for finding in _users(day, thing)
    ]


def _users(day: Day, thing: Thing) -> list[Finding]:
    assert thing.sunset is not None
    left = (thing.sunset - day.until) // timedelta(days=1)
    ends = f"ends on {thing.sunset:%Y-%m-%d}, in {left} days" if left >= 0 else f"ended on {thing.sunset:%Y-%m-%d}"
    if thing.replacement:
        ends += f"; {thing.replacement} replaces it"
    rows = day.ask("requests", by=["account"], where=[thing.condition, "account IS NOT NULL"], limit=20).rows
    return [
        Finding(
            kind=day.kind, account=account, what=f"still {thing.name}", value=float(left), requests=requests,
            sentence=f"{account}: {requests:,} requests to {thing.name}, which {ends}",
            command=day.command("deprecated", picks("account", "account", account)),
        )
        for account, requests in rows.iter_rows()
    ]  # fmt: skip
