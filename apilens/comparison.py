"""What a window is compared with: `previous`, `7d-ago`, `SINCE..UNTIL`, `typical` or `mark:NAME`. Half-open, in UTC.

`typical` is what is usual at these hours of the week: the median of the same window one, two, three and four weeks
before. A window longer than a week takes as many whole weeks of the four as do not overlap it or one another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from apilens.errors import UsageError
from apilens.spelling import nearest
from apilens.window import Window, before, parse_duration, parse_window, shortest

TYPICAL = "typical"
MARK = "mark:"
# How far back what is usual goes, and how long the windows around a mark are at most.
USUAL_DAYS = 28
AROUND = timedelta(days=7)
FORMS = "previous, 7d-ago, 2026-11-01..2026-11-08, typical, or mark:NAME"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A window, `head`, and those that it is compared with: one, or several of which the median counts.

    name: how it was asked for.
    """

    name: str
    head: Window
    bases: tuple[Window, ...]

    @property
    def is_typical(self) -> bool:
        """Whether it is compared with what is usual, and not with one window."""
        return self.name == TYPICAL

    @property
    def reads(self) -> Window:
        """The window that all of them lie in."""
        windows = (self.head, *self.bases)
        since, until = [window.since for window in windows], [window.until for window in windows]
        return Window(
            None if None in since else min(moment for moment in since if moment),
            None if None in until else max(moment for moment in until if moment),
        )

    @property
    def backs(self) -> list[timedelta]:
        """How far before the head each of the others begins."""
        since = [base.since for base in self.bases]
        return [self.head.since - moment for moment in since if self.head.since is not None and moment is not None]

    @property
    def spelled(self) -> str:
        """What names it again, whenever that is read."""
        if ".." not in self.name or self.name.startswith(MARK):
            return self.name
        [base] = self.bases
        return "..".join(_iso(moment) for moment in (base.since, base.until))

    @property
    def lengths(self) -> tuple[timedelta, timedelta] | None:
        """How long the head and what it is compared with are, where that differs; None for open ends."""
        head, base = _length(self.head), _length(self.bases[0])
        return (head, base) if head is not None and base is not None and head != base else None


def parse_comparison(
    text: str, window: Window, *, now: datetime, tz: str = "UTC", marks: Mapping[str, datetime] | None = None,
    forms: str = FORMS,
) -> Comparison:  # fmt: skip
    """Return what `--compare` names for a window; where that is open it ends at `now`. marks: name → moment. forms:
    what may be written, for whoever writes something else.

    Around a mark lie windows of the same length: that since the mark, until the window ends, and a week at most.
    Raises UsageError for what is none, and for a window without a beginning where the other one hangs on it.
    """
    since, between, until = text.partition("..")
    if between and not text.startswith(MARK):
        return Comparison(text, window, (parse_window(since or None, until or None, now=now, tz=tz),))
    end = window.until or now
    if text.startswith(MARK):
        return _around(text, marks or {}, end)
    if text not in ("previous", TYPICAL) and not text.endswith("-ago"):
        raise UsageError(f"--compare cannot read `{text}`", hint=forms)
    if window.since is None:
        raise UsageError("--compare needs a window", hint="give --since, for example --since 7d")
    head = Window(window.since, end)
    if text == "previous":
        return Comparison(text, head, (before(head),))
    if text == TYPICAL:
        return Comparison(text, head, _weeks_before(head, end - window.since))
    return Comparison(text, head, (_earlier(head, parse_duration(text.removesuffix("-ago"))),))


def words_of(comparison: Comparison) -> str | None:
    """Return what a reader must know of windows that differ in length, None where they do not."""
    if comparison.lengths is None:
        return None
    head, base = map(shortest, comparison.lengths)
    return f"the windows are {head} and {base} long: rates compare, counts do not"


def _around(text: str, marks: Mapping[str, datetime], end: datetime) -> Comparison:
    name = text.removeprefix(MARK)
    if name not in marks:
        known = f"one of {', '.join(marks)}" if marks else "`apilens mark NAME` makes one"
        raise UsageError(f"unknown mark `{name}`", hint=nearest(name, marks) or known)
    moment = marks[name]
    if moment >= end:
        raise UsageError(
            f"mark `{name}` is at {moment:%Y-%m-%d %H:%M} UTC, and events are known until {end:%Y-%m-%d %H:%M}",
            hint="there is nothing after it to compare with",
        )
    head = Window(moment, min(end, moment + AROUND))
    return Comparison(text, head, (before(head),))


def _weeks_before(head: Window, length: timedelta) -> tuple[Window, ...]:
    week = timedelta(days=7)
    weeks = max(-(-length // week), 1)
    starts = range(weeks, USUAL_DAYS // 7 + 1, weeks)
    if not starts:
        raise UsageError(
            f"what is typical of {shortest(length)} is unknown: the {USUAL_DAYS} days before are looked at",
            hint="shorten --since",
        )
    return tuple(_earlier(head, count * week) for count in starts)


def _earlier(window: Window, back: timedelta) -> Window:
    assert window.since is not None and window.until is not None
    if not back:
        raise UsageError("--compare 0d-ago is the window itself", hint=FORMS)
    try:
        return Window(window.since - back, window.until - back)
    except OverflowError as error:
        raise UsageError("the window before would start before the year 1", hint="shorten --since") from error


def _length(window: Window) -> timedelta | None:
    return window.until - window.since if window.since is not None and window.until is not None else None


def _iso(moment: datetime | None) -> str:
    return moment.isoformat().replace("+00:00", "Z") if moment else ""
