"""Regular expressions put together from pieces, capturing only what somebody will use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

# Printable ASCII without quotes and backslashes, with and without blanks. Negated or explicit classes over ASCII keep
# the regex one-pass, which is what makes it fast; a line with other characters is read by the tolerant pattern.
TOKEN = r"[!#-\[\]-~]+"
QUOTED = r"[ !#-\[\]-~]*"
# The same with everything that a quoted field may hold, escaped quotes too; a cut line may end in the middle.
ESCAPED = r'(?:[^"\\]|\\.)*'


@dataclass(frozen=True, slots=True)
class Capture:
    """A text to take from the line: the name it goes by in the frame, and its regex, which has no groups of its own."""

    name: str
    regex: str


Piece = str | Capture
# Takes lines (`line`, `text`) and the names of wanted captures; returns a frame of the same rows with `line` and the
# captured texts, `time` being null where the line does not fit; `other`, if it is there, says which are no requests.
Tier = Callable[[pl.DataFrame, frozenset[str]], pl.DataFrame]


def pieces_tier(pieces: Iterable[Piece], *, whole: bool = True) -> Tier:
    """Return a tier that fits lines to a sequence of regexes and captures, one of them `time`.

    whole: up to the end of the line; else what stands behind the last piece is not even looked at.
    """
    fixed = tuple(pieces)

    def tier(lines: pl.DataFrame, wanted: frozenset[str]) -> pl.DataFrame:
        return lines.select("line", *captured("text", fixed, wanted, whole=whole))

    return tier


def captured(
    column: str, pieces: Iterable[Piece], wanted: frozenset[str] | None = None, *, whole: bool = True
) -> list[pl.Expr]:
    """Return one expression per capture (that is `wanted`) over the texts of `column`, null where they do not fit."""
    regex, names = "^", []
    for piece in pieces:
        if isinstance(piece, str):
            regex += piece
        elif wanted is None or piece.name in wanted:
            regex += f"({piece.regex})"
            names.append(piece.name)
        else:
            regex += f"(?:{piece.regex})"
    groups = pl.col(column).str.extract_groups(regex + ("$" if whole else ""))
    return [groups.struct.field(str(number)).alias(name) for number, name in enumerate(names, start=1)]
