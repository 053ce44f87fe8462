"""Things of an API that clients use and that may go: endpoints, API versions, SDKs and fields, as SQL conditions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from apilens.errors import UsageError

KINDS = ("endpoint", "api_version", "sdk", "field")
_FIELD = "field:"
_ENDPOINT = re.compile(r"(?:(?:[A-Za-z]+|\*) )?/\S*")
_VERSION = re.compile(r"[vV]?[0-9][\w.*-]*")
_BELOW = re.compile("([^<>=!]+)<([^<>=!]+)")
_PATH = re.compile(r"[\w$-]+(?:\[\])?(?:\.[\w$-]+(?:\[\])?)*")
_EXAMPLES = {
    "endpoint": "'GET /v1/*' or '/v1/users/{id}'",
    "api_version": "v1 or '2024-*'",
    "sdk": "acme-python or 'acme-python<2.0'",
    "field": "user.id",
}


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that requests use: `condition` is true for those that do, `replaced` for those that use what replaces
    it (None: nobody knows what does). column: what has to be known of a request to tell. said_by: who declared it.
    """

    name: str
    kind: str
    column: str
    condition: str
    replaced: str | None = None
    replacement: str | None = None
    since: datetime | None = None
    sunset: datetime | None = None
    said_by: str = "apilens.yaml"


def thing_of(
    kind: str, text: str, *, replacement: str | None = None, since: datetime | None = None,
    sunset: datetime | None = None,
) -> Thing:  # fmt: skip
    """Return the thing of a kind that a text names. Without a `replacement`, another version replaces an API version,
    and a later one of the same SDK one below a bound. Raises UsageError for a text that names none.
    """
    text = text.strip().removeprefix(_FIELD if kind == "field" else "")
    old = _condition(kind, text)
    new = _condition(kind, replacement.strip()) if replacement else _later(kind, text)
    name = {"field": f"{_FIELD}{text}", "endpoint": f"* {text}" if text.startswith("/") else text}.get(kind, text)
    column = {"sdk": "sdk", "field": "request_shape"}.get(kind, kind)
    # Whoever is both uses the old one still.
    replaced = f"({new}) AND NOT coalesce(({old}), false)" if new else None
    return Thing(name, kind, column, old, replaced, replacement, since, sunset)


def recognised(text: str) -> str:
    """Return the kind that a text names by its looks: `GET /v1/*`, `field:user.id`, `acme-python<2.0`, `v1`, else an
    SDK's name.
    """
    text = text.strip()
    if _ENDPOINT.fullmatch(text):
        return "endpoint"
    if text.startswith(_FIELD):
        return "field"
    return "api_version" if _VERSION.fullmatch(text) else "sdk"


def _condition(kind: str, text: str) -> str:
    # Slow to import (it brings Polars), and few settings have anything deprecated.
    from apilens.short_filters import condition, event_condition

    bad = UsageError(f"{text!r} is no {kind.replace('_', ' ')}", hint=f"for example {_EXAMPLES[kind]}")
    if not text or "," in text or text.startswith("!"):
        raise bad
    if kind == "endpoint":
        if not _ENDPOINT.fullmatch(text):
            raise bad
        return event_condition(text)
    if kind == "field":
        if not _PATH.fullmatch(text):
            raise bad
        return _has_field(text)
    return condition("sdk" if kind == "sdk" else "api-version", text)


def _later(kind: str, text: str) -> str | None:
    if kind == "api_version":
        return "api_version IS NOT NULL"
    bounded = _BELOW.fullmatch(text) if kind == "sdk" else None
    return _condition("sdk", f"{bounded[1]}>={bounded[2]}") if bounded else None


def _has_field(path: str) -> str:
    """Return the condition of bodies with a field, or with one below it: `user` is there where `user.id` is."""
    # A shape lists `path:type`, by commas.
    ends = [path + end for end in (":", ".", "[")]
    parts = [f"starts_with(request_shape, '{end}') OR contains(request_shape, ',{end}')" for end in ends]
    return f"({' OR '.join(parts)})"
