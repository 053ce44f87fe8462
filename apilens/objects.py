"""Names of what lies in an object store: `s3://bucket/key`, a prefix, or a glob; and the address of that store."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from apilens.errors import InputError

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True, slots=True)
class Object:
    """An object, or what stands for some. key: as S3 has it, nothing in it is percent-encoded."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def path(self) -> str:
        """What pyarrow calls it."""
        return f"{self.bucket}/{self.key}"


def object_of(text: str) -> Object:
    """Return what a URL means. Raises InputError for one that is not of S3, or names no bucket."""
    found = SCHEME.match(text)
    if found is None or found[1].lower() != "s3":
        raise InputError(f"{text}: only s3:// is read", hint="s3://bucket/key, or files")
    bucket, _, key = text[found.end() :].partition("/")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", bucket):
        raise InputError(f"{text}: names no bucket", hint="s3://bucket/prefix/*.gz: wildcards stand behind the bucket")
    return Object(bucket, key)


def endpoint() -> str | None:
    """Return the address of the object store where it is not Amazon's."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None
