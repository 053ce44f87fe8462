"""The log_formats of an nginx as formats of apilens.yaml: strings as they are, JSON as a map of its fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from apilens.account_candidates import is_account_name
from apilens.errors import UsageError
from apilens.format_settings import CustomFormat
from apilens.formats.json_map import json_format
from apilens.formats.log_format import compile_log_format
from apilens.nginx_conf import NginxConf

# Variable → name in a `fields:` map, the first of a name that stands in a log counts.
_FIELDS = {
    "time_iso8601": "timestamp", "time_local": "timestamp", "msec": "timestamp", "status": "status",
    "request": "request", "request_method": "method", "request_uri": "target", "uri": "path", "args": "query",
    "query_string": "query", "server_protocol": "protocol", "host": "host", "http_host": "host", "server_name": "host",
    "remote_addr": "client_ip", "http_x_forwarded_for": "forwarded_for", "remote_user": "remote_user",
    "http_referer": "referrer", "http_user_agent": "user_agent", "request_length": "request_bytes",
    "body_bytes_sent": "response_bytes", "bytes_sent": "response_bytes", "request_time": "duration_s",
    "upstream_response_time": "upstream_s", "upstream_status": "upstream_status", "request_id": "request_id",
    "http_x_request_id": "request_id", "request_body": "raw_request_body",
}  # fmt: skip
# Two names of the same column.
_SAME = {"path": "target"}
_NEEDED = ("timestamp", "status")
_BARE = re.compile(r"(?<=[:,\[])\s*(\$\{?\w+\}?)(?=\s*[,}\]])")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


def nginx_formats(conf: NginxConf) -> tuple[list[tuple[str, CustomFormat]], list[tuple[str, str]]]:
    """Return the formats that access logs are written in (of a file without access logs: all), and why others are not.

    The longest comes first: a log in a shorter one must not be taken for it.
    """
    used = {log.format for log in conf.logs} or set(conf.formats)
    formats: list[tuple[str, CustomFormat]] = []
    unread: list[tuple[str, str]] = []
    for name, text in sorted(conf.formats.items(), key=lambda item: -item[1].count("$")):
        if name not in used:
            continue
        try:
            formats.append((name, _format(text)))
        except UsageError as error:
            unread.append((name, error.message))
    return formats, unread


def _format(text: str) -> CustomFormat:
    if not text.lstrip().startswith("{"):
        compile_log_format(text)
        return CustomFormat(log_format=text)
    fields = _fields(text)
    for name in _NEEDED:
        if name not in fields:
            raise UsageError(f"the log format does not log the {name.removesuffix('stamp')}")
    json_format("log_format", fields)
    return CustomFormat(fields=fields)


def _fields(text: str) -> dict[str, str]:
    """Return name → dotted path of each variable that stands alone in a JSON template."""
    try:
        template = msgspec.json.decode(_BARE.sub(r'"\1"', text))
    except msgspec.DecodeError:
        raise UsageError("the log format looks like JSON and is none") from None
    fields: dict[str, str] = {}
    for variable, path in _variables(template, ""):
        name = "account" if is_account_name(variable) else _FIELDS.get(variable)
        if name and name not in fields and _SAME.get(name) not in fields:
            fields[name] = path
    return fields


def _variables(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _variables(item, f"{path}.{key}" if path else key)
    elif isinstance(value, str) and (found := _VARIABLE.fullmatch(value)):
        yield found[1], path
