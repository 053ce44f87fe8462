"""A Format from the string that told the server how to write, nginx's log_format or Apache's LogFormat, or GoAccess.

A string with a $variable is nginx'. GoAccess' are told from Apache's by their date: see goaccess.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import polars as pl

from apilens.errors import UsageError
from apilens.formats.base import Format, Parsed, ParseOptions
from apilens.formats.goaccess import goaccess_elements, is_goaccess, with_time
from apilens.formats.lines import parse_lines
from apilens.formats.log_variables import NICKNAMES, Element, Variable, apache_elements, nginx_elements
from apilens.formats.pattern import ESCAPED, QUOTED, Capture, Piece, Tier, pieces_tier
from apilens.formats.request import unescaped

MISFIT = "does not fit the log format"

_NUMBER = "[0-9]{1,18}|-"
_LIST = r"[!#-+\--\[\]-~]+(?:(?:, ?| : )[!#-+\--\[\]-~]+)*"
# Captures whose values look the same in every log; what is not here is anything up to the next literal text.
_STRICT = {
    "method": "[A-Z]{1,20}", "target": r"/[!#-\[\]-~]*", "path": r"/[!#->@-\[\]-~]*", "protocol": "HTTP/[0-9.]{1,4}",
    "status": "[0-9]{3}", "bytes": _NUMBER, "total_bytes": _NUMBER, "request_bytes": _NUMBER,
    "is_args": r"\??", "blanks": r"\s*", "forwarded": _LIST, "upstream_seconds": _LIST, "upstream_status": _LIST,
}  # fmt: skip
_REQUEST: tuple[Piece, ...] = (
    Capture("method", _STRICT["method"]), " ", Capture("target", _STRICT["target"]), " HTTP/",
    Capture("protocol", "[0-9.]{1,4}"),
)  # fmt: skip
_PARTS_OF_REQUEST = frozenset({"method", "target", "path", "query", "protocol"})
# Texts that stay as logged; of these the request line undoes its own escapes.
_AS_LOGGED = frozenset({"line", "time", "status", "request", "method", "target", "path", "query", "protocol"})

_NEEDED = ("time", "date", "clock", "status")
_NGINX_NEEDS = {"time": "$time_local", "status": "$status"}
_APACHE_NEEDS = {"time": "%t", "status": "%>s"}
_GOACCESS_NEEDS = {"time": "%d and %t, or %x", "status": "%s"}
_NGINX_LINE = re.compile(r"\s*log_format\s+(\S+)\s+(.*?);?\s*", re.DOTALL)
_NGINX_STRING = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_APACHE_LINE = re.compile(r"\s*LogFormat\s+\"((?:[^\"\\]|\\.)*)\"\s*(\S*)\s*", re.DOTALL | re.IGNORECASE)
# What a format that a flag or `log_format:` describes is called.
BY_LOG_FORMAT = "log_format"


def compile_log_format(
    text: str, *, name: str = BY_LOG_FORMAT, time_is: Literal["start", "end"] | None = None
) -> Format:
    """Return the format of lines written by `text`.

    That is a log_format string of nginx, a LogFormat string of Apache, one of Apache's nicknames (`combined`), the
    whole line of a configuration file, or a log-format string of GoAccess. time_is: nginx states the end and Apache
    the start of a request unless told otherwise; GoAccess does not say, start is assumed. Raises UsageError for a
    directive that is unknown, and where the time or the status is not logged.
    """
    text = _bare(text)
    if text.lstrip().startswith("{"):
        raise UsageError("the log format writes JSON", hint="JSON lines are detected without a format string")
    is_nginx = bool(re.search(r"\$\{?[A-Za-z]", text))
    goaccess = not is_nginx and is_goaccess(text)
    read = nginx_elements if is_nginx else goaccess_elements if goaccess else apache_elements
    elements = _joined(read(text))
    _require(elements, _NGINX_NEEDS if is_nginx else _GOACCESS_NEEDS if goaccess else _APACHE_NEEDS)
    return Format(
        name=name,
        title="nginx log_format" if is_nginx else "GoAccess log-format" if goaccess else "Apache LogFormat",
        time_is=time_is or ("end" if is_nginx or "%{end:" in text else "start"),
        parse=_parser(elements),
        samples=(),
    )


def _bare(text: str) -> str:
    """Return the string itself out of a nickname or a configuration line, its quotes unescaped."""
    text = NICKNAMES.get(text.strip(), text)
    if found := _APACHE_LINE.fullmatch(text):
        return found[1].replace('\\"', '"')
    if found := _NGINX_LINE.fullmatch(text):
        strings = _NGINX_STRING.findall(found[2])
        return "".join(single or double for single, double in strings).replace("\\'", "'").replace('\\"', '"')
    return text.strip("\r\n").replace('\\"', '"')


def _joined(elements: Sequence[Element]) -> list[Element]:
    """Put neighbouring literals together, and let each capture stand once: the first, the request before its parts."""
    has_request = any(isinstance(element, Variable) and element.capture == "request" for element in elements)
    taken: set[str] = set()
    joined: list[Element] = []
    for element in elements:
        if isinstance(element, str):
            if joined and isinstance(joined[-1], str):
                joined[-1] += element
                continue
        else:
            is_part = has_request and element.capture in _PARTS_OF_REQUEST
            capture = "" if is_part or element.capture in taken else element.capture
            element = Variable(capture, tuple(name for name in element.columns if name not in taken))
            taken |= {capture, *element.columns}
        joined.append(element)
    return joined


def _require(elements: Sequence[Element], tokens: Mapping[str, str]) -> None:
    """Raise UsageError if a capture is missing, naming the token that would give it."""
    captures = {element.capture for element in elements if isinstance(element, Variable)}
    if {"date", "clock"} <= captures:
        captures.add("time")
    for capture, token in tokens.items():
        if capture not in captures:
            raise UsageError(
                f"the log format does not log the {capture}",
                hint=f"add {token}; format strings have nginx's $variables, Apache's or GoAccess' %directives",
            )


def _parser(elements: list[Element]) -> Callable[[bytes, int, ParseOptions], Parsed]:
    tiers = (
        _tier(elements, _pieces(elements, _strict, split_request=True)),
        _loose(_tier(elements, [*_pieces(elements, _escaped), " *"])),
        _loose(_tier(elements, [*_pieces(elements, _any), " *"])),
        _loose(_tier(elements, _cut(elements))),
    )

    def parse(data: bytes, first_line: int, options: ParseOptions) -> Parsed:
        return parse_lines(data, first_line, options, tiers, misfit=MISFIT)

    return parse


def _pieces(
    elements: Sequence[Element], regex: Callable[[Variable, str, str], str], *, split_request: bool = False
) -> list[Piece]:
    """Return elements as pieces of a pattern; regex(variable, text before, text after) says what a variable matches."""
    pieces: list[Piece] = []
    for index, element in enumerate(elements):
        if isinstance(element, str):
            pieces.append(re.escape(element))
        elif element.capture == "request" and split_request:
            pieces += _REQUEST
        else:
            before, after = _literal(elements, index - 1), _literal(elements, index + 1)
            pieces.append(Capture(_name(element), regex(element, before, after)))
    return pieces


def _cut(elements: Sequence[Element]) -> list[Piece]:
    """Return pieces for lines that end anywhere behind time and status."""
    needed = [i for i, item in enumerate(elements) if isinstance(item, Variable) and item.capture in _NEEDED]
    last = max(needed)
    pieces = _pieces(elements, _escaped)
    rest = _pieces(elements, _up_to)[last:]
    head: list[Piece] = [*pieces[:last], rest[0]]
    for piece in rest[1:]:
        head += ["(?:", piece]
    return [*head, ".*?", ")?" * (len(rest) - 1), ".*"] if rest[1:] else [*head, ".*"]


def _strict(variable: Variable, before: str, after: str) -> str:
    if variable.capture in _STRICT:
        return _STRICT[variable.capture]
    if not after:
        return QUOTED + "?"
    return rf'[ -~--["\\{re.escape(after[0])}]]' + ("*" if before.endswith('"') or variable.capture == "query" else "+")


def _escaped(variable: Variable, before: str, after: str) -> str:
    if before.endswith('"') and after.startswith('"'):
        return ESCAPED
    return _any(variable, before, after)


def _any(variable: Variable, before: str, after: str) -> str:
    # Where no literal stands between path and query, the question mark does.
    if variable.capture == "path" and not after:
        return "[^ ?]*"
    return _STRICT[variable.capture] if variable.capture in ("is_args", "blanks") else ".*?"


def _up_to(variable: Variable, before: str, after: str) -> str:
    if before.endswith('"') and after.startswith('"'):
        return ESCAPED
    return f"[^{re.escape(after[0])}]*" if after else _any(variable, before, after)


def _literal(elements: Sequence[Element], index: int) -> str:
    element = elements[index] if 0 <= index < len(elements) else ""
    return element if isinstance(element, str) else ""


def _name(variable: Variable) -> str:
    return variable.capture or (variable.columns[0] if variable.columns else "unused")


def _tier(elements: Sequence[Element], pieces: Sequence[Piece]) -> Tier:
    """Return a tier that also fills the `raw_header.…` and `raw_field.…` columns which settings ask for."""
    tier = with_time(pieces_tier(pieces))
    variables = [element for element in elements if isinstance(element, Variable) and element.columns]

    def read(lines: pl.DataFrame, wanted: frozenset[str]) -> pl.DataFrame:
        sources = {column: _name(item) for item in variables for column in item.columns if column in wanted}
        texts = tier(lines, wanted | frozenset(sources.values()))
        present = {column: source for column, source in sources.items() if source in texts.columns}
        return texts.with_columns(pl.col(source).alias(column) for column, source in present.items())

    return read


def _loose(tier: Tier) -> Tier:
    """Return the tier with escapes undone, and without the method and target of what is no request."""

    def read(lines: pl.DataFrame, wanted: frozenset[str]) -> pl.DataFrame:
        texts = tier(lines, wanted)
        texts = texts.with_columns(unescaped(texts[name]) for name in texts.columns if name not in _AS_LOGGED)
        if "method" not in texts.columns:
            return texts
        is_request = pl.col("method").str.contains("^[A-Z][A-Z_-]{0,19}$")
        parts = [name for name in ("method", "target", "path", "query") if name in texts.columns]
        return texts.with_columns(pl.when(is_request).then(pl.col(name)).alias(name) for name in parts)

    return read
