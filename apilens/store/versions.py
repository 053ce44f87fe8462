"""All transaction ids of a store in one go: delta-rs takes 8 ms for one, and a log of short lines asks for 40."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from apilens.errors import StoreError
from apilens.places import Place
from apilens.store.data_files import scanned

if TYPE_CHECKING:
    from deltalake import DeltaTable

# The id under which commits of events are counted.
GENERATION = "generation"
# Of S3, so many requests at a time.
_AT_ONCE = 8


class _Transaction(msgspec.Struct):
    app_id: str = msgspec.field(name="appId")
    version: int = 0


class _Action(msgspec.Struct):
    txn: _Transaction | None = None


def known_versions(path: Place, delta: DeltaTable) -> dict[str, int]:
    """Return transaction id → version in the store at `path`. Raises StoreError where its log cannot be read."""
    try:
        # At the version of the handle that commits: what others commit meanwhile makes that commit fail.
        return read_versions(path / "events" / "_delta_log", delta.version())
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"{path / 'events'}: {error}".splitlines()[0], hint="run `apilens store verify`") from None


def read_versions(log: Place, version: int) -> dict[str, int]:
    """Return transaction id → version as of a version of the table, from its `_delta_log`.

    They stand in the newest checkpoint up to `version`, and in the entries behind it. Raises OSError, ValueError or
    PolarsError where the log cannot be read.
    """
    known: dict[str, int] = {}
    begin = _newest_checkpoint(log, version)
    if begin is not None:
        file = log / f"{begin:020}.checkpoint.parquet"
        rows = scanned(file).select("txn").collect()
        found = rows["txn"].drop_nulls().struct.unnest()
        known.update(found.select("appId", "version").iter_rows())
    for entry in read_entries(log, range(0 if begin is None else begin + 1, version + 1)):
        known.update(versions_in(entry))
    return known


def read_entry(log: Place, version: int) -> bytes:
    """Return the log's entry of a version of the table, b"" where there is none."""
    try:
        return (log / f"{version:020}.json").read_bytes()
    except FileNotFoundError:
        return b""


def versions_in(entry: bytes) -> dict[str, int]:
    """Return transaction id → version, of those that an entry of the log has."""
    lines = [line for line in entry.splitlines() if b'"txn"' in line]
    found = (msgspec.json.decode(line, type=_Action).txn for line in lines)
    return {txn.app_id: txn.version for txn in found if txn}


def read_entries(log: Place, numbers: Iterable[int]) -> Iterator[bytes]:
    """Give the log's entries of some versions of the table. Raises OSError where one cannot be read."""
    files = [log / f"{number:020}.json" for number in numbers]
    if isinstance(log, Path):
        yield from (file.read_bytes() for file in files)
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(lambda file: file.read_bytes(), files)


def _newest_checkpoint(log: Place, version: int) -> int | None:
    try:
        newest = int(json.loads((log / "_last_checkpoint").read_bytes())["version"])
    except FileNotFoundError:
        return None
    if newest <= version:
        return newest
    # Another writer went on meanwhile.
    older = (int(file.name[:20]) for file in log.glob("*.checkpoint.parquet"))
    return max((number for number in older if number <= version), default=None)
