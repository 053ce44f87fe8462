"""What stands around every answer: the window, zone, filters, events and their age, and the attributed share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from apilens.answer import Totals
from apilens.comparison import Comparison
from apilens.left_out import lines_of
from apilens.window import Window, span, zone_of

NO_ACCOUNTS = "no request has an account: set `account:` in apilens.yaml"


def header(
    totals: Totals, *, window: Window, tz: str, where: Sequence[str], errors: str | None, newest: datetime | None,
    now: datetime,
) -> tuple[str, ...]:  # fmt: skip
    """Return the header lines of an answer; `errors` is the condition of errors where it is not the default."""
    count = totals.requests
    events = f"{count:,} request{'' if count == 1 else 's'}"
    newest = newest or totals.newest
    age = [age_of(newest, tz=tz, now=now)] if newest else []
    lines = scope_lines(window=window, tz=tz, where=where, errors=errors)
    return (*lines, ", ".join([events, *age]), *lines_of(totals.left_out))


def scope_lines(*, window: Window, tz: str, where: Sequence[str], errors: str | None) -> tuple[str, ...]:
    """Return the lines that say which events an answer is about."""
    lines = [bounds(window, tz), *(f"where: {text}" for text in where)]
    return (*lines, f"errors: {errors}") if errors else tuple(lines)


def age_of(newest: datetime, *, tz: str, now: datetime) -> str:
    """Return what is said of the newest event."""
    return f"the newest event {shown(newest, tz)}, {span(now - newest)} old"


def bounds(window: Window, tz: str) -> str:
    """Return the line that says which window an answer is about."""
    if window.since is None and window.until is None:
        return f"window: all events ({tz})"
    since = f"from {shown(window.since, tz)}" if window.since else "from the first event"
    until = f"until {shown(window.until, tz)}" if window.until else "to the last"
    return f"window: {since} {until} ({tz})"


def compared_with(comparison: Comparison, tz: str) -> str:
    """Return the line that says what a window is compared with."""
    if not comparison.is_typical:
        return f"compared with {bounds(comparison.bases[0], tz).removeprefix('window: ')}"
    weeks = ", ".join(f"{back.days // 7}" for back in comparison.backs)
    return f"compared with what is typical: the median of the same hours {weeks} weeks before"


def shown(moment: datetime, tz: str) -> str:
    """Return a time as people see it."""
    return f"{moment.astimezone(zone_of(tz)):%Y-%m-%d %H:%M}"


def attributed(share: float | None) -> str | None:
    """Return the line that says how many requests have an account, None where all do or there are none."""
    if share is None or share == 1:
        return None
    if share == 0:
        return NO_ACCOUNTS
    return f"{percent(share)} of requests have an account"


def percent(share: float) -> str:
    """Return a share rounded down: 99.96 % is not all of them."""
    return f"{int(share * 1000) / 10} %"


def iso(moment: datetime | None) -> str | None:
    """Return a time as queries and commands have it: ISO 8601 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
