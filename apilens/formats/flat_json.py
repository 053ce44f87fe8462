"""JSON lines as nginx, gateways and applications write them: one flat object a request, with the usual key names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from apilens.formats.base import Format, Needs, Parsed, ParseOptions, Sample
from apilens.formats.json_events import Place, mapped_events, paths_of, read_texts
from apilens.formats.json_lines import read_objects

# Column → keys, the first that states something wins. Each is also found in camelCase. A number behind a colon is the
# unit of plain numbers in ms: nginx writes seconds; `duration` and `latency` alone are ms; a unit in the text (`12ms`,
# `0.5s`) always counts.
KEYS: Mapping[str, str] = {
    "timestamp": "time time_iso8601 time_local timestamp @timestamp ts msec datetime date start_time request_timestamp"
    " requestTime",
    "request": "request request_line",
    "method": "method request_method verb http_method",
    "raw_target": "request_uri uri url path target request_path",
    "query": "args query_string",
    "protocol": "protocol server_protocol http_version request_protocol",
    "status": "status status_code response_code response_status http_status",
    "raw_peer": "remote_addr client_ip remote_ip ip client source_ip ip_address remote_address",
    "raw_forwarded": "http_x_forwarded_for x_forwarded_for forwarded_for",
    "raw_remote_user": "remote_user",
    "raw_referrer": "http_referer http_referrer referer referrer",
    "raw_agent": "http_user_agent user_agent agent",
    "host": "host http_host server_name vhost domain",
    "request_bytes": "request_length request_bytes request_size",
    "response_bytes": "body_bytes_sent bytes_sent bytes response_bytes response_size response_length size",
    "duration_ms": "request_time:1000 duration_ms request_time_ms response_time_ms latency_ms elapsed_ms took_ms"
    " duration_s:1000 duration_seconds:1000 duration_us:0.001 duration_ns:0.000001"
    " duration latency elapsed response_time",
    "upstream_ms": "upstream_response_time:1000 upstream_time:1000 upstream_ms upstream_response_time_ms",
    "upstream_status": "upstream_status",
    "request_id": "request_id req_id correlation_id http_x_request_id x_request_id",
    "trace_id": "trace_id",
    "account": "account account_id company_id customer_id customer tenant tenant_id org_id organization_id",
    "user": "user_id user",
    "api_version": "api_version",
    "route": "route http_route",
    "service": "service service_name",
    "environment": "environment env",
    "node": "node hostname",
    "error_code": "error_code",
}
# How many lines are looked at for spellings of keys that are in no table (`RemoteAddr`, `HTTP_STATUS`).
_SNIFFED = 100


def _places(keys: str) -> tuple[Place, ...]:
    found: list[Place] = []
    for key in keys.split():
        name, _, milliseconds = key.partition(":")
        first, *rest = name.split("_")
        spellings = dict.fromkeys((name, first + "".join(word.capitalize() for word in rest)))
        found += [Place(spelling, float(milliseconds or 1)) for spelling in spellings]
    return tuple(found)


PLACES: Mapping[str, tuple[Place, ...]] = {column: _places(keys) for column, keys in KEYS.items()}


# Always read: they tell a request from other lines, and what can be used from rejects.
_ALWAYS = ("timestamp", "status", "request", "method", "raw_target")


def parse_flat(data: bytes, first_line: int, options: ParseOptions, *, fast: bool = True) -> Parsed:
    """Read a block of flat JSON lines: see Format. fast: False looks at every line, to the same effect."""
    odd = _odd_spellings(data)
    wanted = {
        column: (*places, *odd.get(column, ()))
        for column, places in PLACES.items()
        if column in _ALWAYS or options.wants(column) or (column == "query" and options.wants("raw_target"))
    }
    places = {**wanted, **_needed(options.needs, data)}
    paths = paths_of(places)
    objects = read_objects(data, first_line, paths.schema, fast=fast)
    return mapped_events(objects, read_texts(objects, paths, places), places, options)


def _needed(needs: Needs, data: bytes) -> dict[str, tuple[Place, ...]]:
    """Return where the names that settings ask for stand: nginx writes a header as `http_NAME`."""
    # Each name costs a search in every line, and few logs have headers of responses.
    answers = [prefix for prefix in ("sent_http_", "upstream_http_") if prefix.encode() in data]

    def under(name: str, *prefixes: str) -> tuple[Place, ...]:
        return tuple(Place(prefix + name.replace("-", "_").lower()) for prefix in prefixes)

    return {
        **{f"raw_header.{name}": under(name, "http_") for name in sorted(needs.headers)},
        **{f"raw_response_header.{name}": under(name, *answers) for name in sorted(needs.response_headers) if answers},
        **{f"raw_field.{path}": (Place(path),) for path in sorted(needs.fields)},
    }


def _odd_spellings(data: bytes) -> dict[str, tuple[Place, ...]]:
    """Return column → places under keys that are known but for their spelling, seen in the first lines of a block."""
    odd: dict[str, dict[Place, None]] = {}
    for line in data[:65536].split(b"\n")[:_SNIFFED]:
        try:
            keys = _KEYS.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        for key in keys:
            column, known = _COLUMN_OF.get(_folded(key), ("", None))
            if known and key != known.path and all(key != place.path for place in PLACES[column]):
                odd.setdefault(column, {})[Place(key, known.milliseconds)] = None
    return {column: tuple(places) for column, places in odd.items()}


def _folded(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "")


_COLUMN_OF = {_folded(place.path): (column, place) for column, places in PLACES.items() for place in places}
_KEYS = msgspec.json.Decoder(dict[str, msgspec.Raw])

_TIME = datetime(2024, 4, 8, 12, 17, 58, tzinfo=UTC)

FLAT_JSON = Format(
    name="json",
    title="JSON lines, one flat object a request (nginx escape=json, gateways, applications)",
    time_is="end",
    parse=parse_flat,
    # Traefik's, Caddy's and applications' own JSON have a time and little else under these names.
    telling=("method", "status"),
    samples=(
        Sample(
            '{"remote_addr":"172.26.0.1","remote_user":"","time":"[08/Apr/2024:12:17:58 +0000]","request":"GET /a?b=1'
            ' HTTP/1.1","status":"304","body_bytes_sent":"0","request_time":"0.250","http_referer":"-",'
            '"http_user_agent":"curl/8.4.0"}',
            gives={
                "timestamp": _TIME,
                "status": 304,
                "method": "GET",
                "raw_target": "/a?b=1",
                "protocol": "1.1",
                "raw_peer": "172.26.0.1",
                "response_bytes": 0,
                "duration_ms": 250.0,
                "raw_agent": "curl/8.4.0",
            },
        ),
        Sample(
            '{"ts":1712578678.5,"method":"POST","uri":"/v1/orders","statusCode":201,"latency":"12.5ms",'
            '"companyId":42,"user":{"id":7},"env":"production"}',
            gives={
                "timestamp": _TIME.replace(microsecond=500_000),
                "status": 201,
                "method": "POST",
                "raw_target": "/v1/orders",
                "duration_ms": 12.5,
                "account": "42",
                "environment": "production",
            },
        ),
        Sample(
            '{"time":"2024-04-08T12:17:58Z","request":"GET / HTTP/1.1","status":"2x"}', rejected="no readable status"
        ),
        Sample('{"time":"yesterday","request":"GET / HTTP/1.1","status":200}', rejected="no readable time"),
        Sample('["time"]', rejected="not a JSON object"),
    ),
)
