"""Where the store is, who may read it, and what is taken out of it with age: `store` and `age_out` of apilens.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

import msgspec

from apilens.errors import UsageError
from apilens.places import place_of
from apilens.window import parse_duration
from apilens.yaml_nodes import Keys

_DAY = timedelta(days=1)


class StoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The folder of the store, and the group of users who may read it: `store: {path: DIR, group: NAME}`."""

    path: str | None = None
    group: str | None = None


class AgeOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How old a day becomes before a column of it says less, or its rows are removed: `{client_ip: 7d, rows: 400d}`."""

    client_ip: str | None = None
    path: str | None = None
    user_agent: str | None = None
    rows: str | None = None

    def days(self) -> Mapping[str, int]:
        """Return rule → age in days at which it applies, of the rules that are given."""
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: parse_duration(text) // _DAY for name, text in given.items() if text is not None}

    def problems(self) -> Iterator[tuple[Keys, str]]:
        """Give every age that is none. Days are the smallest unit: one is aged as a whole."""
        for name in self.__struct_fields__:
            text = getattr(self, name)
            if text is None:
                continue
            try:
                age = parse_duration(text)
            except UsageError as error:
                yield (name,), error.message
                continue
            if age < _DAY or age % _DAY:
                yield (name,), f"`{text}` is no number of whole days: write 7d or 4w"


def store_problems(store: str | StoreSettings | None) -> Iterator[tuple[Keys, str]]:
    """Give what is empty in `store`, or is no place for one."""
    named: tuple[tuple[Keys, str | None], ...] = (((), store),) if not isinstance(store, StoreSettings) else (
        (("path",), store.path), (("group",), store.group)
    )  # fmt: skip
    yield from ((place, "is empty") for place, text in named if text == "")
    path, text = named[0]
    if text:
        try:
            place_of(text)
        except UsageError as error:
            yield path, error.message
