"""What Kong's http-log, file-log and tcp-log plugins write about a request.

https://developer.konghq.com/plugins/http-log/#log-format
"""

from __future__ import annotations

from datetime import UTC, datetime

from apilens.config import IdentityRule
from apilens.formats.base import Format, Sample
from apilens.formats.json_declared import declared

_START = datetime(2015, 6, 2, 1, 50, 22, 425000, tzinfo=UTC)

KONG: Format = declared(
    "kong",
    "Kong http-log (JSON)",
    {
        "timestamp": "started_at",
        "status": "response.status",
        "method": "request.method",
        "raw_target": "request.uri",
        "host": "request.headers.host",
        "raw_peer": "client_ip",
        "raw_request_headers": "request.headers",
        "raw_response_headers": "response.headers",
        "request_bytes": "request.size",
        "response_bytes": "response.size",
        "duration_ms": "latencies.request",
        "upstream_ms": "latencies.proxy",
        "upstream_status": "upstream_status",
        "request_id": "request.id",
        "trace_id": "trace_id.w3c trace_id.b3 trace_id.datadog",
        "service": "service.name api.name",
        "user": "authenticated_entity.consumer_id",
    },
    time_is="start",
    telling=("method", "duration_ms"),
    headers={"raw_agent": "user-agent", "raw_referrer": "referer", "raw_forwarded": "x-forwarded-for"},
    account=tuple(
        IdentityRule(field=path)
        for path in ("consumer.custom_id", "consumer.username", "consumer.id", "authenticated_entity.id")
    ),
    samples=(
        Sample(
            '{"request":{"method":"GET","uri":"/get?a=1","size":"75","id":"r-1","headers":{"host":"api.example",'
            '"User-Agent":"acme/1.2"}},"response":{"status":200,"size":"434","headers":{"via":"kong/3"}},"latencies":'
            '{"proxy":1430,"kong":9,"request":1921},"started_at":1433209822425,"client_ip":"203.0.113.9",'
            '"consumer":{"username":"acme","id":"c-1"},"service":{"name":"orders"}}',
            gives={
                "timestamp": _START, "status": 200, "method": "GET", "raw_target": "/get?a=1", "host": "api.example",
                "raw_agent": "acme/1.2", "request_bytes": 75, "response_bytes": 434, "duration_ms": 1921.0,
                "upstream_ms": 1430.0, "raw_peer": "203.0.113.9", "service": "orders", "request_id": "r-1",
            },
        ),
        Sample(
            '{"request":{"method":"GET","uri":"/"},"response":{"status":502},"latencies":{"proxy":-1,"request":3},'
            '"started_at":1433209822425}',
            gives={"timestamp": _START, "upstream_ms": None, "duration_ms": 3.0},
        ),
        Sample('{"request":{"method":"GET"},"response":{"status":200},"latencies":{}}', rejected="no readable time"),
    ),
)  # fmt: skip
