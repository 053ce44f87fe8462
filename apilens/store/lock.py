"""One writer at a time: an flock that the kernel frees when its holder dies."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apilens.errors import StoreBusy, StoreError

_POLL_S = 0.05


@contextmanager
def locked(path: Path, *, wait_s: float) -> Iterator[None]:
    """Hold the lock file exclusively, waiting for at most `wait_s` seconds.

    The file's existence means nothing and it is never unlinked: only the kernel's lock on it counts. Raises StoreBusy
    when another process keeps it, StoreError where the file system has no locks.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    try:
        _acquire(fd, path, wait_s)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(fd)


def _acquire(fd: int, path: Path, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = os.pread(fd, 32, 0).decode(errors="replace").strip() or "unknown"
                raise StoreBusy(
                    f"{path.parent} is being written by process {holder}",
                    hint=f"waited {wait_s:g} s; try again later, or wait longer with --wait",
                ) from None
            time.sleep(_POLL_S)
        except OSError as error:
            if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
                raise StoreError(
                    f"{path}: this file system has no locks ({os.strerror(error.errno)})",
                    hint="keep the store on a local disk",
                ) from None
            raise
