"""Bytes that survive a power cut: files and folders flushed to disk, written privately and never through a link."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from apilens.places import Place


def sync(path: Path) -> None:
    """Flush a file or a folder's entries to disk."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_all(paths: Iterable[Path]) -> None:
    """Flush several files or folders."""
    for path in paths:
        sync(path)


def write_new(path: Place, data: bytes) -> None:
    """Write a file under its name in one step, replacing an older one; `private` says who may read it."""
    if not isinstance(path, Path):
        path.write_bytes(data)
        return
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


@contextmanager
def private(*, shared: bool = False) -> Iterator[None]:
    """Make every file that is created meanwhile, by any library, readable by its owner alone, or by its group too."""
    before = os.umask(0o027 if shared else 0o077)
    try:
        yield
    finally:
        os.umask(before)
