"""The two sides of `apilens compare`: what BASE and HEAD name, opened."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from apilens.cli.options import Session
from apilens.window import Window

if TYPE_CHECKING:
    import polars as pl

    from apilens.accounts import Accounts
    from apilens.answer import Events
    from apilens.config import ReadOptions
    from apilens.engine import Engine
    from apilens.ingested import Summary
    from apilens.places import Place
    from apilens.store import Store


@dataclass(frozen=True, slots=True)
class Side:
    """A store, the window of it that is meant, and what reading came to where the store was made of a log.

    name: what stands for it, whenever that is read.
    """

    name: str
    store: Store
    window: Window
    here: Session
    summary: Summary | None = None

    def events(
        self, here: Session, accounts: Accounts | None, texts: Sequence[str], *, engine: Engine
    ) -> tuple[Events, dict[str, pl.DataType]]:
        """Return the events, and the columns that a question may name."""
        from apilens.reading import events_of

        cost = here.settings.cost
        return events_of(self.store, self.window, accounts, texts, here.cohorts(accounts), engine=engine, cost=cost)

    def told(self) -> int:
        """Say what reading a log came to; return the exit code that it calls for."""
        if self.summary is None:
            return 0
        # Here and not above: with it come the formats, which a store does not need.
        from apilens.cli.summary import tell

        return tell(self.summary, self.here, reads=False)


def opened(stack: ExitStack, here: Session, text: str, *, read: ReadOptions, tz: str) -> Side:
    """Return what a name stands for: a store, a log (or folder or pattern of logs), or a window of the store.

    `stack` holds what must stay open. Raises InputError for what cannot be read, UsageError for what is no window.
    """
    from apilens.errors import UsageError
    from apilens.heading import iso
    from apilens.places import place_of
    from apilens.reading import reading
    from apilens.store import Store
    from apilens.store.table import read_manifest
    from apilens.window import CLOCK_SLACK, anchor, is_relative, parse_window

    place: Place = Path(text)
    remote = text.startswith("s3://")
    if remote:
        # What no store can be called is logs: `s3://logs/2026-11-2?/*.gz`.
        with suppress(UsageError):
            place = place_of(text)
    since, between, until = text.partition("..")
    if between and not remote and not Path(text).exists():
        store = Store.open(here.store)
        moment, note = anchor(here.now, store.newest(here.now + CLOCK_SLACK))
        relative = is_relative(since) or is_relative(until)
        if note and relative:
            here.say(note)
        window = parse_window(since or None, until or None, now=moment if relative else here.now, tz=tz)
        return Side("..".join(iso(end) or "" for end in (window.since, window.until)), store, window, here)
    if (not isinstance(place, Path) or place.is_dir()) and read_manifest(place) is not None:
        return Side(text, Store.open(place), Window(), here)
    store, summary = stack.enter_context(
        reading((text,), store=here.store, settings=here.settings, options=read, now=here.now)
    )
    return Side(text, store, Window(), here, summary)
