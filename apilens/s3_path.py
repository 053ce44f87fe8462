"""Objects of S3 by the methods that pathlib has for files, so that a store is written the same way to both."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from apilens.errors import StoreError
from apilens.objects import Object

if TYPE_CHECKING:
    from pyarrow import fs  # type: ignore[import-untyped, unused-ignore]

# What a store on S3 takes; a reader needs the first and the last.
_RIGHTS = ("GetObject", "PutObject", "DeleteObject", "ListBucket")


@dataclass(frozen=True, slots=True, order=True)
class S3Path:
    """An object of S3, or a prefix of some. key: without slashes at its ends. known: what a listing said of it.

    Methods do what pathlib's of the same name do. They raise FileNotFoundError where there is no such object, and
    StoreError, with what is so and what to do, where S3 fails otherwise.
    """

    bucket: str
    key: str
    known: os.stat_result | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def __truediv__(self, name: str) -> S3Path:
        return S3Path(self.bucket, f"{self.key}/{name}".strip("/"))

    @property
    def name(self) -> str:
        """The last part of its key."""
        return self.key.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """What its name ends in, with the dot."""
        return PurePosixPath(self.key).suffix

    @property
    def parent(self) -> S3Path:
        """What it lies in."""
        return S3Path(self.bucket, self.key.rpartition("/")[0])

    def exists(self) -> bool:
        """Say whether there is an object of that name."""
        with self._asked() as system:
            return bool(system.get_file_info(self._path).is_file)

    def is_file(self) -> bool:
        """Say whether there is an object of that name."""
        return self.known is not None or self.exists()

    def stat(self) -> os.stat_result:
        """Return its size, and when it was put; of one that was listed, as it was then."""
        if self.known is not None:
            return self.known
        with self._asked() as system:
            info = system.get_file_info(self._path)
        if not info.is_file:
            raise self._missing()
        from apilens.s3 import facts

        return facts(info)

    def read_bytes(self) -> bytes:
        """Return all of it."""
        with self._asked() as system, system.open_input_stream(self._path) as stream:
            data: bytes = stream.read()
        return data

    def read_text(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return all of it as text."""
        return self.read_bytes().decode(encoding, errors)

    def open(self, mode: str) -> io.BytesIO:
        """Return it as a file to read bytes from."""
        assert mode == "rb"
        return io.BytesIO(self.read_bytes())

    def write_bytes(self, data: bytes) -> int:
        """Put it as a whole, in the place of an older one: a reader gets the one or the other."""
        with self._asked() as system, system.open_output_stream(self._path) as stream:
            stream.write(data)
        return len(data)

    def unlink(self, missing_ok: bool = False) -> None:
        """Delete it."""
        try:
            with self._asked() as system:
                system.delete_file(self._path)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def iterdir(self) -> Iterator[S3Path]:
        """Give the objects directly below it."""
        yield from self._below(recursive=False)

    def glob(self, pattern: str) -> Iterator[S3Path]:
        """Give the objects directly below it whose names fit a pattern."""
        return (item for item in self.iterdir() if fnmatchcase(item.name, pattern))

    def rglob(self, pattern: str) -> Iterator[S3Path]:
        """Give the objects anywhere below it whose names fit a pattern."""
        return (item for item in self._below(recursive=True) if fnmatchcase(item.name, pattern))

    def names(self) -> set[str]:
        """Return what is directly below it: objects, and prefixes of more."""
        return {info.base_name for info in self._listed(recursive=False)}

    def _below(self, *, recursive: bool) -> Iterator[S3Path]:
        from apilens.s3 import facts

        for info in sorted(self._listed(recursive=recursive), key=lambda info: info.path):
            if info.is_file:
                yield S3Path(self.bucket, info.path.partition("/")[2], facts(info))

    def _listed(self, *, recursive: bool) -> list[fs.FileInfo]:
        from pyarrow import fs

        try:
            # To allow that it is not found would hide that there is no bucket.
            with self._asked() as system:
                found: list[fs.FileInfo] = system.get_file_info(fs.FileSelector(self._path, recursive=recursive))
        except FileNotFoundError:
            return []
        return found

    @property
    def _path(self) -> str:
        return f"{self.bucket}/{self.key}".rstrip("/")

    def _missing(self) -> FileNotFoundError:
        return FileNotFoundError(errno.ENOENT, "no such object", str(self))

    @contextmanager
    def _asked(self) -> Iterator[fs.FileSystem]:
        from apilens import s3

        try:
            yield s3.connect(self.bucket)
        except OSError as error:
            if s3.is_missing(str(error)):
                raise self._missing() from None
            raise failed(self, error) from None


def failed(place: S3Path, error: BaseException) -> StoreError:
    """Return what is so where S3, or a library that asks it, fails at a place."""
    from apilens import s3

    what, hint = s3.reason(str(error), Object(place.bucket, place.key), rights=_RIGHTS)
    return StoreError(f"{place}: {what}", hint=hint)
