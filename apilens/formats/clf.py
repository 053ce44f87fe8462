"""The patterns of the access logs that Apache and nginx write by default, with what people add in front and behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from apilens.formats.base import Parsed, ParseOptions
from apilens.formats.lines import parse_lines
from apilens.formats.pattern import ESCAPED, QUOTED, TOKEN, Capture, Piece, Tier, captured, pieces_tier
from apilens.formats.request import unescaped
from apilens.formats.values import NO_TIME

_IP = r"(?:[0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}|\[?[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\]?)(?::[0-9]{1,5})?"


@dataclass(frozen=True, slots=True)
class _Classes:
    """What a token, a quoted text, a time, a target, all that is behind, the first text and a host are made of."""

    token: str
    quoted: str
    time: str
    target: str
    behind: str
    first: str
    host: str


# Fast, and nearly every line. No comment begins like this.
_ASCII = _Classes(TOKEN, QUOTED, "[!-Z ^-~]+", r"/[!#-\[\]-~]*", "[ -~]*", "[!$-~][!-~]*", r"[!$-+\--~][!-+\--~]*")
# Other letters and escapes too: fewer lines, and slower.
_ANY = _Classes(r'[^ "\\]+', ESCAPED, r"[^\[\]]+", r'/[^ "\\]*', ".*", "[^ #][^ ]*", "[^ #,][^ ,]*")


def _pieces(classes: _Classes, *, host: bool, quotes: bool, tail: Piece | None = None) -> tuple[Piece, ...]:
    """Return the pieces of a line: `host` with a virtual host in front, `quotes` with referrer and user agent."""
    # An address, so that the first of three tokens is not taken for a host.
    peer = Capture("peer", r"[0-9A-Fa-f:\[][0-9A-Fa-f.:\[\]]+") if host else Capture("peer", classes.first)
    front: tuple[Piece, ...] = (Capture("host", classes.host), " ") if host else ()
    fields: tuple[Piece, ...] = (
        peer, " ", classes.token, " ", Capture("user", classes.token), r" \[", Capture("time", classes.time), r'\] "',
        Capture("method", "[A-Z]{1,20}"), " ", Capture("target", classes.target), " HTTP/",
        Capture("protocol", "[0-9.]{1,4}"), '" ', Capture("status", "[0-9]{3}"), " ",
        Capture("bytes", "[0-9]{1,18}|-"),
    )  # fmt: skip
    quoted: tuple[Piece, ...] = (
        ' "',
        Capture("referrer", classes.quoted),
        '" "',
        Capture("agent", classes.quoted),
        '"',
    )
    # Common lines with quoted texts behind are left to the tolerant tier: they may be combined ones.
    behind = tail or Capture("tail", f"(?: {classes.behind})?" if quotes else r"(?: [ !#-~]*)?")
    return (*front, *fields, *(quoted if quotes else ()), behind)


def _escaped(tier: Tier) -> Tier:
    def read(lines: pl.DataFrame, wanted: frozenset[str]) -> pl.DataFrame:
        texts = tier(lines, wanted)
        names = [name for name in ("referrer", "agent") if name in texts.columns]
        return texts.with_columns(unescaped(texts[name]) for name in names)

    return read


_SECONDS = Capture("seconds", r"[0-9]{1,9}\.[0-9]{1,9}")
COMMON_LINES = pieces_tier(_pieces(_ASCII, host=False, quotes=False))
COMMON_VHOST_LINES = pieces_tier(_pieces(_ASCII, host=True, quotes=False))
COMBINED_LINES = pieces_tier(_pieces(_ASCII, host=False, quotes=True))
COMBINED_VHOST_LINES = pieces_tier(_pieces(_ASCII, host=True, quotes=True))
TIMED_LINES = pieces_tier((*_pieces(_ASCII, host=False, quotes=True, tail=" "), _SECONDS))
_MORE_COMBINED = _escaped(pieces_tier(_pieces(_ANY, host=False, quotes=True)))
_MORE_COMBINED_VHOST = _escaped(pieces_tier(_pieces(_ANY, host=True, quotes=True)))

_PARTS: tuple[Piece, ...] = (
    Capture("prefix", ".*?"),
    r" ?(?:\[",
    Capture("bracketed", r"[0-9]{1,4}[/-][^\]\[\"]{5,40}"),
    r"\]|",
    Capture("bare", '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:]{8}[^ "]*(?: [+-][0-9]{4})?'),
    ")(?: +",
    Capture("rest", ".*"),
    ")?",
)
_VHOST: tuple[Piece, ...] = (
    Capture("host", "[^ ,]+"), " ", Capture("peer", _IP), "(?: ", "[^ ]*", ")?(?: ", Capture("user", ".*"), ")?",
)  # fmt: skip
_PROXIED: tuple[Piece, ...] = (
    Capture("forwarded", "[^ ,]+(?:, *[^ ,]+)+"), "(?: ", "[^ ]*", ")?(?: ", Capture("user", ".*"), ")?",
)  # fmt: skip
_DIRECT: tuple[Piece, ...] = (Capture("peer", "[^ ]*"), "(?: ", "[^ ]*", ")?(?: ", Capture("user", ".*"), ")?")

_AFTER = (Capture("status", "[^ ]+"), "(?: +", Capture("bytes", '[^ "]+'), ")?", Capture("behind", "(?: .*)?"))
_CODE = (Capture("status", "[0-9]{3}"), "(?: +", Capture("bytes", "[0-9]+|-"), ")?", Capture("behind", "(?: .*)?"))
# How request, status and size may stand there, best first: quotes in the request escaped, not escaped,
# the closing or the opening one missing.
_REQUESTS: tuple[tuple[Piece, ...], ...] = (
    (' *"', Capture("request", ESCAPED), '" +', *_AFTER),
    (' *"', Capture("request", ".*?"), '" ', *_CODE),
    (' *"', Capture("request", ".*?"), " ", *_CODE),
    (" *", Capture("request", '[A-Z][^"]*?'), '" ', *_CODE),
)
_FIELDS: tuple[Piece, ...] = (
    ' *"', Capture("referrer", ESCAPED), '" +"', Capture("agent", ESCAPED), r'(?:\\?|"', Capture("tail", ".*"), ")",
)  # fmt: skip


def tolerant(lines: pl.DataFrame, wanted: frozenset[str]) -> pl.DataFrame:
    """Read lines in which little more than the time and the status stands where it should (a Tier).

    It copes with a virtual host or forwarded-for list in front, blanks in user names and requests, missing fields,
    escaped and raw quotes, a time without brackets, and lines cut off behind the status.
    """
    parts = lines.select("line", *captured("text", _PARTS))
    parts = parts.select("line", "prefix", pl.coalesce("bracketed", "bare").alias("time"), pl.col("rest").fill_null(""))
    split = parts.select("line", "time", **_first("prefix", (_VHOST, _PROXIED, _DIRECT)), **_first("rest", _REQUESTS))
    last = pl.col("forwarded").str.extract("([^ ,]+)$")
    texts = split.with_columns(pl.col("peer").fill_null(last), pl.col("user").str.strip_chars('"'))
    behind = dict(zip(("referrer", "agent", "tail"), captured("behind", _FIELDS), strict=True))
    behind["tail"] = pl.when(behind["referrer"].is_null()).then(pl.col("behind")).otherwise(behind["tail"])
    texts = texts.with_columns(**behind).drop("behind")
    names = ("referrer", "agent", "user")
    stated = [name for name in ("host", "forwarded") if texts[name].null_count() == texts.height]
    return texts.with_columns(unescaped(texts[name]) for name in names).drop(stated)


def access_log(*strict: Tier, in_seconds: bool = False) -> Callable[[bytes, int, ParseOptions], Parsed]:
    """Return a parse function for logs whose lines mostly fit `strict` tiers; it reads other access logs too.

    in_seconds: a lone whole number behind the usual fields is no request time.
    """
    tiers = (*strict, _MORE_COMBINED_VHOST, _MORE_COMBINED, tolerant)
    if in_seconds:
        tiers = tuple(_in_seconds(tier) for tier in tiers)

    def parse(data: bytes, first_line: int, options: ParseOptions) -> Parsed:
        return parse_lines(data, first_line, options, tiers, misfit=NO_TIME)

    return parse


def _without_tail(tier: Tier) -> Tier:
    def shorter(lines: pl.DataFrame, wanted: frozenset[str]) -> pl.DataFrame:
        return tier(lines, wanted - {"tail"}).drop("tail", strict=False)

    return shorter


# Tiers for formats that have fields of their own behind the usual ones, and lines without them in between.
ACCESS_LINES = tuple(_without_tail(tier) for tier in (_MORE_COMBINED_VHOST, _MORE_COMBINED, tolerant))


def _in_seconds(tier: Tier) -> Tier:
    def renamed(lines: pl.DataFrame, wanted: frozenset[str]) -> pl.DataFrame:
        return tier(lines, wanted).rename({"tail": "tail_in_seconds"}, strict=False)

    return renamed


def _first(column: str, alternatives: tuple[tuple[Piece, ...], ...]) -> dict[str, pl.Expr]:
    """Return the captures of the first alternative that fits each text, by name."""
    by_name: dict[str, list[pl.Expr]] = {}
    earlier = pl.lit(False)
    for pieces in alternatives:
        names = [piece.name for piece in pieces if isinstance(piece, Capture)]
        found = captured(column, pieces)
        fits = ~earlier & found[-1 if names[-1] == "behind" else 0].is_not_null()
        for name, expr in zip(names, found, strict=True):
            by_name.setdefault(name, []).append(pl.when(fits).then(expr))
        earlier = earlier | fits
    return {name: pl.coalesce(exprs) for name, exprs in by_name.items()}
