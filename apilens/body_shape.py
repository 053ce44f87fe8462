"""The shape of a JSON body: names and types of its fields, never their values.

`id:integer,lines[].sku:string,user.id:string`: the path of each field to its type, in order of the alphabet. Polars has
no expression that walks JSON of unknown fields, so bodies are decoded one by one; what they look like is worked out
once for all that are alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import polars as pl

# Longer bodies are not looked at, for their shape nor for an error: none takes that much to say.
MOST_BYTES = 64 << 10
# Of a shape no more fields, levels and items of a list.
_MOST_FIELDS, _DEEPEST, _MOST_ITEMS = 200, 8, 100
# What a key must look like to be a name that developers gave. Others may be ids, addresses, or secrets: data.
_NAME = re.compile(r"[A-Za-z_$][\w$-]{0,39}", re.ASCII)
_MOST_DIGITS = 3
OTHER = "*"
_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
_REPLACED = ".body.length exceeded options"

_decode = msgspec.json.Decoder().decode
# How a body looks → its shape; block after block has bodies that look alike. And for the types of an object's values,
# one after the other, which of them have an inside.
_KNOWN: dict[Any, Any] = {}
_INNER: dict[tuple[type, ...], tuple[int, ...]] = {}
_MOST_KNOWN = 20_000
_UNKNOWN = object()


def shapes(bodies: Iterable[bytes | str | None]) -> pl.Series:
    """Return the shape of each body; null for none, for one that is no JSON object or list, and one that is too long.

    A body that was logged as text is JSON in a JSON string, and counts as that.
    """
    if len(_KNOWN) > _MOST_KNOWN or len(_INNER) > _MOST_KNOWN:
        _KNOWN.clear()
        _INNER.clear()
    return pl.Series("request_shape", [_shape(body) if body else None for body in bodies], dtype=pl.String)


def _shape(body: bytes | str) -> str | None:
    if len(body) > MOST_BYTES:
        return None
    try:
        found = _decode(body)
        if type(found) is str:
            found = _decode(found) if found[:1] in ("{", "[") else None
        kind = type(found)
        if kind is dict:
            look = _look_of_object(found)
        elif kind is list:
            look = _look_of_list(found)
        else:
            return None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if len(found) == 1 and kind is dict and _REPLACED in str(found.get("msg")):
        return None
    # Another thread may empty it between two looks into it.
    known = _KNOWN.get(look, _UNKNOWN)
    if known is _UNKNOWN:
        known = _KNOWN[look] = _text(found)
    text: str | None = known
    return text


def _look_of_object(value: dict[str, Any]) -> Any:
    """Return what two bodies have in common only if they have the same shape: names and types as Python has them."""
    types = tuple(map(type, value.values()))
    inner = _INNER.get(types)
    if inner is None:
        inner = _INNER[types] = tuple(at for at, kind in enumerate(types) if kind is dict or kind is list)
    if not inner:
        return (*value, types)
    items = list(value.values())
    below = [_look_of_object(items[at]) if types[at] is dict else _look_of_list(items[at]) for at in inner]
    return (*value, types, *below)


def _look_of_list(value: list[Any]) -> Any:
    some = value if len(value) <= _MOST_ITEMS else value[:_MOST_ITEMS]
    types = frozenset(map(type, some))
    if dict not in types and list not in types:
        return types
    return frozenset(
        [_look_of_object(x) if type(x) is dict else _look_of_list(x) if type(x) is list else type(x) for x in some]
    )


def _text(found: Any) -> str | None:
    fields = sorted(set(_fields(found, "", 0)))
    return ",".join(fields[:_MOST_FIELDS]) or None


def _fields(value: Any, path: str, depth: int) -> Iterator[str]:
    inner = depth + 1
    if isinstance(value, dict) and value and inner <= _DEEPEST:
        for key, item in value.items():
            yield from _fields(item, f"{path}.{_name(key)}" if path else _name(key), inner)
    elif isinstance(value, list) and value and inner <= _DEEPEST:
        for item in value[:_MOST_ITEMS]:
            yield from _fields(item, f"{path}[]", inner)
    elif path or value:
        kind = "object" if isinstance(value, dict) else "array" if isinstance(value, list) else _TYPES[type(value)]
        yield f"{path}:{kind}"


def _name(key: str) -> str:
    known = _NAME.fullmatch(key) and sum(character.isdigit() for character in key) <= _MOST_DIGITS
    return key if known else OTHER
