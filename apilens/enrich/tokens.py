"""Reading what credentials say of themselves, without verifying them: the claims of a JWT, the scheme of a header."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import msgspec

# A token is a few hundred bytes; anything much larger is an attack or no token.
_LONGEST = 16_384
_BEARER = re.compile(r"^\s*bearer\s+", re.IGNORECASE)
_BASIC = re.compile(r"\s*basic\s+([A-Za-z0-9+/]+)={0,2}\s*$", re.IGNORECASE)
# What people write behind a key where a password is asked for.
_NO_PASSWORD = ("", "x", "api_token", "api_key", "x-oauth-basic", "token")


def claims(token: str) -> dict[str, Any]:
    """Return the claims of a JSON Web Token (RFC 7519), with or without `Bearer` before it; empty for anything else."""
    parts = _BEARER.sub("", token).strip().split(".")
    if len(parts) != 3 or len(token) > _LONGEST:
        return {}
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        found = msgspec.json.decode(payload)
    except (ValueError, binascii.Error, msgspec.DecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def claim_of(token: str, claim: str) -> str | None:
    """Return one claim of a token as text, null unless it is a text or a number; dots lead into objects (`org.id`)."""
    found: Any = claims(token)
    if claim in found:
        found = found[claim]
    else:
        for name in claim.split("."):
            found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return None
    return str(found)


def basic_user(header: str) -> str | None:
    """Return the user name of an HTTP Basic header (RFC 7617), null for anything else.

    Without a password, or with one that stands for none, the name is itself the secret: so do APIs take their keys. It
    is given with its colon, which no user name has, so that it can be told apart.
    """
    found = _BASIC.match(header)
    if not found or len(header) > _LONGEST:
        return None
    try:
        pair = base64.b64decode(found[1] + "=" * (-len(found[1]) % 4), validate=True).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return None
    name, colon, password = pair.partition(":")
    if not colon or not name:
        return None
    return f"{name}:" if password.lower() in _NO_PASSWORD else name
