"""What an API is to lose, as apilens.yaml declares it under `deprecated:`. See docs/deprecated.md."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from apilens.errors import UsageError
from apilens.things import KINDS, Thing, thing_of
from apilens.yaml_nodes import Keys


class Deprecated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A deprecated endpoint (`GET /v1/*`), api_version, sdk (`below` a version) or field of a request's body.

    since, sunset: a date or time, in UTC unless it says otherwise; when it was announced, and when it is gone.
    replacement: what is to be used instead, of the same kind.
    """

    endpoint: str | None = None
    api_version: str | None = None
    sdk: str | None = None
    below: str | None = None
    field: str | None = None
    since: str | None = None
    sunset: str | None = None
    replacement: str | None = None

    @property
    def thing(self) -> Thing:
        """What is deprecated. Raises UsageError for what cannot be meant."""
        kind = next(name for name in KINDS if getattr(self, name) is not None)
        text: str = getattr(self, kind)
        return thing_of(
            kind, f"{text}<{self.below}" if self.below else text, replacement=self.replacement,
            since=moment(self.since), sunset=moment(self.sunset),
        )  # fmt: skip


def moment(text: str | None) -> datetime | None:
    """Return an ISO date (its first instant) or time, in UTC where it names no zone; None for anything else."""
    try:
        found = datetime.fromisoformat(text or "")
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    # The last hours of the year 9999 in a zone of the west are past all times in UTC.
    except (ValueError, OverflowError):
        return None


def things_in(listed: tuple[Deprecated, ...]) -> tuple[Thing, ...]:
    """Return what is deprecated, of entries that have no problems."""
    return tuple(item.thing for item in listed)


def deprecation_problems(listed: tuple[Deprecated, ...]) -> Iterator[tuple[Keys, str]]:
    """Give what is wrong with each."""
    names: set[str] = set()
    for at, item in enumerate(listed):
        wrong = list(_problems(item))
        yield from (((at, *place), what) for place, what in wrong)
        if not wrong and item.thing.name in names:
            yield (at,), f"{item.thing.name} is declared before"
        names |= set() if wrong else {item.thing.name}


def _problems(item: Deprecated) -> Iterator[tuple[Keys, str]]:
    named = [name for name in KINDS if getattr(item, name) is not None]
    if len(named) != 1:
        yield (), f"names one of {', '.join(KINDS)}" + (f", not {' and '.join(named)}" if named else "")
        return
    if item.below is not None and item.sdk is None:
        yield ("below",), "goes with `sdk: NAME`"
    for name in ("since", "sunset"):
        if (text := getattr(item, name)) is not None and moment(text) is None:
            yield (name,), f"{text!r} is no date: 2026-12-31, or 2026-12-31T18:00Z"
    since, sunset = moment(item.since), moment(item.sunset)
    if since and sunset and sunset < since:
        yield ("sunset",), "comes before `since`"
    try:
        # What is wrong with a replacement would be said of the thing.
        thing_of(named[0], f"{item.sdk}<{item.below}" if item.sdk and item.below else getattr(item, named[0]))
    except UsageError as error:
        yield ("below" if item.below else named[0],), error.message
        return
    try:
        if item.replacement is not None:
            thing_of(named[0], item.replacement)
    except UsageError as error:
        yield ("replacement",), error.message
