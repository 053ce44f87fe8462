"""The way into S3, with the credentials and settings that AWS's own tools use, and what its errors mean.

Everything comes from the environment and ~/.aws: AWS_ACCESS_KEY_ID and its kin, AWS_PROFILE, roles of the machine;
AWS_ENDPOINT_URL for a store that is not Amazon's. pyarrow, which this imports, takes 0.2 s and brings numpy: nobody
imports this module but for a URL.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from pyarrow import fs  # type: ignore[import-untyped, unused-ignore]

from apilens.errors import InputError
from apilens.sources.objects import Object

# What S3, or the library that asks it, calls it → what is so. The first that stands in its message counts.
_REASONS = (
    (("ACCESS_DENIED", "AccessDenied", "HTTP status code: 403", "FORBIDDEN"), "denied"),
    (("INVALID_ACCESS_KEY_ID", "InvalidAccessKeyId", "SIGNATURE", "SignatureDoesNotMatch"), "refused"),
    (("INVALID_CLIENT_TOKEN_ID", "UNRECOGNIZED_CLIENT", "ExpiredToken", "EXPIRED_TOKEN", "InvalidToken"), "refused"),
    (("NO_SUCH_BUCKET", "NoSuchBucket", "Bucket '"), "bucket"),
    (("NO_SUCH_KEY", "NoSuchKey", "RESOURCE_NOT_FOUND", "Path does not exist"), "missing"),
    (("NETWORK_CONNECTION", "curlCode", "REQUEST_TIMEOUT"), "network"),
)
_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")  # fmt: skip


def endpoint() -> str | None:
    """Return the address of the store where it is not Amazon's."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


def connect(bucket: str) -> fs.FileSystem:
    """Return the file system that a bucket is in. Raises OSError."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return _connected(bucket, endpoint(), region)


@lru_cache
def _connected(bucket: str, address: str | None, region: str | None) -> fs.FileSystem:
    if address:
        scheme, _, host = address.rpartition("://")
        return fs.S3FileSystem(endpoint_override=host.rstrip("/"), scheme=scheme or "https", region=region)
    # Amazon answers for a bucket in its own region only, whatever the one of the settings is.
    return fs.S3FileSystem(region=fs.resolve_s3_region(bucket))


@contextmanager
def explained(place: Object) -> Iterator[None]:
    """Raise InputError where S3 fails meanwhile: the object, what is so, and what to do."""
    try:
        yield
    except OSError as error:
        what, hint = _words(str(error), place)
        raise InputError(f"{place}: {what}", hint=hint) from None


def brief(error: OSError, place: Object) -> str:
    """Return what is so, without the object's name."""
    return _words(str(error), place)[0]


def _words(text: str, place: Object) -> tuple[str, str | None]:
    kind = next((kind for marks, kind in _REASONS if any(mark in text for mark in marks)), None)
    if kind == "denied" and not _has_credentials():
        return "access denied, and there are no AWS credentials", (
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run on a machine that has a role"
        )
    if kind == "denied":
        rights = f"s3:GetObject on {place.bucket}/*, and s3:ListBucket on {place.bucket}"
        return "access denied", f"are these the right credentials? They need {rights}"
    if kind == "refused":
        return "the AWS credentials are refused", "they are wrong or have expired: `aws sts get-caller-identity` tells"
    if kind == "bucket":
        where = f" at {address}" if (address := endpoint()) else ""
        return f"no bucket {place.bucket}{where}", "check its name, and AWS_ENDPOINT_URL where it is not Amazon's"
    if kind == "missing":
        return "no such object", None
    if kind == "network":
        return f"cannot reach {endpoint() or 'S3'}", "check the network, AWS_REGION and AWS_ENDPOINT_URL"
    return (text.splitlines() or ["it cannot be read"])[0], None


def _has_credentials() -> bool:
    """Say whether somebody gave credentials; those of a machine's role do not show."""
    given = any(os.environ.get(name) for name in _CREDENTIALS)
    file = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials").expanduser()
    return given or file.is_file()
