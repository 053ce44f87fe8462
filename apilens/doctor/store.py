"""Checks of the store: that it is there, whole, private and has room, and that its hash key is the one in use."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from apilens.doctor.base import Finding, Patient
from apilens.errors import ApilensError, StoreError
from apilens.places import Place
from apilens.shaping import older
from apilens.store import Counts, Store
from apilens.store.key import fingerprint, known_key
from apilens.store.table import read_manifest

_ROOM_WARN, _ROOM_FAIL = 2_000_000_000, 100_000_000
_GB = 1_000_000_000


def store(patient: Patient) -> Finding:
    """The store can be opened, and every file that its log names is there in full size."""
    opened = patient.opened
    if isinstance(opened, ApilensError):
        return Finding("fail", opened.message, opened.hint or "")
    file = _files(opened.path / "events")
    for path, size in opened.actions.select("path", "size_bytes").iter_rows():
        wrong = _wrong(file(path), size)
        if wrong:
            return Finding("fail", f"{path}: {wrong}", "`apilens store verify` lists all; restore them from a backup")
    counts = Counts(**{item.name: opened.total(item.name) for item in fields(Counts)})
    rows = int(opened.actions["num_records"].sum())
    if counts.stored != rows or not counts.balances:
        return Finding("fail", f"the totals do not balance: {rows:,} events in files", "`apilens store verify`")
    return Finding("ok", f"{opened.path}: {rows:,} events, all {opened.actions.height:,} data files there")


def permissions(patient: Patient) -> Finding:
    """Nobody but its owner and group can read the store, nobody but its owner can write to it."""
    if not isinstance(patient.place, Path):
        return Finding("ok", "the policy of its bucket says who may read and write it")
    try:
        mode = patient.place.stat().st_mode & 0o777
    except OSError as error:
        return Finding("warn", f"{patient.place}: {error.strerror}")
    if mode & 0o022:
        return Finding("fail", f"{patient.place} can be written by others ({mode:o})", f"chmod 700 {patient.place}")
    if mode & 0o005:
        return Finding("warn", f"everybody can read {patient.place} ({mode:o})", f"chmod 700 {patient.place}")
    return Finding("ok", f"mode {mode:o}")


def disk(patient: Patient) -> Finding:
    """The file system of the store has room."""
    if not isinstance(patient.place, Path):
        return Finding("ok", "S3 has room")
    place = patient.place.absolute()
    free = next((free for path in (place, *place.parents) if (free := _free(path)) is not None), 0)
    state = room(free)
    return Finding(state.state, f"{free / _GB:,.1f} GB free", state.advice)


def room(free: int) -> Finding:
    """Return the state of so many free bytes."""
    if free < _ROOM_WARN:
        return Finding("fail" if free < _ROOM_FAIL else "warn", "", "make room: ingest stops when the disk is full")
    return Finding("ok", "")


def up_to_date(patient: Patient) -> Finding:
    """All days were read with the settings as they are now."""
    if not isinstance(patient.opened, Store) or patient.mistake:
        return Finding("warn", "not looked at: there is no store, or no settings, to be read")
    said = older(patient.opened, patient.settings)
    if said is None:
        return Finding("ok", "every day was read with the settings as they are")
    words, _, command = said.rpartition(": ")
    return Finding("warn", words, f"`{command}`")


def hash_key(patient: Patient) -> Finding:
    """The hash key is there, and is the one that the store was made with."""
    try:
        key = known_key(patient.environ)
        manifest = read_manifest(patient.place)
    except StoreError as error:
        return Finding("fail", error.message, error.hint or "")
    if manifest is None:
        return Finding("ok", "no store was made with one yet" if key is None else "there is one")
    if key is None or manifest.get("key") != fingerprint(key):
        what = "there is none" if key is None else f"{patient.place} was written with another"
        return Finding("fail", what, "run as the user who made the store, or set APILENS_HASH_KEY to its key")
    return Finding("ok", "the one that the store was made with")


def _free(path: Path) -> int | None:
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None


def _files(folder: Place) -> Callable[[str], Place]:
    """Return what gives a file of a folder by its name: on S3 all of them are asked for at once."""
    if isinstance(folder, Path):
        return lambda name: folder / name
    listed = {str(item): item for item in folder.rglob("*.parquet")}
    return lambda name: listed.get(str(folder / name), folder / name)


def _wrong(path: Place, size: int) -> str | None:
    try:
        on_disk = path.stat().st_size
    except OSError as error:
        return error.strerror or "missing"
    return None if on_disk == size else f"{on_disk} bytes on disk, {size} in the log"
