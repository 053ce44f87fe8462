"""Time windows: "24h", "yesterday", "2026-11-01", "now/d"; half-open, in UTC."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apilens.errors import UsageError

# Clocks differ: a line up to a day in the future is believed.
CLOCK_SLACK = timedelta(days=1)
STALE = timedelta(hours=2)

_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_DURATION = re.compile(r"(?:\d{1,9}[smhdw])+")
_PART = re.compile(r"(\d+)([smhdw])")
_RELATIVE = re.compile(r"now(?:-(?P<back>(?:\d{1,9}[smhdw])+))?(?:/(?P<floor>[mhdw]))?")
_EPOCH = re.compile(r"@(\d{1,12}(?:\.\d{1,6})?)")
_GRAMMAR = "24h, 7d, 1h30m, today, yesterday, 2026-11-01, 2026-11-01T10:00+01:00, @1762000000, now-24h, now/d"


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time, `since` ≤ t < `until`, in UTC; None leaves that end open."""

    since: datetime | None = None
    until: datetime | None = None


def parse_window(since: str | None, until: str | None, *, now: datetime, tz: str = "UTC") -> Window:
    """Return the window that two expressions name; times without a zone are in `tz`, relative ones count from `now`.

    Raises UsageError for an expression that is none, an unknown zone, or a window that ends before it starts.
    """
    zone = zone_of(tz)
    start = _moment(since, now, zone, "--since") if since else None
    end = _moment(until, now, zone, "--until") if until else None
    if start and end and start >= end:
        raise UsageError(
            f"the window is empty: it would start at {start:%Y-%m-%d %H:%M} and end at {end:%Y-%m-%d %H:%M} UTC",
            hint="--since must come before --until",
        )
    return Window(start, end)


def parse_duration(text: str) -> timedelta:
    """Return the length that "90m", "1h30m" or "2w" names. Raises UsageError for anything else."""
    if not _DURATION.fullmatch(text):
        raise UsageError(f"`{text}` is no duration", hint="write 90m, 24h, 7d, 2w or 1h30m")
    try:
        return sum((int(count) * _UNITS[unit] for count, unit in _PART.findall(text)), timedelta())
    except OverflowError as error:
        raise UsageError(f"`{text}` is too long a time", hint="write 90m, 24h, 7d, 2w or 1h30m") from error


def shortest(length: timedelta) -> str:
    """Return a length as `parse_duration` reads it: `7d`, `1d12h`, `90m` as `1h30m`."""
    rest, parts = int(length.total_seconds()), []
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, int(_UNITS[unit].total_seconds()))
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


def is_relative(text: str | None) -> bool:
    """Say whether an expression counts back from the clock (`24h`, `now-7d`), so that it may be re-anchored."""
    return bool(text) and bool(_DURATION.fullmatch(str(text)) or _RELATIVE.fullmatch(str(text)))


def anchor(now: datetime, newest: datetime | None) -> tuple[datetime, str | None]:
    """Return the moment that relative expressions count back from, and a note when that is not `now`.

    It is the newest event when that is more than 2 h old (one microsecond later, so that the event itself is inside).
    """
    if newest is None or now - newest <= STALE:
        return now, None
    age = span(now - newest)
    return newest + timedelta(
        microseconds=1
    ), f"window ends at the newest event, {newest:%Y-%m-%d %H:%M} UTC ({age} old)"


def before(window: Window) -> Window:
    """Return the window of the same length that ends where this one starts. Raises UsageError for an open window."""
    if window.since is None or window.until is None:
        raise UsageError("an open window has no window before it", hint="give --since, for example --since 7d")
    try:
        return Window(window.since - (window.until - window.since), window.since)
    except OverflowError as error:
        raise UsageError("the window before this one would start before the year 1", hint="shorten --since") from error


def complete_until(now: datetime, settles: Iterable[timedelta]) -> datetime:
    """Return the moment up to which everything has come, where events take so long at most: a good end of a window."""
    return now - max(settles, default=timedelta())


def span(length: timedelta) -> str:
    """Return a length in words a reader takes in at once: `35 s`, `12 min`, `13 h`, `4 days`."""
    seconds = max(int(length.total_seconds()), 0)
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 2 * 3600:
        return f"{seconds // 60} min"
    if seconds < 2 * 86400:
        return f"{seconds // 3600} h"
    return f"{seconds // 86400} days"


def moment_of(text: str, now: datetime) -> datetime | None:
    """Return the moment that an expression of --since names, in UTC; None for what is none."""
    try:
        return _expression(text.strip(), now.astimezone(UTC), UTC)
    except (UsageError, OverflowError, OSError, ValueError):
        return None


def zone_of(tz: str) -> tzinfo:
    """Return the time zone of an IANA name. Raises UsageError for a name that is none."""
    try:
        return UTC if tz == "UTC" else ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"unknown time zone `{tz}`", hint="use a name such as Europe/Berlin or UTC") from error


def _moment(text: str, now: datetime, zone: tzinfo, flag: str) -> datetime:
    try:
        found = _expression(text.strip(), now.astimezone(zone), zone)
    except (OverflowError, OSError, ValueError) as error:
        raise UsageError(f"{flag} {text} lies outside the calendar", hint=f"write one of {_GRAMMAR}") from error
    if found is None:
        raise UsageError(f"{flag} cannot read `{text}` as a time", hint=f"write one of {_GRAMMAR}")
    return found


def _expression(text: str, now: datetime, zone: tzinfo) -> datetime | None:
    # Going back is done in UTC: 24h across a change of summer time is 24 hours, not a calendar day.
    if text in ("today", "yesterday"):
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return (midnight - timedelta(days=1) if text == "yesterday" else midnight).astimezone(UTC)
    if _DURATION.fullmatch(text):
        return now.astimezone(UTC) - parse_duration(text)
    if match := _RELATIVE.fullmatch(text):
        moment = now.astimezone(UTC) - parse_duration(match["back"] or "0s")
        return _floor(moment.astimezone(zone), match["floor"]).astimezone(UTC)
    if match := _EPOCH.fullmatch(text):
        return datetime.fromtimestamp(float(match[1]), UTC)
    return _iso(text, zone)


def _iso(text: str, zone: tzinfo) -> datetime | None:
    # fromisoformat also takes 20261101 and 2026W44; a bare number is more likely a mistaken epoch.
    if not re.match(r"\d{4}-\d{2}-\d{2}", text):
        return None
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (stamp if stamp.tzinfo else stamp.replace(tzinfo=zone)).astimezone(UTC)


def _floor(moment: datetime, unit: str | None) -> datetime:
    if unit is None:
        return moment
    if unit == "m":
        return moment.replace(second=0, microsecond=0)
    if unit == "h":
        return moment.replace(minute=0, second=0, microsecond=0)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=midnight.weekday()) if unit == "w" else midnight


def apart(windows: Iterable[tuple[datetime, datetime]]) -> tuple[Window, ...]:
    """Return the time that windows (since, until) cover as windows that neither overlap nor touch, the oldest first."""
    merged: list[tuple[datetime, datetime]] = []
    for since, until in sorted(windows):
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], until))
        else:
            merged.append((since, until))
    return tuple(Window(since, until) for since, until in merged)
