"""Analytics records of the Tyk gateway, as tyk-pump writes them.

https://github.com/TykTechnologies/tyk-pump: analytics/analytics.go
"""

from __future__ import annotations

from datetime import UTC, datetime

from apilens.config import IdentityRule
from apilens.formats.base import Format, Sample
from apilens.formats.json_declared import declared

TYK: Format = declared(
    "tyk",
    "Tyk analytics records (JSON)",
    {
        "timestamp": "timestamp",
        "status": "response_code",
        "method": "method",
        "raw_target": "raw_path path original_path",
        "host": "host",
        "raw_peer": "ip_address",
        "raw_agent": "user_agent",
        "request_bytes": "content_length",
        "duration_ms": "latency.total request_time",
        "upstream_ms": "latency.upstream",
        "trace_id": "trace_id",
        "service": "api_name api_id",
        "api_version": "api_version",
        # Kept as a keyed hash.
        "api_key": "api_key",
    },
    # A record is made when the response is through.
    time_is="end",
    telling=("method", "service"),
    account=(
        IdentityRule(field="alias"), IdentityRule(field="oauth_id"), IdentityRule(field="api_key"),
        IdentityRule(field="org_id"),
    ),
    samples=(
        Sample(
            '{"method":"GET","host":"api.example","path":"/orders/7","raw_path":"/orders/7?full=1","content_length":12,'
            '"user_agent":"acme/1.2","response_code":200,"api_key":"00000000","timestamp":"2024-01-02T03:04:05.678Z",'
            '"api_version":"v2","api_name":"orders","org_id":"o-1","request_time":25,"latency":{"total":25,'
            '"upstream":20},"ip_address":"203.0.113.9","alias":"acme","listen_path":"/"}',
            gives={
                "timestamp": datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=UTC), "status": 200, "method": "GET",
                "raw_target": "/orders/7?full=1", "duration_ms": 25.0, "upstream_ms": 20.0, "api_version": "v2",
                "service": "orders", "raw_peer": "203.0.113.9", "request_bytes": 12,
            },
        ),
        Sample('{"method":"GET","path":"/","response_code":200,"listen_path":"/"}', rejected="no readable time"),
    ),
)  # fmt: skip
