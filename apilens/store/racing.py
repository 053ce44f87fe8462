"""Commits to a store that others write to at the same time: of two that come at once the later one is tried again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from apilens.errors import StoreBusy
from apilens.places import Place
from apilens.store.data_files import DataFile

if TYPE_CHECKING:
    from apilens.store.writer import Writer

T = TypeVar("T")

# Each of them was overtaken by a commit of somebody else's: past so many the others shall have it.
ATTEMPTS = 50


def until_first(
    writer: Writer, attempt: Callable[[], T], files: Sequence[DataFile], *, still: Callable[[], bool]
) -> T:  # fmt: skip
    """Try a commit until nobody else's comes first, and return what it gave.

    files: what was written for it. still: whether it is as right behind what others committed meanwhile. Where it is
    not, the files are deleted, and it raises StoreBusy.
    """
    for number in range(ATTEMPTS):
        # A refresh, of this commit or one before it, takes over what may make this wrong: no race would be lost then,
        # and nothing else say so.
        if writer.refreshes and not still():
            break
        with suppress(StoreBusy):
            return attempt()
        # Of many who try again, not all at the same time.
        time.sleep(random.uniform(0, 0.02 * number))
        writer.refresh()
    discard(writer.path, files)
    raise writer.overtaken()


def discard(path: Place, files: Sequence[DataFile]) -> None:
    """Delete files of the store at `path` that no commit named."""
    for item in files:
        (path / "events" / item.path).unlink(missing_ok=True)
