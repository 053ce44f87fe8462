"""What the catalogue says of the names in a question: `first_seen`, `last_seen` and `is_new`, beside its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import narwhals as nw
import polars as pl

from apilens.endpoints import Endpoints
from apilens.engine import joined
from apilens.schema import TIME
from apilens.store.catalogue import DIMENSIONS, MOST, Catalogue, catalogue_of
from apilens.store.table import Store
from apilens.window import Window, span

COLUMNS: Mapping[str, pl.DataType] = {"first_seen": TIME, "last_seen": TIME, "is_new": pl.Boolean()}
# Who comes once a month is no news: what went before a window tells new from rare only if it is long enough.
HISTORY = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Catalogued:
    """The catalogue of one dimension, as far as a question names its columns.

    of: the dimension. names: its `name`, `first` and `last`. since: where the window of the question begins. began:
    when the first event ever was. full: whether names are left out.
    """

    of: str
    named: tuple[str, ...]
    names: pl.DataFrame
    since: datetime | None
    began: datetime | None
    full: bool

    @property
    def knows_new(self) -> bool:
        """Say whether enough is known of what was before the window."""
        return self.since is not None and self.began is not None and self.since - self.began >= HISTORY

    def dtypes(self) -> Mapping[str, pl.DataType]:
        """Name → type of the columns that the question names."""
        return {name: COLUMNS[name] for name in self.named}

    def beside(self, events: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the events with those columns beside them."""
        is_new = pl.col("first") >= self.since if self.knows_new else pl.lit(None, pl.Boolean)
        table = self.names.select(
            pl.col("name").alias(self.of), pl.col("first").alias("first_seen"), pl.col("last").alias("last_seen"),
            is_new.alias("is_new"),
        )  # fmt: skip
        return joined(events, table.select(self.of, *self.named), on=self.of)

    def notes(self) -> tuple[str, ...]:
        """Return what a reader must know of these columns."""
        notes = []
        if "is_new" in self.named and not self.knows_new:
            if self.since is None:
                notes.append("is_new says what was first seen within the window: it needs --since")
            else:
                before = span(max(self.since - self.began, timedelta())) if self.began else "nothing"
                notes.append(f"is_new is unknown: {before} of history before the window, it takes {HISTORY.days} days")
        if "first_seen" in self.named and self.began:
            notes.append(f"first_seen counts from {self.began:%Y-%m-%d}, where what this store ever read begins")
        if self.full:
            notes.append(f"the catalogue holds the first {MOST:,} names of {self.of}: of others nothing is known")
        return tuple(notes)


def catalogued(store: Store, window: Window, texts: Iterable[str], endpoints: Endpoints) -> Catalogued | None:
    """Return the catalogue of what a question is about, None where it names nothing of it.

    texts: every name and condition of the question. It is about the first dimension of the catalogue among them;
    `is_new` alone is about the account. The other columns are those of exactly one dimension: else they are left out.
    """
    texts = list(texts)
    said = " ".join(texts)
    dimensions = list(dict.fromkeys(text for text in texts if text in DIMENSIONS))
    named = [name for name in COLUMNS if name in said and (name == "is_new" or len(dimensions) == 1)]
    if not named:
        return None
    known = catalogue_of(store)
    of = dimensions[0] if dimensions else "account"
    names = _renamed(known, endpoints) if of == "endpoint" else known.of(of)
    return Catalogued(of, tuple(named), names, window.since, known.first, of in known.full)


def _renamed(known: Catalogue, endpoints: Endpoints) -> pl.DataFrame:
    """Return the endpoints by what they are called today."""
    names = known.of("endpoint")
    if not endpoints.names:
        return names
    today = names.with_columns(pl.col("name").replace(dict(endpoints.names)))
    return today.group_by("name").agg(pl.col("first").min(), pl.col("last").max())
