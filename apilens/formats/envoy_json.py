"""Envoy's and Istio's access log as JSON, with Istio's default keys.

https://istio.io/latest/docs/tasks/observability/logs/access-log/
"""

from __future__ import annotations

from datetime import UTC, datetime

from apilens.formats.base import Format, Sample
from apilens.formats.json_declared import declared

ENVOY_JSON: Format = declared(
    "envoy_json",
    "Envoy and Istio access logs (JSON)",
    {
        "timestamp": "start_time",
        "status": "response_code",
        "method": "method",
        "raw_target": "path",
        "protocol": "protocol",
        "host": "authority",
        "raw_peer": "downstream_remote_address",
        "raw_forwarded": "x_forwarded_for",
        "raw_agent": "user_agent",
        "request_bytes": "bytes_received",
        "response_bytes": "bytes_sent",
        "duration_ms": "duration",
        "upstream_ms": "upstream_service_time",
        "request_id": "request_id",
        "trace_id": "trace_id",
        "service": "upstream_cluster",
        "failure_reason": "response_flags",
    },
    time_is="start",
    telling=("method", "host"),
    # No response was sent.
    no_status=("0",),
    samples=(
        Sample(
            '{"authority":"api.example","bytes_received":0,"bytes_sent":12,"downstream_remote_address":"192.0.2.1:0",'
            '"duration":26,"method":"GET","path":"/a?b=1","protocol":"HTTP/2","request_id":"r-1","response_code":503,'
            '"response_flags":"UF","start_time":"2024-04-15T13:26:33.809Z","upstream_cluster":"outbound|80||x",'
            '"upstream_service_time":null,"user_agent":"acme/1.2","x_forwarded_for":"203.0.113.9"}',
            gives={
                "timestamp": datetime(2024, 4, 15, 13, 26, 33, 809000, tzinfo=UTC), "status": 503, "method": "GET",
                "raw_target": "/a?b=1", "protocol": "2", "host": "api.example", "raw_forwarded": "203.0.113.9",
                "duration_ms": 26.0, "upstream_ms": None, "failure_reason": "UF", "response_bytes": 12,
            },
        ),
        Sample(
            '{"authority":"x","method":"GET","path":"/","response_code":0,"start_time":"2024-04-15T13:26:33.809Z",'
            '"response_flags":"DC"}',
            gives={"status": None, "failure_reason": "DC"},
        ),
        Sample('{"authority":"x","method":"GET","path":"/","response_code":200}', rejected="no readable time"),
    ),
)  # fmt: skip
