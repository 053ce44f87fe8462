"""Moesif events, one or several a line: what collectors send, what exports give back, and actions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
import polars as pl

from apilens.formats.base import Format, Parsed, ParseOptions, Sample
from apilens.formats.json_events import (
    URL_HOST,
    Place,
    Texts,
    instants,
    json_values,
    judged,
    paths_of,
    read_texts,
    values,
)
from apilens.formats.json_headers import find_headers
from apilens.formats.json_lines import BLANKS, Objects, read_objects
from apilens.formats.json_paths import parts
from apilens.formats.moesif_bodies import error_bodies, request_bodies, request_shapes
from apilens.formats.request import GRAPHQL
from apilens.formats.values import byte_count, stated, status_code

# Column → paths in an event, the first that states something wins. SDKs write snake_case or camelCase.
PATHS: Mapping[str, tuple[str, ...]] = {
    "timestamp": ("request.time",),
    "status": ("response.status",),
    "method": ("request.verb",),
    "raw_target": ("request.uri",),
    "route": ("request.route",),
    "api_version": ("request.api_version", "request.apiVersion"),
    "raw_peer": ("request.ip_address", "request.ipAddress"),
    "raw_agent": ("request.user_agent_string", "request.userAgentString"),
    "account": ("company_id", "companyId"),
    "user": ("user_id", "userId"),
    "session": ("session_token", "sessionToken"),
    "event_id": ("transaction_id", "transactionId", "_id"),
    "trace_id": ("trace_id", "traceId"),
    "direction": ("direction",),
    "weight": ("weight",),
    "action": ("action_name", "actionName"),
    "duration_ms": ("duration_ms", "durationMs"),
    "response_time": ("response.time",),
}
# Column → headers that state it, of the request or the response, in order.
HEADERS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "raw_agent": (("request_headers", "user-agent"),),
    "raw_referrer": (("request_headers", "referer"),),
    "request_bytes": (("request_headers", "content-length"),),
    "response_bytes": (("response_headers", "content-length"),),
    "request_id": (("request_headers", "x-request-id"), ("response_headers", "x-request-id")),
}
# What must be read for a column besides what stands at its own paths.
_MADE_FROM = {
    "host": ("raw_target",),
    "kind": ("action", "method"),
    "duration_ms": ("response_time",),
}
_ALWAYS = ("timestamp", "status")
_HEADERS_AT = {"request_headers": "request.headers", "response_headers": "response.headers"}
# Whole headers and bodies: only for a caller that names them.
_WHOLE = {
    "raw_request_headers": "request.headers",
    "raw_response_headers": "response.headers",
    "raw_request_body": "request.body",
    "raw_response_body": "response.body",
}


class _Hits(msgspec.Struct):
    hits: list[msgspec.Raw]


class _Search(msgspec.Struct):
    hits: _Hits


_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_SEARCH = msgspec.json.Decoder(_Search)


def parse_moesif(data: bytes, first_line: int, options: ParseOptions, *, fast: bool = True) -> Parsed:
    """Read a block of Moesif events: see Format. fast: False looks at every line, to the same effect."""
    exported = b'"_source"' in data
    places = _places(options, exported=exported)
    paths = paths_of(places)
    objects = read_objects(data, first_line, paths.schema, unwrap=_unwrapped, fast=fast)
    texts = read_texts(objects, paths, places)
    # Times without a zone are UTC, whatever zone other logs are in.
    time = instants(texts.series(places["timestamp"]), "UTC").alias("timestamp")
    status = texts.series(places["status"])
    inner = [time]
    if "response_time" in places:
        ended = instants(texts.series(places["response_time"]), "UTC")
        inner.append(((ended - time).dt.total_microseconds() / 1000).alias(" taken"))
    inner += _headers(objects, options, exported=exported)
    texts = Texts(texts.frame.with_columns(inner))
    events = texts.frame.select("timestamp", **_columns(texts, places, options))
    if options.wants("raw_error_body"):
        codes = status.to_frame().select(status_code(pl.first())).to_series()
        events = events.with_columns(error_bodies(objects, codes >= 400))
    if options.wants("raw_graphql_body") and "raw_target" in events.columns:
        asked = events["raw_target"].str.contains(GRAPHQL).fill_null(False)
        events = events.with_columns(request_bodies(objects, asked).alias("raw_graphql_body"))
    if options.wants("request_shape") and b'"body"' in data:
        events = events.with_columns(request_shapes(objects))
    return judged(
        objects, events, status=status, options=options, status_paths=[place.path for place in places["status"]]
    )


def _headers(objects: Objects, options: ParseOptions, *, exported: bool) -> list[pl.Series]:
    """Return the wanted headers as columns `request_headers x-request-id`, and those that settings ask for."""
    needs = {"request_headers": options.needs.headers, "response_headers": options.needs.response_headers}
    prefixes = {"request_headers": "raw_header.", "response_headers": "raw_response_header."}
    own = {(at, name) for column, where in HEADERS.items() if options.wants(column) for at, name in where}
    names = {source: asked | {name for at, name in own if at == source} for source, asked in needs.items()}
    at = {source: [parts(prefix + _HEADERS_AT[source]) for prefix in _prefixes(exported)] for source in needs}
    found = find_headers(objects, {path: names[source] for source, paths in at.items() for path in paths})
    made = []
    for source, asked in needs.items():
        for name in sorted(names[source]):
            value = pl.select(pl.coalesce(found[path][name] for path in at[source])).to_series()
            made.append(value.alias(f"{source} {name}"))
            made += [value.alias(prefixes[source] + name)] if name in asked else []
    return made


def _places(options: ParseOptions, *, exported: bool) -> dict[str, tuple[Place, ...]]:
    """Return column → places of all that must be read but headers; in an export an event stands in `_source`."""
    asked = {column for column in (*PATHS, *_MADE_FROM) if options.wants(column)} | set(_ALWAYS)
    asked |= {source for column in asked for source in _MADE_FROM.get(column, ())}
    paths = {column: at for column, at in PATHS.items() if column in asked}
    paths |= {f"raw_field.{path}": (path,) for path in sorted(options.needs.fields)}
    if options.columns is not None:
        paths |= {column: (path,) for column, path in _WHOLE.items() if options.wants(column)}
    return {
        column: tuple(Place(prefix + path) for path in at for prefix in _prefixes(exported))
        for column, at in paths.items()
    }


def _prefixes(exported: bool) -> tuple[str, ...]:
    return ("", "_source.") if exported else ("",)


def _columns(texts: Texts, places: Mapping[str, tuple[Place, ...]], options: ParseOptions) -> dict[str, pl.Expr]:
    """Return column → expression over the texts and the inner columns."""
    special = (*_ALWAYS, "response_time")
    made = values(texts, {column: at for column, at in places.items() if column not in special})
    for column, where in HEADERS.items():
        names = [f"{source} {name}" for source, name in where]
        if options.wants(column) and any(texts.frame[name].null_count() < texts.frame.height for name in names):
            text = stated(pl.coalesce(*names, *([made[column]] if column in made else [])))
            made[column] = byte_count(text) if column.endswith("_bytes") else text
    made |= {column: json_values(made[column]) for column in _WHOLE if column in made}
    made |= {
        name: pl.col(name) for name in texts.frame.columns if name.startswith(("raw_header.", "raw_response_header."))
    }
    if options.wants("host") and "raw_target" in made:
        made["host"] = made["raw_target"].str.extract(URL_HOST)
    if "response_time" in places:
        taken = pl.col(" taken")
        taken = pl.when(taken >= 0).then(taken)
        made["duration_ms"] = pl.coalesce(made["duration_ms"], taken) if "duration_ms" in made else taken
    if "action" in made:
        is_action = made["action"].is_not_null() & (made["method"].is_null() if "method" in made else True)
        made["kind"] = pl.when(is_action).then(pl.lit("action"))
    return made


def _unwrapped(line: bytes) -> list[bytes] | None:
    """Return the events of a JSON array, or of a page of search results, on one line."""
    try:
        if line.lstrip(BLANKS).startswith(b"["):
            return [bytes(event) for event in _ARRAY.decode(line)]
        return [bytes(event) for event in _SEARCH.decode(line).hits.hits] if b'"hits"' in line else None
    except (msgspec.MsgspecError, RecursionError):
        return None


_START = datetime(2024, 10, 30, 4, 45, 42, 914_000, tzinfo=UTC)

MOESIF = Format(
    name="moesif",
    title="Moesif events (collector form, exports, actions)",
    time_is="start",
    parse=parse_moesif,
    unique_id="event_id",
    samples=(
        Sample(
            '{"request":{"time":"2024-10-30T04:45:42.914","uri":"https://api.acme.com/items/83738/reviews/","verb":"POST",'
            '"api_version":"1.1.0","ip_address":"61.48.220.123","headers":{"user-agent":"acme-python/1.2","X-Request-Id":'
            '["r1","r2"]}},"response":{"time":"2024-10-30T04:45:43.164","status":422,"headers":{"Content-Length":"99"},'
            '"body":{"error":{"code":"missing_field","field":"user_id"}}},"user_id":"12345","company_id":"67890",'
            '"session_token":"s-1","transaction_id":"a3765025-46ec-45dd-bc83-b136c8d1d257","direction":"Incoming"}',
            gives={
                "timestamp": _START,
                "status": 422,
                "method": "POST",
                "raw_target": "https://api.acme.com/items/83738/reviews/",
                "host": "api.acme.com",
                "duration_ms": 250.0,
                "api_version": "1.1.0",
                "raw_peer": "61.48.220.123",
                "raw_agent": "acme-python/1.2",
                "request_id": "r1",
                "response_bytes": 99,
                "account": "67890",
                "user": "12345",
                "session": "s-1",
                "event_id": "a3765025-46ec-45dd-bc83-b136c8d1d257",
                "direction": "incoming",
                "raw_error_body": '{"error":{"code":"missing_field","field":"user_id"}}',
            },
        ),
        Sample(
            '{"_id":"e1","_source":{"companyId":"acme","duration_ms":12,"request":{"time":"2024-10-30T04:45:42.914Z",'
            '"uri":"/v1/items","verb":"GET","route":"/v1/items"},"response":null}}',
            gives={
                "timestamp": _START,
                "status": None,
                "account": "acme",
                "duration_ms": 12.0,
                "route": "/v1/items",
                "event_id": "e1",
            },
        ),
        Sample(
            '{"action_name":"Signed Up","user_id":"u1","request":{"time":"2024-10-30T04:45:42.914+00:00"}}',
            gives={"timestamp": _START, "kind": "action", "action": "Signed Up", "user": "u1", "status": None},
        ),
        Sample(
            '{"request":{"time":"2024-10-30T04:45:42.914","uri":"/","verb":"GET"},"response":{"status":true}}',
            rejected="no readable status",
        ),
        Sample('{"request":{"uri":"/","verb":"GET"},"response":{"status":200}}', rejected="no readable time"),
    ),
)
