"""Opening a store to write to it: locked, private, made where there is none, and of the right key and version."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from apilens.errors import ConfigError, StoreBusy, StoreError
from apilens.places import Place, cloud
from apilens.s3_path import S3Path, failed
from apilens.schema import DTYPES
from apilens.store.data_files import cannot_write
from apilens.store.durable import private, write_new
from apilens.store.key import fingerprint
from apilens.store.lock import locked
from apilens.store.shapes import Shape
from apilens.store.sharing import is_shared, refuse_foreign, share
from apilens.store.table import VERSION, open_delta, read_manifest
from apilens.store.writer import Writer

if TYPE_CHECKING:
    from deltalake import DeltaTable, Field

_DELTA_OF = {"String": "string", "Int64": "long", "Int32": "integer", "Int16": "short", "Float64": "double",
             "Boolean": "boolean", "Date": "date", "Datetime": "timestamp"}  # fmt: skip
# A store beside the code of a project is nothing to commit.
_GIT = ".gitignore"
_PARTS = frozenset(("lock", "state", "events", "rejects", _GIT))


@contextmanager
def writing(
    path: Place,
    *,
    key: bytes,
    wait_s: float = 30.0,
    durable: bool = True,
    extra: Mapping[str, pl.DataType] | None = None,
    shape: Shape | None = None,
    group: str | None = None,
) -> Iterator[Writer]:
    """Lock the store at `path` for writing, making it where there is none, with the configured columns `extra`.
    durable: flush every commit to disk; a store that nobody keeps need not be. shape: the settings in force. group: who
    may read it besides its owner; once shared it stays so, without being told again. On S3 there is no lock: several
    may write, and of two commits at once the later one is made again where it is still right (`racing.until_first`).

    Raises StoreBusy when another process keeps the lock, StoreError when the store is foreign, damaged, written with
    another hash key, or cannot be written.
    """
    with _alone(path, wait_s, group) if isinstance(path, Path) else _among_others(path, group):
        manifest = read_manifest(path)
        if manifest is None:
            _create(path, key)
            # Of two that make a store on S3 at once, one may have another key.
            manifest = read_manifest(path) or {}
        if manifest.get("key") != fingerprint(key):
            raise StoreError(
                f"{path} was written with another hash key",
                hint="run as the user who made it, or set APILENS_HASH_KEY to the key it was made with",
            )
        if isinstance(path, Path) and not (path / _GIT).exists():
            write_new(path / _GIT, b"*\n")
        delta = open_delta(path)
        _add_columns(path, delta, extra or {})
        yield Writer(path, delta, durable=durable, shape=shape)


@contextmanager
def _alone(path: Path, wait_s: float, group: str | None) -> Iterator[None]:
    with private():
        _prepare(path)
        with locked(path / "lock", wait_s=wait_s), private(shared=_shared(path, group)):
            yield


@contextmanager
def _among_others(path: S3Path, group: str | None) -> Iterator[None]:
    if group is not None:
        raise ConfigError(
            f"store.group: {path} has no group of users", hint="the policy of its bucket says who may read it"
        )
    if read_manifest(path) is None and path.names() - _PARTS:
        raise StoreError(f"there are other things at {path}", hint="name a new prefix for the store")
    yield


def _prepare(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from None
    refuse_foreign(path)
    if path.stat().st_mode & 0o022:
        raise StoreError(f"{path} can be written by other users", hint=f"chmod 700 {path}")
    if not os.access(path, os.W_OK | os.X_OK):
        raise StoreError(f"{path} cannot be written by this user")
    if read_manifest(path) is None and any(item.name not in _PARTS for item in path.iterdir()):
        raise StoreError(f"{path} is a folder with other things in it", hint="name a new folder for the store")


def _shared(path: Path, group: str | None) -> bool:
    if group is not None:
        share(path, group)
    return is_shared(path)


def _create(path: Place, key: bytes) -> None:
    from deltalake import DeltaTable, Schema
    from deltalake.exceptions import DeltaError

    if isinstance(path, Path):
        for name in ("events", "rejects", "state"):
            (path / name).mkdir(exist_ok=True)
    schema = Schema([_field(name, dtype) for name, dtype in DTYPES.items()])
    try:
        DeltaTable.create(
            str(path / "events"), schema, mode="ignore", partition_by=["day"], name="apilens events",
            configuration={"delta.logRetentionDuration": "interval 2 days"}, storage_options=cloud(path),
        )  # fmt: skip
    except (DeltaError, OSError) as error:
        # On S3 somebody else may have made it meanwhile.
        if isinstance(path, Path):
            raise
        if not (path / "events" / "_delta_log" / f"{0:020}.json").exists():
            raise failed(path, error) from None
    # The manifest comes last: a store without one is made again.
    write_new(path / "state" / "store.json", json.dumps({"version": VERSION, "key": fingerprint(key)}).encode() + b"\n")


def _add_columns(path: Place, delta: DeltaTable, extra: Mapping[str, pl.DataType]) -> None:
    from deltalake.exceptions import CommitFailedError, DeltaError

    have = {item.name for item in delta.schema().fields}
    missing = [_field(name, dtype) for name, dtype in extra.items() if name not in have]
    if missing:
        try:
            delta.alter.add_columns(missing)
        except DeltaError as error:
            if isinstance(path, Path):
                raise
            # Somebody else may have added them meanwhile.
            delta.update_incremental()
            if {item.name for item in missing} <= {item.name for item in delta.schema().fields}:
                return
            if isinstance(error, CommitFailedError):
                raise StoreBusy(f"{path} was written by another process", hint="run the command again") from None
            raise failed(path / "events", error) from None
        delta.update_incremental()


def _field(name: str, dtype: pl.DataType) -> Field:
    from deltalake import Field
    from deltalake.schema import PrimitiveType

    return Field(name, PrimitiveType(_DELTA_OF[str(dtype.base_type())]))
