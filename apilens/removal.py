"""Whether something of an API can be removed: who used it lately, and whether there is enough to tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from apilens.things import Thing
from apilens.window import shortest, span

# Logs that are older than this say nothing of today.
STALE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a thing: requests and accounts that used it within the time that is judged, all requests in that
    time, how many of them say what has to be known to tell, and when the first and the last event was.
    """

    accounts: int
    used: int
    requests: int
    telling: int
    oldest: datetime | None
    newest: datetime | None

    @property
    def share(self) -> float | None:
        """The part of all requests that used it."""
        return round(self.used / self.requests, 6) if self.requests else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """safe: None where nobody can tell. reason: why, in one line."""

    safe: bool | None
    reason: str


def verdict(
    thing: Thing, found: Evidence, *, until: datetime, unused_for: timedelta, max_accounts: int
) -> Verdict:  # fmt: skip
    """Return whether the thing can go: at most `max_accounts` accounts used it in the time `unused_for` before `until`.

    That somebody used it is known however little is; that nobody did, only where events reach over that whole time.
    """
    length = shortest(unused_for)
    if found.accounts > max_accounts:
        who = "1 account used" if found.accounts == 1 else f"{found.accounts:,} accounts used"
        share = f"{(found.share or 0) * 100:.2g} % of all requests"
        return Verdict(False, f"not safe: {who} {thing.name} in the last {length}, {share}")
    if found.oldest is None or found.newest is None:
        return Verdict(None, "cannot tell: there are no requests")
    if until - found.newest > STALE:
        age = f"the newest event is {span(until - found.newest)} old"
        return Verdict(None, f"cannot tell: {age}; ingest what came since, or judge as of then with --until")
    if found.oldest > until - unused_for:
        history = span(until - found.oldest)
        return Verdict(None, f"cannot tell: events go back {history}, which is less than --unused-for {length}")
    if not found.telling:
        return Verdict(None, f"cannot tell: no request in the last {length} says its {thing.column}")
    if not found.accounts:
        return Verdict(True, f"safe: nobody used {thing.name} in the last {length}")
    who = "1 account" if found.accounts == 1 else f"{found.accounts:,} accounts"
    return Verdict(True, f"safe: {who} used {thing.name} in the last {length}, and --max-accounts is {max_accounts}")
