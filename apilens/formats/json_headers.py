"""Headers out of JSON objects: the values of the names that are wanted, in any spelling.

In the text of all headers each name costs a search of its own. msgspec gives the headers of a line as a dictionary for
the price of two or three such searches, and skips what else the line holds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache, reduce
from itertools import repeat
from operator import attrgetter
from typing import Any

import msgspec
import polars as pl

from apilens.formats.json_lines import Objects

Path = tuple[str, ...]
Headers = dict[str, Any]
_NONE: Headers = {}


def find_headers(objects: Objects, wanted: Mapping[Path, Collection[str]]) -> dict[Path, dict[str, pl.Series]]:
    """Return path → name → value in each object, for headers that stand as an object at a path; names in lower case.

    The first of a list, and a number as its text; null where there is none. Of duplicate keys the last counts.
    """
    wanted = {path: names for path, names in wanted.items() if names}
    if not wanted:
        return {}
    row = _struct(frozenset(wanted))
    decoder = msgspec.json.Decoder(row)
    try:
        rows = decoder.decode_lines(b"\n".join(objects.texts) if objects.whole is None else objects.whole)
    except (msgspec.MsgspecError, RecursionError):
        # Somewhere stands something else where headers should be.
        rows = []
    if len(rows) == len(objects.texts):
        return {path: _values(_level(rows, row, path), names) for path, names in wanted.items()}
    lines = [_decoded(text) for text in objects.texts]
    return {path: _values([_walked(line, path) for line in lines], names) for path, names in wanted.items()}


@lru_cache(maxsize=16)
def _struct(paths: frozenset[Path]) -> Any:
    """Return a type with a field for each key on the way to the paths."""
    below = {name: frozenset(path[1:] for path in paths if path[0] == name) for name in sorted({at[0] for at in paths})}
    types = [Headers if () in inner else _struct(inner) for inner in below.values()]
    fields = [(f"f{number}", dtype | None, None) for number, dtype in enumerate(types)]
    names = {f"f{number}": name for number, name in enumerate(below)}
    return msgspec.defstruct("Row", fields, rename=names, gc=False)


def _level(rows: Sequence[Any], row: Any, path: Path) -> list[Headers]:
    """Return the headers at a path of every row, none where there are none."""
    for name in path:
        info = {field.encode_name: field for field in msgspec.structs.fields(row)}[name]
        inner = next(each for each in info.type.__args__ if each is not type(None))
        nothing = _NONE if inner == Headers else inner()
        rows, row = [nothing if found is None else found for found in map(attrgetter(info.name), rows)], inner
    return list(rows)


def _decoded(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _walked(value: Any, path: Path) -> Headers:
    found = reduce(lambda at, name: at.get(name) if isinstance(at, dict) else None, path, value)
    return found if isinstance(found, dict) else _NONE


def _values(headers: list[Headers], names: Collection[str]) -> dict[str, pl.Series]:
    spellings: dict[str, list[str]] = {name: [] for name in names}
    for spelling in sorted(set().union(*headers)):
        spellings.get(spelling.lower(), []).append(spelling)
    return {name: _column(headers, found) for name, found in spellings.items()}


def _column(headers: list[Headers], spellings: Sequence[str]) -> pl.Series:
    columns = [_texts(list(map(dict.get, headers, repeat(spelling)))) for spelling in spellings]
    nothing = pl.repeat(None, len(headers), dtype=pl.String, eager=True)
    return pl.select(pl.coalesce(columns)).to_series() if columns else nothing


def _texts(values: list[Any]) -> pl.Series:
    if not {str, type(None)}.issuperset(map(type, values)):
        values = [_text(value) for value in values]
    return pl.Series(values, dtype=pl.String)


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        value = value[0] if value and isinstance(value[0], str) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None
