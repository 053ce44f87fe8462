"""Access logs of AWS API Gateway as JSON, REST and HTTP APIs: the keys of AWS' own examples.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from apilens.config import IdentityRule
from apilens.formats.base import Format, Sample
from apilens.formats.json_declared import declared

_CLAIMS = ("client_id", "sub")


def _finish(events: pl.DataFrame) -> pl.DataFrame:
    if "_route_key" not in events.columns:
        return events
    # `GET /orders/{id}`; `$default` is no route.
    found = pl.col("_route_key").str.extract_groups("^(?P<method>[A-Z]+) (?P<route>/.*)$")
    made = {"method": found.struct.field("method"), "route": found.struct.field("route")}
    return events.with_columns(
        (pl.coalesce(name, value) if name in events.columns else value).alias(name) for name, value in made.items()
    )


AWS_API_GATEWAY: Format = declared(
    "aws_api_gateway",
    "AWS API Gateway access logs (JSON)",
    {
        "timestamp": "requestTimeEpoch requestTime",
        "status": "status",
        "method": "httpMethod method",
        "raw_target": "path rawPath",
        "route": "resourcePath",
        "_route_key": "routeKey",
        "protocol": "protocol",
        "host": "domainName",
        "raw_peer": "ip sourceIp",
        "raw_agent": "userAgent",
        "response_bytes": "responseLength",
        "duration_ms": "responseLatency",
        "upstream_ms": "integrationLatency integration.latency",
        "upstream_status": "integrationStatus integration.status",
        "request_id": "requestId",
        "trace_id": "xrayTraceId",
        "failure_reason": "integrationErrorMessage error.messageString errorMessage",
        "environment": "stage",
        "service": "apiId",
        "user": "user caller cognitoIdentityId",
    },
    # requestTime is when API Gateway received the request.
    time_is="start",
    telling=("request_id", "raw_peer"),
    account=(
        IdentityRule(field="apiKeyId"),
        *(IdentityRule(field=f"authorizer.claims.{name}") for name in _CLAIMS),
        *(IdentityRule(field=name) for name in ("principalId", "authorizer.principalId", "accountId")),
    ),
    finish=_finish,
    samples=(
        Sample(
            '{"requestId":"r-1","ip":"203.0.113.9","requestTime":"09/Jun/2023:12:54:08 +0000","httpMethod":"GET",'
            '"routeKey":"GET /pets/{id}","status":"200","protocol":"HTTP/1.1","responseLength":"471","stage":"prod"}',
            gives={
                "timestamp": datetime(2023, 6, 9, 12, 54, 8, tzinfo=UTC), "status": 200, "method": "GET",
                "route": "/pets/{id}", "protocol": "1.1", "raw_peer": "203.0.113.9", "response_bytes": 471,
                "request_id": "r-1", "environment": "prod",
            },
        ),
        Sample(
            '{"requestId":"r-2","ip":"203.0.113.9","caller":"-","user":"-","requestTimeEpoch":1686315248123,'
            '"httpMethod":"POST","resourcePath":"/pets","path":"/prod/pets","status":"403","responseLatency":"12"}',
            gives={
                "timestamp": datetime(2023, 6, 9, 12, 54, 8, 123000, tzinfo=UTC), "status": 403,
                "raw_target": "/prod/pets", "route": "/pets", "duration_ms": 12.0, "user": None,
            },
        ),
        Sample('{"requestId":"r-3","ip":"203.0.113.9","requestTime":"x","status":"200"}', rejected="no readable time"),
    ),
)  # fmt: skip
