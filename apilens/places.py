"""Where a store lies: a folder on a local disk, or all below a prefix of an S3 bucket.

Whoever takes a `Place` uses what both have. What only a disk has (modes, locks, flushing) asks `isinstance(…, Path)`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from apilens.errors import InputError, UsageError
from apilens.objects import SCHEME, endpoint, object_of
from apilens.s3_path import S3Path, failed

Place = Path | S3Path

NO_PLACE = "a store is a folder, or s3://bucket/prefix"
# In a URL these mean something else, and delta-rs takes what names a store as a URL.
_ODD = re.compile(r"[%#?]|//")
# What a profile of AWS's own tools has of credentials.
_KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")


def place_of(text: str) -> Place:
    """Return the place that a text names. Raises UsageError for a URL that no store can have."""
    if not SCHEME.match(text):
        return Path(text)
    try:
        found = object_of(text)
    except InputError:
        raise UsageError(f"{text}: {NO_PLACE}") from None
    if _ODD.search(found.key.strip("/")):
        raise UsageError(f"{text}: a store's prefix has no %, # or ?, and no empty part", hint=NO_PLACE)
    return S3Path(found.bucket, found.key.strip("/"))


def cloud(places: str | Place | Sequence[str] | Sequence[Place]) -> dict[str, str] | None:
    """Return how Polars and delta-rs get at a place, or at all of several; None where they lie on the disk."""
    first = places if isinstance(places, str | Path | S3Path) else next(iter(places), "")
    if not str(first).startswith("s3://"):
        return None
    options = dict(_from_profile(os.environ))
    if address := endpoint():
        options["aws_endpoint_url"] = address
        options["aws_allow_http"] = str(address.startswith("http://")).lower()
    options["aws_region"] = _region(str(first))
    return options


def _region(url: str) -> str:
    # What is not Amazon's takes any; Amazon answers for a bucket in its own only, whatever that of the settings is.
    if endpoint():
        return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    from apilens import s3

    place = place_of(url)
    assert isinstance(place, S3Path)
    try:
        return s3.region_of(place.bucket)
    except OSError as error:
        raise failed(place, error) from None


def _from_profile(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Give the keys that a profile in ~/.aws/credentials has: Polars does not look there by itself."""
    if environ.get("AWS_ACCESS_KEY_ID"):
        return
    import configparser

    file = Path(environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials")
    known = configparser.RawConfigParser()
    try:
        known.read(file.expanduser())
        section = known[environ.get("AWS_PROFILE") or "default"]
    except (configparser.Error, KeyError, RuntimeError, UnicodeDecodeError):
        # What is there some other way, as the role of a machine, needs no file.
        return
    yield from ((name, section[name]) for name in _KEYS if name in section)
