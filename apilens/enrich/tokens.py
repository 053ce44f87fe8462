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
