"""Fastly's recommended JSON access log.

https://www.fastly.com/documentation/guides/integrations/logging/useful-log-formats/
"""

from __future__ import annotations

from datetime import UTC, datetime

from apilens.formats.base import Format, Sample
from apilens.formats.json_declared import declared

FASTLY_JSON: Format = declared(
    "fastly_json",
    "Fastly access logs (JSON)",
    {
        "timestamp": "timestamp",
        "status": "response_status",
        "method": "request_method",
        "raw_target": "url",
        "protocol": "request_protocol",
        "host": "host",
        "raw_peer": "client_ip",
        "raw_agent": "request_user_agent",
        "raw_referrer": "request_referer",
        "response_bytes": "response_body_size",
        "duration_ms": "time_elapsed:0.001 elapsed_ms",
        "node": "fastly_server",
    },
    # strftime({"%Y-%m-%dT%H:%M:%S%z"}, time.start)
    time_is="start",
    telling=("method", "node"),
    samples=(
        Sample(
            '{"timestamp":"2024-01-02T03:04:05+0000","client_ip":"203.0.113.9","geo_country":"x","host":"api.example",'
            '"url":"/a?b=1","request_method":"GET","request_protocol":"HTTP/2","request_referer":"",'
            '"request_user_agent":"acme/1.2","response_state":"HIT","response_status":200,"response_reason":"OK",'
            '"response_body_size":12,"fastly_server":"cache-1","fastly_is_edge":true,"time_elapsed":2500}',
            gives={
                "timestamp": datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), "status": 200, "method": "GET",
                "raw_target": "/a?b=1", "protocol": "2", "duration_ms": 2.5, "response_bytes": 12, "node": "cache-1",
            },
        ),
        Sample('{"request_method":"GET","fastly_server":"x","response_status":200}', rejected="no readable time"),
    ),
)  # fmt: skip
