"""The recipe for lines of columns: a header, far above or in the line itself, says what stands where.

Lines are split once, and each capture is taken from its place. Several headers in one block are no slower than one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

_BOM = b"\xef\xbb\xbf"
# What copytruncate and joined files leave in front of a line, as text.py strips it.
_LEADING = re.compile(rb"(?m)^(?:\0+(?:\xef\xbb\xbf)?|\xef\xbb\xbf)")
_DIRECTIVE = re.compile(r"#\s*([A-Za-z_]+):?\s*(.*?)\s*", re.DOTALL)

# The texts of the directives in force, in the order of a format's keywords; "" for one that was not met.
State = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a row's captures stand, from 0, and how many values its header names."""

    at: Mapping[str, int]
    size: int


def layout(names: Sequence[str], keys: Callable[[str], Iterable[str]]) -> Layout:
    """Return the layout of rows with these column names; keys(name) are the captures that a column gives."""
    at: dict[str, int] = {}
    for position, name in enumerate(names):
        for key in keys(name):
            at.setdefault(key, position)
    return Layout(at, len(names))


def directive_prelude(keywords: Sequence[str]) -> Callable[[bytes, bytes], bytes]:
    """Return the `Format.prelude` of logs with lines such as `#Fields: …`: the last line of each of the keywords."""

    def prelude(before: bytes, data: bytes) -> bytes:
        # A search for one byte is much faster than one for several, and mostly enough.
        if b"#" not in data:
            return before
        if b"\0" in data or (b"\xef" in data and _BOM in data):
            data = _LEADING.sub(b"", data)
        latest: dict[str, bytes] = {}
        for piece in b"\n".join((b"", before, data)).split(b"\n#")[1:]:
            line = b"#" + piece.partition(b"\n")[0].rstrip(b"\r")
            found = _DIRECTIVE.fullmatch(line.decode("utf-8", "replace"))
            if found and found[1].lower() in keywords:
                latest[found[1].lower()] = line
        return b"\n".join(latest.values())

    return prelude


def in_force(text: pl.Series, prelude: bytes, keywords: Sequence[str]) -> tuple[list[State], pl.Series]:
    """Return the distinct states of a block's directives, and for each line the index of the one it stands under."""
    state: State = ("",) * len(keywords)
    for line in prelude.decode("utf-8", "replace").split("\n"):
        state = _after(state, line, keywords)
    known = {state: 0}
    marks = text.str.starts_with("#")
    if not marks.any():
        return [state], pl.repeat(0, len(text), dtype=pl.UInt32, eager=True)
    sections = [0]
    # A loop over directives; there are few, and rows do not matter.
    for line in text.filter(marks):
        state = _after(state, line, keywords)
        sections.append(known.setdefault(state, len(known)))
    return list(known), pl.Series(sections, dtype=pl.UInt32).gather(marks.cum_sum())


def _after(state: State, line: str, keywords: Sequence[str]) -> State:
    found = _DIRECTIVE.fullmatch(line)
    if not found or found[1].lower() not in keywords:
        return state
    at = keywords.index(found[1].lower())
    return (*state[:at], found[2], *state[at + 1 :])


def split_quoted(text: pl.Expr, separator: str) -> pl.Expr:
    """Return the values of lines as lists; in double quotes a value may hold separators, and quotes doubled."""
    edge = re.escape(separator)
    value = f'{edge}(?:"(?:[^"]|"")*"|[^{edge}]*)'
    parts = (pl.lit(separator) + text).str.extract_all(value)
    return parts.list.eval(unquoted(pl.element().str.slice(1)))


def unquoted(text: pl.Expr) -> pl.Expr:
    """Return texts without double quotes around them."""
    quoted = text.str.starts_with('"') & text.str.ends_with('"') & (text.str.len_bytes() > 1)
    inner = text.str.strip_prefix('"').str.strip_suffix('"').str.replace_all('""', '"', literal=True)
    return pl.when(quoted).then(inner).otherwise(text)


def placed(parts: pl.Series, layouts: Sequence[Layout], which: pl.Series, names: Iterable[str]) -> dict[str, pl.Series]:
    """Return the captures of these names that any layout has, from rows split into `parts`.

    which: the index of each row's layout. A value that a row lacks is null.
    """
    found: dict[str, pl.Series] = {}
    for name in names:
        at = [layout.at.get(name) for layout in layouts]
        if all(position is None for position in at):
            continue
        if len(layouts) == 1:
            index: pl.Expr = pl.lit(at[0], dtype=pl.Int64)
        else:
            index = pl.lit(pl.Series(at, dtype=pl.Int64).gather(which))
        found[name] = (
            parts.to_frame("parts").select(pl.col("parts").list.get(index, null_on_oob=True).alias(name)).to_series()
        )
    return found
