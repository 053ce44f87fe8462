"""Request lines of pino-http, bunyan and restify, between the other lines of a Node.js service."""

from __future__ import annotations

from datetime import UTC, datetime

from apilens.formats.base import Format, Sample
from apilens.formats.json_declared import declared

PINO: Format = declared(
    "pino",
    "Node.js request logs (pino, bunyan: JSON)",
    {
        "timestamp": "time",
        "status": "res.statusCode",
        "method": "req.method",
        "raw_target": "req.url req.originalUrl",
        "host": "req.headers.host req.hostname",
        "raw_peer": "req.remoteAddress remoteAddress req.ip",
        "raw_request_headers": "req.headers",
        "raw_response_headers": "res.headers",
        "duration_ms": "responseTime duration latency",
        "request_id": "req.id req_id reqId",
        "trace_id": "trace_id traceId",
        "service": "name service.name",
        "node": "hostname",
        "failure_reason": "err.type err.name",
    },
    time_is="end",
    telling=("method", "status"),
    headers={
        "raw_agent": "user-agent", "raw_referrer": "referer", "raw_forwarded": "x-forwarded-for",
        "request_bytes": "content-length",
    },
    samples=(
        Sample(
            '{"level":30,"time":1532382412345,"pid":1,"hostname":"n1","req":{"id":7,"method":"GET","url":"/a?b=1",'
            '"headers":{"host":"api.example","user-agent":"acme/1.2"},"remoteAddress":"::ffff:203.0.113.9"},"res":'
            '{"statusCode":500,"headers":{}},"err":{"type":"TypeError"},"responseTime":3,"msg":"request errored"}',
            gives={
                "timestamp": datetime(2018, 7, 23, 21, 46, 52, 345000, tzinfo=UTC), "status": 500, "method": "GET",
                "raw_target": "/a?b=1", "host": "api.example", "raw_agent": "acme/1.2", "duration_ms": 3.0,
                "request_id": "7", "node": "n1", "failure_reason": "TypeError",
            },
        ),
        Sample(
            '{"time":1532382412345,"req":{"method":"GET","url":"/"},"res":{"statusCode":9}}',
            rejected="no readable status",
        ),
    ),
)  # fmt: skip
