"""Silences: rules, or groups of them, of which nobody is told until a time. STORE/state/silences.json."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from fnmatch import fnmatchcase

import msgspec

from apilens.alerts.alert import Alert
from apilens.errors import StoreError
from apilens.places import Place
from apilens.store import durable

STATE = "silences.json"


class Silence(msgspec.Struct, frozen=True):
    """rule: a name, or a pattern with `*`. group: dimension → value, as far as it is to be so. until: when it ends."""

    rule: str
    until: datetime
    since: datetime
    group: dict[str, str | None] = {}
    reason: str = ""

    def holds(self, alert: Alert, now: datetime) -> bool:
        """Say whether it covers an alert."""
        fits = all(alert.group.get(name, "") == value for name, value in self.group.items())
        return now < self.until and fnmatchcase(alert.rule, self.rule) and fits


def read_silences(store: Place) -> tuple[tuple[Silence, ...], str | None]:
    """Return the silences, and a warning where their file is damaged: then there are none, and everybody is told."""
    file = store / "state" / STATE
    try:
        return msgspec.json.decode(file.read_bytes(), type=tuple[Silence, ...]), None
    except FileNotFoundError:
        return (), None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "damaged"
        return (), f"{file} is {reason}: nothing is silenced"


def write_silences(store: Place, silences: Iterable[Silence], now: datetime) -> None:
    """Write the silences that have not ended, in one step. Raises StoreError where that cannot be."""
    kept = [silence for silence in silences if now < silence.until]
    try:
        with durable.private():
            durable.write_new(store / "state" / STATE, msgspec.json.encode(kept, order="sorted") + b"\n")
    except OSError as error:
        raise StoreError(f"cannot write {store / 'state' / STATE}: {error.strerror}") from None
