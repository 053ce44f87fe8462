"""Reading what credentials say of themselves, without verifying them: the claims of a JWT, a percent-encoded value."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import unquote_plus

import msgspec

# A token is a few hundred bytes; anything much larger is an attack or no token.
_LONGEST = 16_384


def claims(token: str) -> dict[str, Any]:
    """Return the claims of a JSON Web Token (RFC 7519), with or without `Bearer` before it; empty for anything else."""
    parts = token.removeprefix("Bearer ").removeprefix("bearer ").strip().split(".")
    if len(parts) != 3 or len(token) > _LONGEST:
        return {}
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        found = msgspec.json.decode(payload)
    except (ValueError, binascii.Error, msgspec.DecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def claim_of(token: str, claim: str) -> str | None:
    """Return one claim of a token as text; dots in its name lead into objects (`org.id`)."""
    found: Any = claims(token)
    if claim in found:
        found = found[claim]
    else:
        for name in claim.split("."):
            found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, bool) or not isinstance(found, str | int):
        return None
    return str(found)


def unquoted(value: str) -> str:
    """Return a value of a query or path, percent-decoded; bytes that are no UTF-8 become U+FFFD."""
    return unquote_plus(value, errors="replace")
