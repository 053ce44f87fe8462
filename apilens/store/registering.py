"""The catalogue while a store is written to: what commits bring is gathered, and kept now and then and at the end."""

from __future__ import annotations

import time

import polars as pl

from apilens.store.catalogue import FILE, Catalogue, catalogue_of, covered, rebuilt
from apilens.store.table import Store
from apilens.store.writer import Writer

# A run may take hours; what is kept meanwhile need not be caught up with when it is killed.
_EVERY_S = 10.0


class Register:
    """Brings the catalogue of a store up to date with the commits of a writer."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._known: Catalogue | None = None
        self._seen: list[pl.DataFrame] = []
        self._kept_at = time.monotonic()
        self._refreshes = writer.refreshes
        if covered(writer.path) != writer.delta.version():
            self._known = catalogue_of(Store(writer.path, writer.delta))

    def take(self, seen: pl.DataFrame) -> None:
        """Take in what `seen_in` found in the events of a commit, after it."""
        self._drop_overtaken()
        if self._known is None:
            # Here and not above: most runs from cron find nothing new, and a large catalogue takes time to read.
            self._known = catalogue_of(Store(self._writer.path, self._writer.delta))
        self._seen.append(seen)
        if time.monotonic() - self._kept_at > _EVERY_S:
            self.keep()

    def keep(self) -> None:
        """Write the catalogue, as of the table's version now, unless that is what is written already."""
        self._drop_overtaken()
        version = self._writer.delta.version()
        if covered(self._writer.path) == version:
            return
        known = self._known or catalogue_of(Store(self._writer.path, self._writer.delta))
        self._known, self._seen = known.merged(self._seen, version), []
        self._writer.keep(FILE, self._known.to_bytes())
        self._kept_at = time.monotonic()

    def _drop_overtaken(self) -> None:
        # What was gathered lacks what others committed in between: the files have it.
        if self._writer.refreshes != self._refreshes:
            self._known, self._seen, self._refreshes = None, [], self._writer.refreshes


def rebuild_catalogue(writer: Writer) -> None:
    """Make the catalogue anew from the events of the store."""
    writer.keep(FILE, rebuilt(Store(writer.path, writer.delta)).to_bytes())
