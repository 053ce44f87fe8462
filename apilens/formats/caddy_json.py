"""Caddy's access log, between the other lines of its log.

https://caddyserver.com/docs/logging#structured-logs
"""

from __future__ import annotations

from datetime import UTC, datetime

from apilens.formats.base import Format, Sample
from apilens.formats.json_declared import declared

CADDY_JSON: Format = declared(
    "caddy",
    "Caddy access logs (JSON)",
    {
        "timestamp": "ts",
        "status": "status",
        "method": "request.method",
        "raw_target": "request.uri",
        "protocol": "request.proto",
        "host": "request.host",
        "raw_peer": "request.client_ip request.remote_ip request.remote_addr",
        "raw_request_headers": "request.headers",
        "raw_response_headers": "resp_headers",
        "user": "user_id",
        "request_bytes": "bytes_read",
        "response_bytes": "size",
        "duration_ms": "duration:1000",
    },
    time_is="end",
    telling=("method", "duration_ms"),
    headers={
        "raw_agent": "user-agent", "raw_referrer": "referer", "raw_forwarded": "x-forwarded-for",
        "request_id": "x-request-id",
    },
    samples=(
        Sample(
            '{"level":"info","ts":1716723772.6014807,"logger":"http.log.access","msg":"handled request","request":'
            '{"remote_ip":"192.0.2.1","client_ip":"203.0.113.9","proto":"HTTP/2.0","method":"GET","host":"api.example",'
            '"uri":"/a?b=1","headers":{"user-agent":["acme/1.2"],"X-Forwarded-For":["203.0.113.9"]}},"user_id":"",'
            '"bytes_read":0,"duration":0.0175,"size":3768,"status":200,"resp_headers":{"Server":["Caddy"]}}',
            gives={
                "timestamp": datetime(2024, 5, 26, 11, 42, 52, 601481, tzinfo=UTC), "status": 200, "method": "GET",
                "raw_target": "/a?b=1", "host": "api.example", "raw_peer": "203.0.113.9", "raw_agent": "acme/1.2",
                "raw_forwarded": "203.0.113.9", "user": None, "duration_ms": 17.5, "response_bytes": 3768,
                "request_bytes": 0,
            },
        ),
        Sample(
            '{"level":"info","ts":1716723772.6,"request":{"method":"GET"},"status":99}',
            rejected="no readable status",
        ),
    ),
)  # fmt: skip
