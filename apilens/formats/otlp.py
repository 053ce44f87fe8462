"""HTTP spans of OpenTelemetry: OTLP/JSON, a batch a line or one document, and spans exported one by one.

Only spans of servers count: those of clients and of what happens inside would count a request again. Old and new names
of attributes: https://opentelemetry.io/docs/specs/semconv/non-normative/http-migration/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import polars as pl

from apilens.formats.base import Format, Sample
from apilens.formats.documents import document
from apilens.formats.json_declared import declared
from apilens.formats.values import any_time

_BEGIN = re.compile(rb'\s*\{\s*"resourceSpans"\s*:')
_SERVER = ("2", "SPAN_KIND_SERVER", "SERVER", "server", "Server")


class _Scope(msgspec.Struct):
    spans: list[msgspec.Raw] = []


class _Resource(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw(b"null")
    scopes: list[_Scope] = msgspec.field(name="scopeSpans", default_factory=list)


class _Batch(msgspec.Struct):
    resources: list[_Resource] = msgspec.field(name="resourceSpans")


_BATCH = msgspec.json.Decoder(_Batch)


def _spans(data: bytes) -> Sequence[bytes]:
    """Return the spans of a batch, each beside its resource."""
    return [
        b'{"resource":%b,"span":%b}' % (bytes(resource.resource), bytes(span))
        for resource in _BATCH.decode(data).resources
        for scope in resource.scopes
        for span in scope.spans
    ]


def _unwrapped(line: bytes) -> Sequence[bytes] | None:
    try:
        return _spans(line) if b'"resourceSpans"' in line else None
    except (msgspec.MsgspecError, RecursionError):
        return None


def _is_document(sample: bytes) -> bool:
    # A batch that is whole on its line is a line.
    first_line = sample.lstrip().partition(b"\n")[0].rstrip()
    return bool(_BEGIN.match(sample)) and not first_line.endswith(b"}")


def _finish(events: pl.DataFrame) -> pl.DataFrame:
    if "_end" in events.columns:
        taken = (any_time(events["_end"]) - events["timestamp"]).dt.total_microseconds() / 1000
        events = events.with_columns(taken.set(taken < 0, None).alias("duration_ms"))
    return events


OTLP: Format = declared(
    "otlp",
    "OpenTelemetry HTTP spans (OTLP/JSON)",
    {
        "timestamp": "span.startTimeUnixNano startTimeUnixNano startTime start_time",
        "_end": "span.endTimeUnixNano endTimeUnixNano endTime end_time",
        "_kind": "span.kind kind",
        "status": "@http.response.status_code @http.status_code",
        "method": "@http.request.method @http.method",
        "raw_target": "@url.path @http.target @url.full @http.url",
        "query": "@url.query",
        "route": "@http.route",
        "host": "@server.address @http.host @net.host.name",
        "protocol": "@network.protocol.version @http.flavor",
        "raw_peer": "@client.address @http.client_ip @network.peer.address @net.peer.ip",
        "raw_agent": "@user_agent.original @http.user_agent",
        "request_bytes": "@http.request.body.size @http.request_content_length",
        "response_bytes": "@http.response.body.size @http.response_content_length",
        "user": "@enduser.id @user.id",
        "failure_reason": "@error.type",
        "service": "@service.name",
        "environment": "@deployment.environment.name @deployment.environment",
        "node": "@host.name",
        "trace_id": "span.traceId traceId trace_id",
    },
    time_is="start",
    telling=("method", "trace_id"),
    attributes=("span.attributes", "attributes", "resource.attributes"),
    only=("_kind", _SERVER),
    finish=_finish,
    unwrap=_unwrapped,
    samples=(
        Sample(
            '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"orders"}}]},'
            '"scopeSpans":[{"spans":[{"traceId":"5b8e","kind":2,"startTimeUnixNano":"1544712660000000000",'
            '"endTimeUnixNano":"1544712660250000000","attributes":[{"key":"http.request.method","value":{"stringValue":'
            '"GET"}},{"key":"http.response.status_code","value":{"intValue":"404"}},{"key":"url.path","value":'
            '{"stringValue":"/a"}},{"key":"url.query","value":{"stringValue":"b=1"}},{"key":"http.route","value":'
            '{"stringValue":"/{x}"}}]}]}]}]}',
            gives={
                "timestamp": datetime(2018, 12, 13, 14, 51, tzinfo=UTC), "status": 404, "method": "GET",
                "raw_target": "/a?b=1", "route": "/{x}", "duration_ms": 250.0, "service": "orders", "trace_id": "5b8e",
            },
        ),
        Sample(
            '{"traceId":"t","kind":"SPAN_KIND_SERVER","startTime":"2018-12-13T14:51:00Z","endTime":'
            '"2018-12-13T14:51:00.001Z","attributes":{"http.method":"POST","http.status_code":201,"http.target":"/a"}}',
            gives={"status": 201, "method": "POST", "raw_target": "/a", "duration_ms": 1.0},
        ),
        Sample(
            '{"traceId":"t","kind":2,"attributes":{"http.method":"GET","http.status_code":200}}',
            rejected="no readable time",
        ),
    ),
)  # fmt: skip

OTLP_DOCUMENT: Format = document(
    OTLP,
    _spans,
    name="otlp_document",
    title="OpenTelemetry HTTP spans (OTLP/JSON, one document)",
    recognises=_is_document,
    samples=(Sample(OTLP.samples[0].line, OTLP.samples[0].gives),),
)
