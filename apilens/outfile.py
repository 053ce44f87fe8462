"""Files that users ask for: whole or not at all, and never in the place of a pipe, a device or a link."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give the path to write to; what is there when the block ends without an error takes the place of `path`.

    A link stays and its target is replaced; a named pipe or a device such as /dev/null is written to as it is. durable:
    what took its place is there after a power cut, too.
    """
    if path.exists() and not path.is_file():
        # Held open meanwhile: a pipe's reader would take it for the end when a library opens and closes it twice.
        with path.open("ab"):
            yield path
        return
    target = Path(os.path.realpath(path))
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    # Exclusive: in a shared folder somebody may have laid a link under this name.
    partial.open("xb").close()
    try:
        yield partial
        if durable:
            _sync(partial)
        partial.replace(target)
        if durable:
            _sync(target.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _sync(path: Path) -> None:
    """Flush a file or the entries of a folder to disk."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
