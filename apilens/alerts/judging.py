"""What passes between a rule's kind and the check: the moments to judge, and where the rule held at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from apilens.accounts import Accounts
from apilens.answer import Events
from apilens.result import Unit
from apilens.things import Thing

AT, SEVERITY, VALUE, CLAIMED = "#at", "#severity", "#value", "#claimed"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments at which a rule is judged: from `first` to `last`, both included, `step` apart; whole steps since 1970.

    None at all where `last` comes before `first`.
    """

    first: datetime
    last: datetime
    step: timedelta

    @classmethod
    def after(cls, since: datetime, until: datetime, step: timedelta) -> Moments:
        """Return the moments after `since`, up to and including `until`."""
        return cls(floor(since, step) + step, floor(until, step), step)

    def __len__(self) -> int:
        return max((self.last - self.first) // self.step + 1, 0)

    def times(self) -> list[datetime]:
        """Return each of them."""
        return [self.first + at * self.step for at in range(len(self))]


def floor(moment: datetime, step: timedelta) -> datetime:
    """Return the last whole step that is not after a moment."""
    return EPOCH + (moment - EPOCH) // step * step


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a rule is judged on. events: at least those of its span before the first moment, up to the last one.

    columns: those of events. errors: the condition of errors where it is not the default. things: what is deprecated.
    accounts: what is known of them besides.
    """

    events: Events
    columns: Mapping[str, pl.DataType]
    moments: Moments
    errors: str | None = None
    things: tuple[Thing, ...] = ()
    accounts: Accounts | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """Where a rule held. hits: a row per moment and group that it held for: the dimensions of the rule, `#at`,
    `#severity`, `#value` (what is compared first), `#claimed`, and the metrics behind it by name.

    units: of the metrics by name; the first is that of `#value`. known: whether there was anything to judge at the last
    moment.
    """

    hits: pl.DataFrame
    units: Mapping[str, Unit]
    known: bool = True
