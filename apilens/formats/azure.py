"""Access logs of Azure's Application Gateway and Front Door, a record a line or in a `records` array.

https://learn.microsoft.com/azure/application-gateway/application-gateway-diagnostics
https://learn.microsoft.com/azure/frontdoor/monitor-front-door-reference
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import polars as pl

from apilens.formats.base import Format, Sample
from apilens.formats.json_declared import declared
from apilens.formats.values import http_version


class _Records(msgspec.Struct):
    records: list[msgspec.Raw]


_RECORDS = msgspec.json.Decoder(_Records)


def _unwrapped(line: bytes) -> list[bytes] | None:
    try:
        return [bytes(record) for record in _RECORDS.decode(line).records]
    except (msgspec.MsgspecError, RecursionError):
        return None


def _gateway_time(events: pl.DataFrame) -> pl.DataFrame:
    """Version 1 logs whole milliseconds, version 2 seconds with decimals."""
    if "_taken" not in events.columns:
        return events
    number = pl.col("_taken").cast(pl.Float64, strict=False)
    taken = pl.when(pl.col("_taken").str.contains(".", literal=True)).then(number * 1000).otherwise(number)
    return events.with_columns(pl.when(taken >= 0).then(taken.round(6)).alias("duration_ms"))


def _front_door_version(events: pl.DataFrame) -> pl.DataFrame:
    if "protocol" not in events.columns:
        return events
    return events.with_columns(http_version(pl.col("protocol").str.strip_suffix(".0.0")).alias("protocol"))


AZURE_APPLICATION_GATEWAY: Format = declared(
    "azure_application_gateway",
    "Azure Application Gateway access logs (JSON)",
    {
        "timestamp": "timestamp timeStamp time",
        "status": "properties.httpStatus",
        "method": "properties.httpMethod",
        "raw_target": "properties.originalRequestUriWithArgs properties.requestUri",
        "protocol": "properties.httpVersion",
        "host": "properties.originalHost properties.host",
        "raw_peer": "properties.clientIP properties.clientIp",
        "raw_agent": "properties.userAgent",
        "request_bytes": "properties.receivedBytes",
        "response_bytes": "properties.sentBytes",
        "_taken": "properties.timeTaken",
        "upstream_ms": "properties.serverResponseLatency:1000",
        "upstream_status": "properties.serverStatus",
        "request_id": "properties.transactionId",
        "node": "properties.instanceId",
        "failure_reason": "properties.error_info",
    },
    time_is="end",
    telling=("method", "node"),
    finish=_gateway_time,
    unwrap=_unwrapped,
    samples=(
        Sample(
            '{"resourceId":"/X","operationName":"ApplicationGatewayAccess","timestamp":"2017-04-26T19:27:38Z",'
            '"category":"ApplicationGatewayAccessLog","properties":{"instanceId":"IN_0","clientIP":"203.0.113.9",'
            '"httpMethod":"GET","requestUri":"/a","requestQuery":"X-AzureApplicationGateway-CACHE-HIT=0","userAgent":"-",'
            '"httpStatus":404,"httpVersion":"HTTP/1.0","receivedBytes":65,"sentBytes":553,"timeTaken":205,'
            '"host":"api.example"}}',
            gives={
                "timestamp": datetime(2017, 4, 26, 19, 27, 38, tzinfo=UTC), "status": 404, "raw_target": "/a",
                "protocol": "1.0", "raw_agent": None, "request_bytes": 65, "response_bytes": 553, "duration_ms": 205.0,
                "host": "api.example", "node": "IN_0",
            },
        ),
        Sample(
            '{"timeStamp":"2017-04-26T19:27:38+00:00","properties":{"instanceId":"i","httpMethod":"GET","requestUri":'
            '"/","httpStatus":200,"timeTaken":0.012}}',
            gives={"duration_ms": 12.0},
        ),
        Sample('{"properties":{"instanceId":"i","httpMethod":"GET","httpStatus":200}}', rejected="no readable time"),
    ),
)  # fmt: skip

AZURE_FRONT_DOOR: Format = declared(
    "azure_front_door",
    "Azure Front Door access logs (JSON)",
    {
        "timestamp": "time",
        "status": "properties.httpStatusCode",
        "method": "properties.httpMethod",
        "raw_target": "properties.requestUri",
        "protocol": "properties.httpVersion",
        "host": "properties.hostName",
        "raw_peer": "properties.clientIp properties.socketIp",
        "raw_agent": "properties.userAgent",
        "raw_referrer": "properties.referer properties.referrer",
        "request_bytes": "properties.requestBytes",
        "response_bytes": "properties.responseBytes",
        "duration_ms": "properties.timeTaken:1000",
        "request_id": "properties.trackingReference",
        "service": "properties.routingRuleName properties.endpoint",
        "node": "properties.pop",
        "_error": "properties.ErrorInfo properties.errorInfo",
    },
    time_is="end",
    telling=("method", "request_id"),
    finish=lambda events: _failure(_front_door_version(events)),
    unwrap=_unwrapped,
    samples=(
        Sample(
            '{"category":"FrontdoorAccessLog","properties":{"ErrorInfo":"OriginTimeout","clientIp":"203.0.113.9",'
            '"httpMethod":"POST","httpStatusCode":"504","httpVersion":"2.0.0.0","pop":"SIN","requestBytes":"2545",'
            '"requestUri":"https://api.example:443/a?b=1","responseBytes":"1205","routingRuleName":"erp",'
            '"timeTaken":"0.384","trackingReference":"r-1","userAgent":"acme/1.2"},"time":"2021-12-15T03:10:11.6479719Z"}',
            gives={
                "timestamp": datetime(2021, 12, 15, 3, 10, 11, 647971, tzinfo=UTC), "status": 504, "protocol": "2",
                "raw_target": "https://api.example:443/a?b=1", "duration_ms": 384.0, "request_bytes": 2545,
                "failure_reason": "OriginTimeout", "request_id": "r-1",
            },
        ),
        Sample(
            '{"properties":{"httpMethod":"GET","httpStatusCode":"200","trackingReference":"r"}}',
            rejected="no readable time",
        ),
    ),
)  # fmt: skip


def _failure(events: pl.DataFrame) -> pl.DataFrame:
    if "_error" not in events.columns:
        return events
    return events.with_columns(pl.when(pl.col("_error") != "NoError").then(pl.col("_error")).alias("failure_reason"))
