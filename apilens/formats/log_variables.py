"""What the variables of nginx's log_format and the directives of Apache's LogFormat stand for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from apilens.errors import UsageError

NICKNAMES: Mapping[str, str] = {
    "common": '%h %l %u %t "%r" %>s %b',
    "combined": '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"',
    "combinedio": '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %I %O',
    "vhost_combined": '%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"',
    "vhost_common": '%v %h %l %u %t "%r" %>s %b',
}

_NGINX: Mapping[str, str] = {
    "remote_addr": "peer", "realip_remote_addr": "peer", "remote_user": "user", "time_local": "time",
    "time_iso8601": "time", "msec": "time", "request": "request", "request_method": "method", "request_uri": "target",
    "uri": "path", "document_uri": "path", "is_args": "is_args", "args": "query", "query_string": "query",
    "server_protocol": "protocol",
    "status": "status", "body_bytes_sent": "bytes", "bytes_sent": "total_bytes", "request_length": "request_bytes",
    "request_time": "seconds", "upstream_response_time": "upstream_seconds", "upstream_status": "upstream_status",
    "host": "host", "http_host": "host", "server_name": "server", "request_id": "request_id",
    "otel_trace_id": "trace_id", "opentelemetry_trace_id": "trace_id",
}  # fmt: skip
_APACHE: Mapping[str, str] = {
    "h": "peer", "a": "peer", "u": "user", "r": "request", "s": "status", "b": "bytes", "B": "bytes",
    "O": "total_bytes", "I": "request_bytes", "D": "micros", "T": "seconds", "v": "server", "V": "host", "m": "method",
    "U": "path", "q": "query", "H": "protocol",
}  # fmt: skip
# Directives that say nothing an event has a column for; %{…}C, e, n and p are found as fields.
_APACHE_OTHERS = frozenset("AfklLpPRSX")
_APACHE_FIELDS = frozenset("CcenpPx")
_HEADERS: Mapping[str, str] = {
    "referer": "referrer", "user-agent": "agent", "x-forwarded-for": "forwarded", "x-request-id": "request_id",
    "host": "host",
}  # fmt: skip
_UNITS: Mapping[str, str] = {"ms": "millis", "us": "micros", "s": "seconds"}
_NGINX_TOKEN = re.compile(r"\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))")
_APACHE_TOKEN = re.compile(r"%(?:%|[<>!0-9,]*(?:\{([^}]*)\})?\^?[<>!0-9,]*([A-Za-z]))|%")
# `%{sec}t` and the like are Unix time, which is told by its magnitude.
_EPOCHS = frozenset({"sec", "msec", "usec"})
_CLF_STRFTIME = frozenset({"%d/%b/%Y:%H:%M:%S %z", "%d/%b/%Y:%T %z", "%d/%b/%Y:%H:%M:%S", "%d/%b/%Y:%T"})
_ISO_STRFTIME = re.compile(r"(?:%Y-%m-%d|%F)[T ](?:%H:%M:%S|%T) ?(?:%z|Z)?")


@dataclass(frozen=True, slots=True)
class Variable:
    """A place in a line: the capture it is (CAPTURES in typed.py), "" for none, and the `raw_…` columns it can fill."""

    capture: str
    columns: tuple[str, ...] = field(default=())


Element = str | Variable


def nginx_elements(text: str) -> list[Element]:
    """Return the literal texts and variables of a log_format string, in order."""
    elements: list[Element] = []
    end = 0
    for found in _NGINX_TOKEN.finditer(text):
        elements += [text[end : found.start()], _nginx(found[1] or found[2])]
        end = found.end()
    return [element for element in [*elements, text[end:]] if element]


def apache_elements(text: str) -> list[Element]:
    """Return the literal texts and directives of a LogFormat string, in order.

    Raises UsageError naming a directive that Apache does not have, or a time that apilens does not read.
    """
    elements: list[Element] = []
    end = 0
    for found in _APACHE_TOKEN.finditer(text):
        elements.append(text[end : found.start()])
        end = found.end()
        if found[0] == "%%":
            elements.append("%")
            continue
        place = f"{found[0]!r} at position {found.start() + 1}"
        elements += _apache(found[1], found[2] or "", place)
    return [element for element in [*elements, text[end:]] if element]


def _nginx(name: str) -> Variable:
    columns = [f"raw_field.{name}"]
    capture = _NGINX.get(name, "")
    if name.startswith("http_"):
        header = name.removeprefix("http_").replace("_", "-")
        columns.append(f"raw_header.{header}")
        capture = capture or _HEADERS.get(header, "")
    elif name.startswith("sent_http_"):
        columns.append(f"raw_response_header.{name.removeprefix('sent_http_').replace('_', '-')}")
    return Variable(capture, tuple(columns))


def _apache(argument: str | None, letter: str, place: str) -> list[Element]:
    if letter == "t":
        return _apache_time(argument, place)
    if letter == "i" and argument:
        header = argument.lower()
        return [Variable(_HEADERS.get(header, ""), (f"raw_header.{header}",))]
    if letter == "o" and argument:
        return [Variable("", (f"raw_response_header.{argument.lower()}",))]
    if letter == "T" and argument:
        if argument not in _UNITS:
            raise UsageError(f"unknown unit of time in {place}", hint="Apache has %{ms}T, %{us}T and %{s}T")
        return [Variable(_UNITS[argument])]
    if letter in _APACHE_FIELDS and argument:
        return [Variable("", (f"raw_field.{argument}",))]
    if letter in _APACHE or letter in _APACHE_OTHERS:
        return [Variable(_APACHE.get(letter, ""))]
    raise UsageError(f"unknown directive {place} of the log format", hint="see Apache's mod_log_config for the list")


def _apache_time(argument: str | None, place: str) -> list[Element]:
    if argument is None:
        return ["[", Variable("time"), "]"]
    pattern = argument.removeprefix("begin:").removeprefix("end:")
    if pattern in _EPOCHS or pattern in _CLF_STRFTIME or _ISO_STRFTIME.fullmatch(pattern):
        return [Variable("time")]
    raise UsageError(
        f"cannot read times written as {place}",
        hint="use %t, %{%Y-%m-%dT%H:%M:%S%z}t, %{sec}t, %{msec}t or %{usec}t",
    )
