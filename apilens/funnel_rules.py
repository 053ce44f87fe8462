"""What a funnel is: how many events make each step, in which order, how soon, and which attempts count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Order = Literal["ordered", "strict", "any"]
Entry = Literal["first", "any"]
Counting = Literal["units", "attempts"]
Ties = Literal["file", "either", "strict"]
Exclusion = Literal["drop", "remove"]
Unit = Literal["account", "user", "session", "api_key"]

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How events are matched.

    counts: how many matching events make each step. within: from the first event of an attempt to its last, inclusive.
    order: others may come between (`ordered`) or none (`strict`), or the steps come as they like (`any`). entry: the
    first event of a unit that may begin an attempt does, or whichever went furthest. counting: units, or attempts that
    do not overlap. ties: events of the same moment are in the order of the log, or of the steps (`either`), or neither
    is later than the other (`strict`). exclusion: an attempt ends there, or is not counted at all. hold: whether steps
    must agree in the columns `hold_…`. newest: the last moment that is known of.
    """

    counts: tuple[int, ...]
    within: timedelta = timedelta(days=7)
    order: Order = "ordered"
    entry: Entry = "first"
    counting: Counting = "units"
    ties: Ties = "file"
    exclusion: Exclusion = "drop"
    newest: datetime | None = None

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self.counts)

    @property
    def within_us(self) -> int:
        """The window in microseconds."""
        return self.within // MICROSECOND
