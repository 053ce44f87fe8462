"""What was forgotten, without its name (STORE/state/forgotten.json): logs that are read again do not bring it back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
import polars as pl

from apilens.enrich.keyed_hash import key_id
from apilens.errors import StoreError
from apilens.schema import TIME
from apilens.store.table import Store, read_kept, scan
from apilens.store.writer import Writer

STATE = "forgotten.json"


class Forgotten(msgspec.Struct, frozen=True):
    """What was forgotten: (column, id of a name) → when, and the time before which everything was.

    The id is not the one that a secret is stored as: a search of the store for that must find nothing.
    """

    names: dict[str, dict[str, datetime]] = {}
    before: datetime | None = None

    def condition(self, store: Store, key: bytes) -> pl.Expr | None:
        """Return which rows of a store, of logs read again, were forgotten; None if none can have been.

        Of an account and a user all that was until they were forgotten: who comes back is a customer again.
        """
        tests = [] if self.before is None else [pl.col("timestamp") < self.before]
        for column, known in self.names.items():
            found = (
                scan(store, [column])
                .select(pl.col(column).drop_nulls().unique())
                .collect(engine="streaming")
                .to_series()
            )
            until = {name: known[id] for name in found if (id := _id(name, key)) in known}
            if until:
                then = pl.col(column).replace_strict(until, default=None, return_dtype=TIME)
                tests.append(pl.col("timestamp") < then)
        return pl.any_horizontal(tests).fill_null(False) if tests else None


def forgotten(store: Store) -> Forgotten:
    """Return what was forgotten. Raises StoreError where the file that says so is damaged."""
    try:
        return msgspec.convert(read_kept(store.path, STATE), Forgotten)
    except msgspec.ValidationError:
        raise StoreError(
            f"{store.path / 'state' / STATE} is damaged",
            hint="remove it, and forget again whoever was forgotten: logs that are read again would bring them back",
        ) from None


def remember(
    writer: Writer, column: str, names: Sequence[str], *, before: datetime | None, key: bytes, now: datetime
) -> None:
    """Keep that some names of a column are forgotten, or all that was before a moment."""
    known = forgotten(Store(writer.path, writer.delta))
    if before:
        known = msgspec.structs.replace(known, before=max(before, known.before or before))
    if names:
        ids = {**known.names.get(column, {}), **{_id(name, key): now for name in names}}
        known = msgspec.structs.replace(known, names={**known.names, column: ids})
    writer.keep(STATE, msgspec.json.encode(known, order="sorted") + b"\n")


def _id(name: str, key: bytes) -> str:
    return key_id(f"forgotten {name}", key, "f")
