"""Any JSON lines by a map from event columns to dotted paths: the `fields:` of a format in apilens.yaml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

import polars as pl

from apilens.errors import UsageError
from apilens.formats.base import Format, Parsed, ParseOptions
from apilens.formats.json_events import Place, Texts, json_values, mapped_events, paths_of, read_texts
from apilens.formats.json_lines import Objects, read_objects
from apilens.formats.json_paths import header_values, parts
from apilens.spelling import nearest

# Name in the map → column that a format yields, with the unit of plain numbers in ms.
_DURATIONS = {
    f"{name}_{unit}": (f"{name}_ms", milliseconds)
    for name in ("duration", "upstream")
    for unit, milliseconds in (("ms", 1.0), ("s", 1e3), ("us", 1e-3), ("ns", 1e-6))
}
_ALIASES = {
    "time": "timestamp",
    "path": "raw_target",
    "target": "raw_target",
    "uri": "raw_target",
    "url": "raw_target",
    "client_ip": "raw_peer",
    "referrer": "raw_referrer",
    "user_agent": "raw_agent",
    "forwarded": "raw_forwarded",
    "forwarded_for": "raw_forwarded",
    "remote_user": "raw_remote_user",
}
_COLUMNS = (
    "timestamp", "status", "request", "query", "method", "host", "protocol", "upstream_status",
    "failure_reason", "request_bytes", "response_bytes", "request_id", "trace_id", "event_id", "weight",
    "direction", "kind", "action", "route", "api_version", "error_code", "error_field", "account", "user",
    "api_key", "session", "service", "environment", "node", "raw_target", "raw_referrer", "raw_agent",
    "raw_peer", "raw_forwarded", "raw_remote_user", "raw_request_headers", "raw_response_headers",
    "raw_request_body", "raw_response_body",
)  # fmt: skip

_KNOWN = {**{name: (name, 1.0) for name in _COLUMNS}, **{alias: (name, 1.0) for alias, name in _ALIASES.items()}}
_KNOWN |= _DURATIONS
_WHOLE = ("raw_request_headers", "raw_response_headers", "raw_request_body", "raw_response_body")
_ALWAYS = ("timestamp", "status", "request", "method", "raw_target")


def json_format(name: str, fields: Mapping[str, str], *, time_is: Literal["start", "end"] | None = None) -> Format:
    """Return a format that reads each event column from the dotted path that `fields` gives for it.

    Names: event columns, `raw_*` columns, `request` (a whole `GET /x HTTP/1.1`), `duration_s` `_ms` `_us` `_ns` (and
    `upstream_…`) by the unit of plain numbers. A path may go through arrays (`errors.0.code`); a key that has dots
    itself is found as well. time_is: `end` unless stated. Raises UsageError for an unknown name, a broken path, or a
    map without `timestamp`.
    """
    places = places_of(name, fields)
    for path in fields.values():
        if not path or not all(parts(path)):
            raise UsageError(f"format {name!r}: {path!r} is no dotted path", hint="write for example: response.status")

    def parse(data: bytes, first_line: int, options: ParseOptions) -> Parsed:
        return parse_mapped(data, first_line, options, places)

    return Format(name, f"JSON lines by the map {name!r}", time_is or "end", parse, samples=())


def places_of(name: str, fields: Mapping[str, str]) -> dict[str, tuple[Place, ...]]:
    """Return column → places of the `fields:` of the format `name`. Raises UsageError as json_format does."""
    places: dict[str, tuple[Place, ...]] = {}
    for key, path in fields.items():
        if key not in _KNOWN:
            raise UsageError(f"format {name!r}: no column {key!r} to map", hint=nearest(key, _KNOWN))
        column, milliseconds = _KNOWN[key]
        places[column] = (*places.get(column, ()), Place(path, milliseconds))
    if "timestamp" not in places:
        raise UsageError(f"format {name!r} maps no time", hint="add for example: timestamp: time")
    return places


def parse_mapped(
    data: bytes, first_line: int, options: ParseOptions, places: Mapping[str, tuple[Place, ...]], *, fast: bool = True
) -> Parsed:
    """Read a block of JSON lines by column → places. fast: False looks at every line, to the same effect."""

    def read(wanted: Mapping[str, tuple[Place, ...]]) -> tuple[Objects, Texts]:
        paths = paths_of(wanted, dotted_keys=True)
        objects = read_objects(data, first_line, paths.schema, fast=fast)
        return objects, read_texts(objects, paths, wanted)

    return parse_places(options, places, read)


def parse_places(
    options: ParseOptions,
    places: Mapping[str, tuple[Place, ...]],
    read: Callable[[Mapping[str, tuple[Place, ...]]], tuple[Objects, Texts]],
) -> Parsed:
    """Return what a block holds of which read(column → places) gives the values that are wanted."""
    asked = {
        "raw_request_headers": {f"raw_header.{name}": name for name in sorted(options.needs.headers)},
        "raw_response_headers": {
            f"raw_response_header.{name}": name for name in sorted(options.needs.response_headers)
        },
    }
    wanted = {
        column: at
        for column, at in places.items()
        if column in _ALWAYS
        or (_wants(options, column) or bool(asked.get(column)))
        or (column == "query" and options.wants("raw_target"))
    }
    wanted |= {f"raw_field.{path}": (Place(path),) for path in sorted(options.needs.fields)}
    objects, texts = read(wanted)
    parsed = mapped_events(objects, texts, wanted, options)
    events = parsed.events
    for source, headers in asked.items():
        if source in events.columns:
            found = header_values(events[source], headers.values())
            events = events.with_columns(found[name].alias(column) for column, name in headers.items())
            events = events if _wants(options, source) else events.drop(source)
    whole = [json_values(pl.col(name)).alias(name) for name in events.columns if name in _WHOLE]
    return replace(parsed, events=events.with_columns(whole))


def _wants(options: ParseOptions, column: str) -> bool:
    """Say whether to give a column; whole headers and bodies only to a caller that names them."""
    return options.wants(column) and (options.columns is not None or column not in _WHOLE)
