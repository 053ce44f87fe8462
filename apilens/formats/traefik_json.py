"""Traefik's access log as JSON.

https://doc.traefik.io/traefik/observability/access-logs/
"""

from __future__ import annotations

from datetime import UTC, datetime

from apilens.formats.base import Format, Sample
from apilens.formats.json_declared import declared

_START = datetime(2024, 4, 15, 13, 26, 33, 809027, tzinfo=UTC)

TRAEFIK_JSON: Format = declared(
    "traefik_json",
    "Traefik access logs (JSON)",
    {
        # Behind them stands `time`, when the line was written: better than nothing.
        "timestamp": "StartUTC StartLocal time",
        "status": "DownstreamStatus",
        "request": "RequestLine",
        "method": "RequestMethod",
        "raw_target": "RequestPath",
        "protocol": "RequestProtocol",
        "host": "RequestHost",
        "raw_peer": "ClientHost ClientAddr",
        "raw_forwarded": "request_X-Forwarded-For",
        "raw_remote_user": "ClientUsername",
        "raw_agent": "request_User-Agent",
        "raw_referrer": "request_Referer",
        "request_bytes": "RequestContentSize",
        "response_bytes": "DownstreamContentSize",
        "duration_ms": "Duration:0.000001",
        "upstream_ms": "OriginDuration:0.000001",
        "upstream_status": "OriginStatus",
        "request_id": "request_X-Request-Id",
        "trace_id": "TraceId",
        "service": "ServiceName",
    },
    time_is="start",
    telling=("method", "status", "duration_ms"),
    samples=(
        Sample(
            '{"ClientAddr":"[::1]:56348","ClientHost":"::1","ClientUsername":"-","DownstreamContentSize":19,'
            '"DownstreamStatus":404,"Duration":32673000,"RequestHost":"api.example","RequestMethod":"GET",'
            '"RequestPath":"/a?b=1","RequestProtocol":"HTTP/1.1","StartUTC":"2024-04-15T13:26:33.80902715Z",'
            '"request_User-Agent":"curl/8","time":"2024-04-15T13:26:34Z"}',
            gives={
                "timestamp": _START, "status": 404, "method": "GET", "raw_target": "/a?b=1", "host": "api.example",
                "raw_peer": "::1", "raw_remote_user": None, "duration_ms": 32.673, "response_bytes": 19,
                "raw_agent": "curl/8",
            },
        ),
        Sample(
            '{"ClientAddr":"192.0.2.1:2345","DownstreamStatus":200,"Duration":1,"RequestMethod":"GET","RequestPath":'
            '"/","StartLocal":"2024-04-15T13:26:33.80902715Z"}',
            gives={"timestamp": _START, "raw_peer": "192.0.2.1:2345", "duration_ms": 1e-06},
        ),
        Sample('{"DownstreamStatus":200,"RequestMethod":"GET","Duration":1}', rejected="no readable time"),
    ),
)  # fmt: skip
