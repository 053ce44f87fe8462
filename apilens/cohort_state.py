"""Who was in each cohort when `apilens cohorts diff` last ran: STORE/state/cohorts.json."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec

from apilens.cohort_settings import Cohort
from apilens.errors import StoreError
from apilens.result import Table
from apilens.store import Store, Writer, read_kept

STATE = "cohorts.json"


class Remembered(msgspec.Struct, frozen=True):
    """A cohort as it was: when, what it meant, and who was in it."""

    at: datetime
    meaning: str
    accounts: tuple[str, ...]


def remembered(store: Store) -> dict[str, Remembered]:
    """Return the cohorts as they were. Raises StoreError where the file that says so is damaged."""
    try:
        return msgspec.convert(read_kept(store.path, STATE), dict[str, Remembered])
    except msgspec.ValidationError:
        raise StoreError(
            f"{store.path / 'state' / STATE} is damaged", hint="remove it: the next diff begins anew"
        ) from None


def forget_members(writer: Writer, gone: Collection[str], *, before: datetime | None = None) -> None:
    """Take accounts out of the cohorts as they were, and cohorts that nobody looked at since a moment."""
    known = remembered(Store(writer.path, writer.delta))
    kept = {
        name: msgspec.structs.replace(was, accounts=tuple(account for account in was.accounts if account not in gone))
        for name, was in known.items()
        if before is None or was.at >= before
    }
    if kept != known:
        _keep(writer, kept)


def remember(
    writer: Writer, found: Sequence[tuple[str, Cohort, Table]], before: Mapping[str, Remembered], *, now: datetime
) -> None:
    """Keep who is in the cohorts now, beside what is known of others."""
    new = {name: Remembered(now, cohort.meaning, tuple(sorted(table.rows["account"]))) for name, cohort, table in found}
    _keep(writer, {**before, **new})


def _keep(writer: Writer, cohorts: Mapping[str, Remembered]) -> None:
    writer.keep(STATE, msgspec.json.encode(cohorts, order="sorted") + b"\n")
