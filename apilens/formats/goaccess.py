"""What the specifiers of GoAccess' log-format stand for, and how its strings are told from Apache's.

Both are made of `%x` with one letter, and many letters mean something else: `%u` is the user agent for GoAccess and the
user for Apache, `%t` the time of day and the whole time with its brackets. They can be told apart for certain: GoAccess
cannot do without a date, `%d` or `%x`, and Apache has neither without an argument in braces (`%{SSL_CIPHER}x`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from apilens.errors import UsageError
from apilens.formats.log_variables import Element, Variable
from apilens.formats.pattern import Tier

# As its manual lists them. `%C` the state of the cache, `%K` and `%k` TLS, `%M` the type and `%^` anything: no column.
_SPECIFIERS: Mapping[str, str] = {
    "x": "time", "d": "date", "t": "clock", "v": "host", "e": "user", "h": "peer", "r": "request", "m": "method",
    "U": "target", "q": "query", "H": "protocol", "s": "status", "b": "bytes", "R": "referrer", "u": "agent",
    "D": "micros", "T": "seconds", "L": "millis", "n": "nanos", "~": "blanks",
    "^": "", "C": "", "K": "", "k": "", "M": "",
}  # fmt: skip
_TOKEN = re.compile(r"%%|%(.?)|~h(?:\{([^}]*)\})?", re.DOTALL)
_DATE = re.compile(r"(?<!%)(?:%%)*%[dx]")
_ZONE = "^ ?(Z|[+-][0-9]{2}:?[0-9]{2})"


def is_goaccess(text: str) -> bool:
    """Say whether a format string is one of GoAccess: it has a bare `%d` or `%x`."""
    return bool(_DATE.search(text))


def goaccess_elements(text: str) -> list[Element]:
    """Return the literal texts and specifiers of a log-format string, in order.

    What `%^` skips right behind the time of day is read as its zone, if it is one: GoAccess has no specifier for it.
    `~h{," }` is a list of forwarded-for addresses, in quotes if the braces hold one.
    Raises UsageError naming a specifier that GoAccess does not have.
    """
    text = text.replace(r"\t", "\t")
    has_query = bool(re.search(r"(?<!%)(?:%%)*%q", text))
    elements: list[Element] = []
    end = 0
    for found in _TOKEN.finditer(text):
        elements.append(text[end : found.start()])
        end = found.end()
        if found[0] == "%%":
            elements.append("%")
        elif found[0].startswith("~h"):
            quote = '"' if '"' in (found[2] or "") else ""
            elements += [quote, Variable("forwarded"), quote]
        elif found[1] not in _SPECIFIERS:
            raise UsageError(
                f"unknown specifier {found[0]!r} at position {found.start() + 1} of the log format",
                hint="see LOG FORMAT in the manual of GoAccess for the list",
            )
        else:
            capture = _SPECIFIERS[found[1]]
            elements.append(Variable("path" if capture == "target" and has_query else capture))
    return _with_zone([element for element in [*elements, text[end:]] if element])


def _with_zone(elements: list[Element]) -> list[Element]:
    for at in range(len(elements) - 2):
        if elements[at : at + 3] == [Variable("clock"), " ", Variable("")]:
            elements[at + 2] = Variable("zone")
    return elements


def with_time(tier: Tier) -> Tier:
    """Return the tier with `time` put together from the date, the time of day and the zone where one follows."""

    def read(lines: pl.DataFrame, wanted: frozenset[str]) -> pl.DataFrame:
        texts = tier(lines, wanted | {"date", "clock", "zone"})
        if "clock" not in texts.columns:
            return texts
        between = pl.when(pl.col("date").str.contains("/", literal=True)).then(pl.lit(":")).otherwise(pl.lit("T"))
        zone = pl.col("zone").str.extract(_ZONE) if "zone" in texts.columns else pl.lit(None, pl.String)
        parts = ["date", between, "clock", pl.coalesce(" " + zone, pl.lit(""))]
        time = pl.concat_str(parts) if "date" in texts.columns else pl.lit(None, pl.String)
        return texts.with_columns(time=time).drop("date", "clock", "zone", strict=False)

    return read
