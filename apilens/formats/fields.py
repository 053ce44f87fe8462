"""The recipe for lines of fields: from one declaration a fast pattern and a tolerant one.

A field reads strictly what nearly every line has there, printable ASCII without escapes, and loosely what servers have
been seen to write. A strict pattern is three times as fast if each next byte says how it goes on: alternatives, and
what follows a repetition, begin with different characters; and if it has at most 16 captures.

Fields in `front` must be there; those in `behind` may be missing from any of them on, in lines of an older version or
cut off, and may be followed by fields of a newer one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from apilens.formats.base import Parsed, ParseOptions
from apilens.formats.lines import parse_lines
from apilens.formats.pattern import ESCAPED, QUOTED, TOKEN, Capture, Piece, Tier, pieces_tier
from apilens.formats.request import unescaped
from apilens.formats.values import NO_FIT

# Texts in which a server escapes what would end them.
_UNESCAPED = ("agent", "referrer", "user")
# The first quote that ends a field, with escaped ones in it or raw ones; a cut line may end in it.
_LOOSE_QUOTED = f"{ESCAPED}|.*?"
_CLOSED = r'(?:"|\\?$)'


@dataclass(frozen=True, slots=True)
class Field:
    """A part of a line, as pieces of the fast pattern and of the tolerant one."""

    strict: tuple[Piece, ...]
    loose: tuple[Piece, ...]


def _capture(name: str, regex: str) -> Piece:
    return Capture(name, regex) if name else f"(?:{regex})"


def exactly(*pieces: Piece) -> Field:
    """Return a field that is read the same way by both patterns."""
    return Field(pieces, pieces)


def token(name: str = "") -> Field:
    """Return a field without blanks."""
    return Field((_capture(name, TOKEN),), (_capture(name, "[^ ]+"),))


def number(name: str = "") -> Field:
    """Return a size, or `-`; what is neither makes a reject of a line that has it in a place of a size."""
    return Field((_capture(name, "[0-9]+|-"),), (_capture(name, "[^ ]+"),))


def quoted(name: str = "") -> Field:
    """Return a field in quotes."""
    return Field(('"', _capture(name, QUOTED), '"'), ('"', _capture(name, _LOOSE_QUOTED), _CLOSED))


def status(name: str = "status") -> Field:
    """Return the status; by the name `status_or_none` one that may say that nobody answered."""
    return Field((_capture(name, "[0-9]{3}"),), (_capture(name, "[^ ]+"),))


def address(name: str = "peer") -> Field:
    """Return an address without the port behind it, which an IPv6 address has without brackets, too."""
    return Field((_capture(name, "[0-9.]+"), ":[0-9]+"), (_capture(name, "[^ ]*"), ":[0-9]+"))


_TARGET: tuple[Piece, ...] = (
    Capture("method", "[A-Z]{1,20}"), " (?:https?://", Capture("target_host", "[!$-.0-9;-?A-~]+"), "(?::[0-9]+)?)?",
    Capture("target", r"/[!#-\[\]-~]*"), " HTTP/", Capture("protocol", "[0-9.]{1,4}"),
)  # fmt: skip
# The request line in quotes, its target a path or an URL.
REQUEST = Field(('"', *_TARGET, '"'), ('"', Capture("request", _LOOSE_QUOTED), _CLOSED))

# The time in brackets, and how an access log begins and goes on to the user agent.
TIME = Field((r"\[", Capture("time", "[!-Z ^-~]+"), r"\]"), (r"\[", Capture("time", r"[^\[\]]+"), r"\]"))
_BY = Field((" ", *token("user").strict, " "), (" ", Capture("user", ".*?"), " "))
ACCESS: tuple[str | Field, ...] = (token("peer"), " ", token(), _BY, TIME, " ", REQUEST, " ", status())
COMBINED: tuple[str | Field, ...] = (*ACCESS, " ", number("bytes"), " ", quoted("referrer"), " ", quoted("agent"))


def field_lines(
    front: Sequence[str | Field], behind: Sequence[Field] = (), *, finish: Callable[[Tier], Tier] | None = None,
    also: Sequence[Tier] = (), other: str = "", open_end: bool = False,
) -> Callable[[bytes, int, ParseOptions], Parsed]:  # fmt: skip
    """Return a parse function for lines of fields; texts in `front` are regexes, a blank is before each of `behind`.

    finish: makes the tier that the format uses of one that only captures. also: tiers for lines that are none of
    these but may stand among them. other: a regex of lines that are no requests. open_end: the fast pattern does not
    look at what stands behind the last of `behind`, and wants all of them.
    """
    own = field_tiers(front, behind, open_end=open_end)
    tiers = (*(map(finish, own) if finish else own), *also)

    def parse(data: bytes, first_line: int, options: ParseOptions) -> Parsed:
        return parse_lines(data, first_line, options, tiers, misfit=NO_FIT, other=other)

    return parse


def field_tiers(
    front: Sequence[str | Field], behind: Sequence[Field] = (), *, open_end: bool = False
) -> tuple[Tier, Tier]:
    """Return the fast and the tolerant tier for lines of fields, as field_lines takes them."""
    loose = pieces_tier((*_flat(front, "loose"), *_optional(behind, "loose", ""), "(?: .*)?"))
    if open_end:
        spaced = [part for field in behind for part in (" ", field)]
        strict = pieces_tier((*_flat((*front, *spaced), "strict"), "(?: |$)"), whole=False)
    else:
        strict = pieces_tier((*_flat(front, "strict"), *_optional(behind, "strict", "(?: [ -~]*)?")))
    return strict, _escaped(loose)


def _flat(fields: Iterable[str | Field], way: str) -> list[Piece]:
    return [piece for field in fields for piece in ((field,) if isinstance(field, str) else getattr(field, way))]


def _optional(fields: Sequence[Field], way: str, last: str) -> list[Piece]:
    nested: list[Piece] = []
    for field in fields:
        nested += ["(?: ", *_flat([field], way)]
    return [*nested, last, ")?" * len(fields)]


def _escaped(tier: Tier) -> Tier:
    def read(lines: pl.DataFrame, wanted: frozenset[str]) -> pl.DataFrame:
        texts = tier(lines, wanted)
        return texts.with_columns(unescaped(texts[name]) for name in _UNESCAPED if name in texts.columns)

    return read
