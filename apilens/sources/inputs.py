"""What a user names (files, globs, directories, `-`) as the logs that it means, in the order to read them."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from apilens.errors import InputError
from apilens.objects import SCHEME, Object, object_of
from apilens.sources.permission import denied

STDIN = ("-", "/dev/stdin")


@dataclass(slots=True)
class Chunk:
    """Some of what comes through stdin, which is followed: a descriptor that holds it, closed by whoever reads it.

    lines: how many came before. directives: those of them that say how to read what follows. committed: it is in the
    store.
    """

    fd: int
    lines: int
    directives: bytes
    committed: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """One log to read.

    name: the path as given or found, what is shown and stored (`stdin` for `-`). path: None for stdin. named: the user
    named this very file, rather than a directory or glob that holds it. size: bytes on disk, None for a pipe.
    info: what the system, or S3, said of the file when it was found. chunk: the part of stdin that is meant.
    """

    name: str
    path: Path | Object | None
    named: bool
    size: int | None
    info: os.stat_result | None = field(default=None, repr=False, compare=False)
    chunk: Chunk | None = None

    @property
    def lines_before(self) -> int:
        """How many lines came before, where it is a part of stdin."""
        return self.chunk.lines if self.chunk else 0


class Nothing(InputError):
    """An input (`text`) that names no file: there may be one later."""

    def __init__(self, text: str, message: str) -> None:
        super().__init__(message)
        self.text = text


def printable(name: str) -> str:
    """Return a file's name with the bytes that are no UTF-8 written as `\\xff`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def expand(inputs: Sequence[str]) -> tuple[list[Source], list[InputError]]:
    """Return the files that the inputs mean, and one InputError for each that cannot be read.

    An input is a file, a FIFO, a directory (all below it, hidden names and links to directories left out), a glob where
    no file has that very name, the same in S3 by a URL (`s3://bucket/prefix/*.gz`), or `-`. What a directory or glob
    holds comes oldest first, so that rotated files come in their order. A file that is met twice, under whatever name,
    comes once.
    """
    found = _Found()
    for text in inputs:
        if text in STDIN:
            found.add_stdin()
        elif not _is_name(text):
            found.errors.append(InputError(f"{text!a}: not a file name"))
        elif SCHEME.match(text) and not os.path.lexists(text):
            found.add_objects(text)
        elif os.path.lexists(text) or not glob.has_magic(text):
            found.add(text, named=True)
        elif paths := _matches(text):
            found.add_all(paths)
        else:
            found.errors.append(Nothing(text, f"{printable(text)}: no file matches"))
    return found.sources, found.errors


class _Found:
    """What `expand` has found so far."""

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self.errors: list[InputError] = []
        # Device and inode tell one file from another within this run; across runs the content does.
        self._seen: set[tuple[int, int]] = set()

    def add_stdin(self) -> None:
        if not any(source.path is None for source in self.sources):
            self.sources.append(Source("stdin", None, True, None))

    def add(self, path: str, *, named: bool, info: os.stat_result | None = None) -> None:
        """Add a file, or all below a directory; `info`: what the system says of it, if that is known."""
        name = printable(path)
        try:
            # os.stat and not Path.stat: a folder may have 50,000 files.
            info = info or os.stat(path)  # noqa: PTH116
        except OSError as error:
            self.errors.append(_missing(name, path, error))
            return
        if (info.st_dev, info.st_ino) in self._seen:
            return
        self._seen.add((info.st_dev, info.st_ino))
        if stat.S_ISDIR(info.st_mode):
            self._add_below(path)
        elif (problem := _no_log(info.st_mode, named)) is not None:
            self.errors.append(InputError(f"{name}: {problem}"))
        elif not os.access(path, os.R_OK):
            self.errors.append(denied(name, path))
        else:
            size = info.st_size if stat.S_ISREG(info.st_mode) else None
            self.sources.append(Source(name, Path(path), named, size, info))

    def add_objects(self, text: str) -> None:
        """Add the objects that a URL means, oldest first, then by name."""
        try:
            place = object_of(text)
            # With it comes pyarrow.
            from apilens.sources.remote import matches

            found = matches(place)
        except InputError as error:
            self.errors.append(error)
            return
        if not found:
            self.errors.append(Nothing(text, f"{printable(text)}: no object matches"))
        for item, info in sorted(found, key=lambda pair: (pair[1].st_mtime_ns, str(pair[0]))):
            if (info.st_dev, info.st_ino) not in self._seen:
                self._seen.add((info.st_dev, info.st_ino))
                self.sources.append(Source(str(item), item, item == place, info.st_size, info))

    def add_all(self, paths: list[str]) -> None:
        """Add files that a glob or directory holds, oldest first, then by name."""
        known = {path: _stat(path) for path in paths}
        for path in sorted(paths, key=lambda path: (info.st_mtime_ns if (info := known[path]) else 0, path)):
            self.add(path, named=False, info=known[path])

    def _add_below(self, folder: str) -> None:
        paths: list[str] = []
        unread: list[OSError] = []
        for base, folders, names in os.walk(folder, onerror=unread.append):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            paths += (os.path.join(base, name) for name in names if not name.startswith("."))  # noqa: PTH118
        self.errors += (_missing(printable(str(error.filename)), str(error.filename), error) for error in unread)
        if not paths and not unread:
            self.errors.append(InputError(f"{printable(folder)}: no files in this directory"))
        self.add_all(paths)


def reason(error: OSError) -> str:
    """Return what the system says of a failed call, in lower case: `permission denied`."""
    return (error.strerror or str(error)).lower()


def _is_name(text: str) -> bool:
    try:
        return bool(text) and b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        # A lone surrogate, as a configuration file may hold it.
        return False


def _missing(name: str, path: str, error: OSError) -> InputError:
    """Return the error for what the system will not tell anything of."""
    if isinstance(error, FileNotFoundError):
        link = Path(path).is_symlink()
        return InputError(f"{name}: a symbolic link to nothing") if link else Nothing(path, f"{name}: no such file")
    return denied(name, path) if isinstance(error, PermissionError) else InputError(f"{name}: {reason(error)}")


def _no_log(mode: int, named: bool) -> str | None:
    """Say why something that is no directory is no log, or None."""
    if not stat.S_ISREG(mode) and not (named and stat.S_ISFIFO(mode)):
        kinds = ((stat.S_ISFIFO, "a FIFO: name it to read it"), (stat.S_ISSOCK, "a socket, not a log"))
        return next((text for test, text in kinds if test(mode)), "a device, not a log")
    return None


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116
    except OSError:
        return None


def _matches(pattern: str) -> list[str]:
    parts = Path(pattern).parts
    if "**" not in parts:
        # Unlike Path.glob it leaves hidden names out unless they are asked for.
        return glob.glob(pattern)  # noqa: PTH207
    # glob.glob would follow links to directories below `**`, for ever if two of them form a loop; Path.glob does not.
    first = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    base = Path(*parts[:first])
    # Path.glob refuses `a**b`, which means `a*b`.
    rest = [part if part == "**" else re.sub(r"\*+", "*", part) for part in parts[first:]]
    found = base.glob("/".join(rest))
    return [str(path) for path in found if not any(name.startswith(".") for name in path.relative_to(base).parts)]
