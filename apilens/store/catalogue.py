"""When each account, endpoint, SDK and error code was first and last seen, ever: small, and kept when events are not.

It lies in STORE/state/catalogue.jsonl: a line that says what it covers, then `[dimension, name, first, last]` a line,
in microseconds, sorted. Everything in it is a minimum or maximum, so merging twice changes nothing; it names the
version of the table that it covers, so what a killed run did not write is caught up with from the files since then.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import polars as pl

from apilens.places import Place
from apilens.schema import TIME
from apilens.store.table import Store, scan
from apilens.store.versions import read_entries

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "catalogue.jsonl"
DIMENSIONS = ("account", "endpoint", "sdk", "error_code")
# The one row of it says when the first and the last event was.
EVENT = "event"
# Names of one dimension. Those that were seen first are kept: which they are then depends on the events alone.
MOST = 100_000
_SCHEMA: Mapping[str, Any] = {"dimension": pl.String, "name": pl.String, "first": TIME, "last": TIME}
_EMPTY = pl.DataFrame(schema=dict(_SCHEMA))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """First and last sight of every name: `dimension`, `name`, `first`, `last`; `full` are dimensions that lack some.

    version: of the Delta table that it covers.
    """

    rows: pl.DataFrame
    version: int
    full: frozenset[str] = frozenset()

    @property
    def first(self) -> datetime | None:
        """When the first event ever was."""
        found = self.of(EVENT)["first"]
        return found[0] if len(found) else None

    def of(self, dimension: str) -> pl.DataFrame:
        """Return `name`, `first` and `last` of a dimension."""
        return self.rows.filter(pl.col("dimension") == dimension).drop("dimension")

    def merged(self, seen: Iterable[pl.DataFrame], version: int) -> Catalogue:
        """Return what is known with what `seen_in` gave; it covers the table up to `version`."""
        rows = _combined([self.rows, *seen])
        counts = dict(rows.group_by("dimension").len().iter_rows())
        crowded = [name for name, count in counts.items() if count > MOST]
        if crowded:
            ranked = rows.sort("first", "name").group_by("dimension", maintain_order=True).head(MOST)
            rows = ranked.select(list(_SCHEMA)).sort("dimension", "name")
        return Catalogue(rows, version, self.full | set(crowded))

    def to_bytes(self) -> bytes:
        """Return what the file holds."""
        import msgspec

        about = {"version": self.version, "names": self.rows.height, "full": sorted(self.full)}
        times = pl.col("first", "last").cast(pl.Int64)
        return msgspec.json.Encoder().encode_lines([about, *self.rows.with_columns(times).iter_rows()])


def nothing_seen() -> Catalogue:
    """Return the catalogue of no events."""
    return Catalogue(_EMPTY, 0)


def seen_in(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return first and last sight of every name in some events."""
    return _combined([_seen(frame.lazy(), frame.columns).collect() for frame in frames if frame.height])


def covered(path: Place) -> int | None:
    """Return the version of the table that the kept catalogue covers; None where there is none, or a damaged one."""
    try:
        with (path / "state" / FILE).open("rb") as file:
            return int(json.loads(file.readline())["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_damaged(path: Place) -> bool:
    """Say whether there is a catalogue that cannot be read."""
    return (path / "state" / FILE).exists() and _load(path) is None


def catalogue_of(store: Store) -> Catalogue:
    """Return the catalogue as it is now: the kept one, with what came since, or made from all events."""
    kept = _load(store.path)
    now = store.delta.version()
    if kept is None:
        return Catalogue(_EMPTY, now).merged([_of_files(store)], now)
    if kept.version == now:
        return kept
    return kept.merged([_of_files(store, _added_since(store, kept.version))], now)


def rebuilt(store: Store) -> Catalogue:
    """Return the catalogue made anew from all events; of the kept one stays what was before the first of them."""
    kept, now = _load(store.path), store.delta.version()
    table = Catalogue(_EMPTY, now).merged([_of_files(store)], now)
    if kept is None or table.first is None:
        return table if kept is None else kept.merged([], now)
    before = kept.rows.filter(pl.col("first") < table.first)
    last = pl.min_horizontal("last", pl.lit(table.first - timedelta(microseconds=1), TIME))
    return table.merged([before.with_columns(last.alias("last"))], now)


def _load(path: Place) -> Catalogue | None:
    import msgspec

    version = covered(path)
    if version is None:
        return None
    about, _, lines = (path / "state" / FILE).read_bytes().partition(b"\n")
    try:
        known = json.loads(about)
        rows = msgspec.json.Decoder(tuple[str, str, int, int]).decode_lines(lines)
    except (ValueError, msgspec.ValidationError):
        return None
    if len(rows) != known["names"]:
        return None
    times = pl.col("first", "last").cast(TIME)
    schema = {"dimension": pl.String, "name": pl.String, "first": pl.Int64, "last": pl.Int64}
    return Catalogue(pl.DataFrame(rows, schema, orient="row").with_columns(times), version, frozenset(known["full"]))


def _added_since(store: Store, version: int) -> Sequence[str] | None:
    """Return the files of the table that were added after a version; None where its log does not say that any more."""
    log = store.path / "events" / "_delta_log"
    added: set[str] = set()
    try:
        for entry in read_entries(log, range(version + 1, store.delta.version() + 1)):
            actions = [json.loads(line) for line in entry.splitlines()]
            added |= {unquote(action["add"]["path"]) for action in actions if "add" in action}
    except OSError:
        return None
    if store.delta.version() < version:
        return None
    return [str(store.path / "events" / name) for name in store.actions["path"].to_list() if name in added]


def _of_files(store: Store, files: Sequence[str] | None = None) -> pl.DataFrame:
    columns = ["timestamp", *DIMENSIONS]
    return _seen(scan(store, columns, files), columns).collect(engine="streaming")


def _seen(events: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    moments = (pl.col("timestamp").min().alias("first"), pl.col("timestamp").max().alias("last"))
    parts = [events.select(pl.lit("").alias("name"), *moments).drop_nulls("first").with_columns(_named(EVENT))]
    for dimension in DIMENSIONS:
        if dimension in columns:
            groups = events.group_by(pl.col(dimension).alias("name")).agg(moments)
            parts.append(groups.drop_nulls("name").with_columns(_named(dimension)))
    return pl.concat(part.select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items()) for part in parts)


def _named(dimension: str) -> pl.Expr:
    return pl.lit(dimension).alias("dimension")


def _combined(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    if not frames:
        return _EMPTY
    groups = pl.concat(frames).group_by("dimension", "name")
    return groups.agg(pl.col("first").min(), pl.col("last").max()).sort("dimension", "name")
