"""The way into S3, with the credentials and settings that AWS's own tools use, and what its errors mean.

Everything comes from the environment and ~/.aws: AWS_ACCESS_KEY_ID and its kin, AWS_PROFILE, roles of the machine;
AWS_ENDPOINT_URL for a store that is not Amazon's. pyarrow, which this imports, takes 0.2 s and brings numpy: nobody
imports this module but for a URL.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from pyarrow import fs  # type: ignore[import-untyped, unused-ignore]

from apilens.errors import InputError
from apilens.objects import Object, endpoint

# What S3, or the library that asks it, calls it → what is so. The first that stands in its message counts.
_REASONS = (
    (("ACCESS_DENIED", "AccessDenied", "HTTP status code: 403", "FORBIDDEN"), "denied"),
    (("INVALID_ACCESS_KEY_ID", "InvalidAccessKeyId", "SIGNATURE", "SignatureDoesNotMatch"), "refused"),
    (("INVALID_CLIENT_TOKEN_ID", "UNRECOGNIZED_CLIENT", "ExpiredToken", "EXPIRED_TOKEN", "InvalidToken"), "refused"),
    (("NO_SUCH_BUCKET", "NoSuchBucket", "Bucket '"), "bucket"),
    (("NO_SUCH_KEY", "NoSuchKey", "RESOURCE_NOT_FOUND", "Path does not exist"), "missing"),
    (("NETWORK_CONNECTION", "curlCode", "REQUEST_TIMEOUT", "error sending request"), "network"),
    (("PermanentRedirect", "PERMANENT_REDIRECT", "AuthorizationHeaderMalformed"), "region"),
)
_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")  # fmt: skip


def connect(bucket: str) -> fs.FileSystem:
    """Return the file system that a bucket is in. Raises OSError."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return _connected(bucket, endpoint(), region)


@lru_cache
def _connected(bucket: str, address: str | None, region: str | None) -> fs.FileSystem:
    if address:
        scheme, _, host = address.rpartition("://")
        override = host.rstrip("/")
        # Delayed: what is small is put with one request and not with three.
        return fs.S3FileSystem(
            endpoint_override=override, scheme=scheme or "https", region=region, allow_delayed_open=True
        )
    return fs.S3FileSystem(region=region_of(bucket), allow_delayed_open=True)


@lru_cache
def region_of(bucket: str) -> str:
    """Return the region that Amazon has a bucket in: it answers in no other, whatever settings say. Raises OSError."""
    return str(fs.resolve_s3_region(bucket))


@contextmanager
def explained(place: Object) -> Iterator[None]:
    """Raise InputError where S3 fails meanwhile: the object, what is so, and what to do."""
    try:
        yield
    except OSError as error:
        what, hint = reason(str(error), place)
        raise InputError(f"{place}: {what}", hint=hint) from None


def brief(error: OSError, place: Object) -> str:
    """Return what is so, without the object's name."""
    return reason(str(error), place)[0]


def is_missing(text: str) -> bool:
    """Say whether a message means that there is no such object."""
    return _kind(text) == "missing"


def reason(text: str, place: Object, *, rights: Sequence[str] = ("GetObject", "ListBucket")) -> tuple[str, str | None]:
    """Return what is so, by the message of S3 or of a library, and what to do. rights: what is needed there."""
    kind = _kind(text)
    if kind == "denied" and not _has_credentials():
        return "access denied, and there are no AWS credentials", (
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run on a machine that has a role"
        )
    if kind == "denied":
        *objects, bucket = (f"s3:{name}" for name in rights)
        needed = f"{', '.join(objects)} on {place.bucket}/*, and {bucket} on {place.bucket}"
        return "access denied", f"are these the right credentials? They need {needed}"
    if kind == "refused":
        return "the AWS credentials are refused", "they are wrong or have expired: `aws sts get-caller-identity` tells"
    if kind == "bucket":
        where = f" at {address}" if (address := endpoint()) else ""
        return f"no bucket {place.bucket}{where}", "check its name, and AWS_ENDPOINT_URL where it is not Amazon's"
    if kind == "missing":
        return "no such object", None
    if kind == "network":
        return f"cannot reach {endpoint() or 'S3'}", "check the network, AWS_REGION and AWS_ENDPOINT_URL"
    if kind == "region":
        return f"bucket {place.bucket} is in another region", "set AWS_REGION to that of the bucket"
    # Of the lines of delta-rs, each with an arrow in colour, the last one has the cause.
    lines = [line for part in text.splitlines() if (line := re.sub(r"\x1b\[\d*m|↳", "", part).strip())]
    return lines[-1][:200] if lines else "it cannot be read", None


def _kind(text: str) -> str | None:
    return next((kind for marks, kind in _REASONS if any(mark in text for mark in marks)), None)


def _has_credentials() -> bool:
    """Say whether somebody gave credentials; those of a machine's role do not show."""
    given = any(os.environ.get(name) for name in _CREDENTIALS)
    file = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials").expanduser()
    return given or file.is_file()


def facts(info: fs.FileInfo) -> os.stat_result:
    """Return what S3 says of an object, as the system says it of a file: its name takes the place of an inode."""
    number = int.from_bytes(hashlib.blake2b(info.path.encode(), digest_size=8).digest())
    at_ns = info.mtime_ns
    seconds = at_ns // 1_000_000_000
    return os.stat_result(
        (stat.S_IFREG, number, 0, 1, 0, 0, info.size, seconds, seconds, seconds),
        {"st_mtime": at_ns / 1e9, "st_mtime_ns": at_ns, "st_ctime_ns": at_ns},
    )
