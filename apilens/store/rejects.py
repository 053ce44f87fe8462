"""Rejects of commits, one file each, named by generation: there exactly when the commit is.

One writer at a time (on a disk) may take the name of a generation before its commit. Where several write at once (on
S3) a generation is anybody's until somebody's commit has it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from apilens.places import Place
from apilens.s3_path import S3Path
from apilens.store.data_files import put
from apilens.store.versions import GENERATION, read_entry, versions_in

# What a commit may keep of its rejects; the totals stay exact.
REJECT_BYTES = 10 << 20
_WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A commit that is tried: an id of its own, the version that it would make of the table, and its generation."""

    id: str
    version: int
    generation: int


class Rejects:
    """Those of a store on a disk: written under the name of the generation, before the commit of it."""

    def __init__(self, folder: Path, generation: int) -> None:
        self._folder = folder
        limit = _name(generation)
        for path in folder.iterdir():
            # A name with a dot is a file that a killed run had not finished.
            if path.name > limit or path.name.startswith("."):
                path.unlink()

    def before(self, attempt: Attempt, rejects: pl.DataFrame) -> None:
        """Write what a commit rejects."""
        path = self._folder / _name(attempt.generation)
        if rejects.is_empty():
            # A killed run may have left its own under the number that this commit takes.
            path.unlink(missing_ok=True)
        else:
            put(path, _as_bytes(rejects))

    def after(self, attempt: Attempt, *, landed: bool) -> None:
        """Nothing: the next attempt, or writer, takes the same name."""


class SharedRejects:
    """Those of a store on S3: they wait under the version and id of their attempt, and get their name after it.

    What a killed run left waiting is decided by the log, for good once it has that version: the entry has that id, or
    the commit never was.
    """

    def __init__(self, folder: S3Path, log: S3Path, version: int) -> None:
        self._folder = folder
        for path in (folder / _WAITING).iterdir():
            number, _, id = path.name.removesuffix(".jsonl").partition("-")
            if int(number) > version:
                continue
            entry = read_entry(log, int(number))
            # Whose they are may be just about to do the same.
            with suppress(FileNotFoundError):
                if id.encode() in entry:
                    put(folder / _name(versions_in(entry)[GENERATION]), path.read_bytes())
                path.unlink()

    def before(self, attempt: Attempt, rejects: pl.DataFrame) -> None:
        """Write what a commit rejects, to wait for it."""
        self._data = b"" if rejects.is_empty() else _as_bytes(rejects)
        if self._data:
            self._waiting(attempt).write_bytes(self._data)

    def after(self, attempt: Attempt, *, landed: bool) -> None:
        """Give what was written before its name, or delete it where the commit was not made."""
        if not self._data:
            return
        if landed:
            put(self._folder / _name(attempt.generation), self._data)
        self._waiting(attempt).unlink(missing_ok=True)

    def _waiting(self, attempt: Attempt) -> S3Path:
        return self._folder / _WAITING / f"{attempt.version:020}-{attempt.id}.jsonl"


def rejects_for(path: Place, generation: int, version: int) -> Rejects | SharedRejects:
    """Return the rejects of the store at `path`, rid of what killed runs left, as of a version of its table."""
    if isinstance(path, S3Path):
        return SharedRejects(path / "rejects", path / "events" / "_delta_log", version)
    return Rejects(path / "rejects", generation)


def _name(generation: int) -> str:
    return f"{generation:010}.jsonl"


def _as_bytes(rejects: pl.DataFrame) -> bytes:
    data = rejects.write_ndjson().encode()
    if len(data) > REJECT_BYTES:
        cut = data.rfind(b"\n", 0, REJECT_BYTES) + 1
        left = data.count(b"\n", cut)
        data = data[:cut] + json.dumps({"left_out": left}).encode() + b"\n"
    return data
