"""Google Cloud's load balancers: entries with an `httpRequest`, which other Google services write too.

https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#HttpRequest
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from apilens.formats.base import Format, Sample
from apilens.formats.json_declared import declared

# What statusDetails says when nothing went wrong.
_FINE = ("response_sent_by_backend", "response_from_cache", "response_from_cache_validated")


def _finish(events: pl.DataFrame) -> pl.DataFrame:
    made = []
    if "_details" in events.columns:
        made.append(pl.when(~pl.col("_details").is_in(_FINE)).then(pl.col("_details")).alias("failure_reason"))
    if "_trace" in events.columns:
        made.append(pl.col("_trace").str.extract("([^/]+)$").alias("trace_id"))
    return events.with_columns(made)


GCP_LOAD_BALANCER: Format = declared(
    "gcp_load_balancer",
    "Google Cloud load balancer logs (JSON)",
    {
        "timestamp": "timestamp",
        "status": "httpRequest.status",
        "method": "httpRequest.requestMethod",
        "raw_target": "httpRequest.requestUrl",
        "protocol": "httpRequest.protocol",
        "raw_peer": "httpRequest.remoteIp",
        "raw_agent": "httpRequest.userAgent",
        "raw_referrer": "httpRequest.referer",
        "request_bytes": "httpRequest.requestSize",
        "response_bytes": "httpRequest.responseSize",
        "duration_ms": "httpRequest.latency:1000",
        "event_id": "insertId",
        "service": "resource.labels.backend_service_name resource.labels.service_name",
        "_trace": "trace",
        "_details": "jsonPayload.statusDetails",
    },
    # When the first front end received the request.
    time_is="start",
    telling=("method", "event_id"),
    unique_id="event_id",
    finish=_finish,
    samples=(
        Sample(
            '{"insertId":"e-1","jsonPayload":{"statusDetails":"backend_timeout"},"httpRequest":{"requestMethod":"GET",'
            '"requestUrl":"https://api.example/a?b=1","requestSize":"577","status":502,"responseSize":"157","userAgent":'
            '"acme/1.2","remoteIp":"203.0.113.9","latency":"0.123s"},"resource":{"labels":{"backend_service_name":"orders"}},'
            '"timestamp":"2020-06-08T23:41:30.078651Z","trace":"projects/p/traces/241d69833e64b3bf83fabac8c873d992"}',
            gives={
                "timestamp": datetime(2020, 6, 8, 23, 41, 30, 78651, tzinfo=UTC), "status": 502, "method": "GET",
                "raw_target": "https://api.example/a?b=1", "request_bytes": 577, "duration_ms": 123.0,
                "failure_reason": "backend_timeout", "event_id": "e-1", "service": "orders",
                "trace_id": "241d69833e64b3bf83fabac8c873d992",
            },
        ),
        Sample('{"insertId":"e-2","httpRequest":{"requestMethod":"GET","status":200}}', rejected="no readable time"),
    ),
)  # fmt: skip
