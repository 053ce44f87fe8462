"""Cloudflare's HTTP requests, by Logpush or Logpull.

https://developers.cloudflare.com/logs/logpush/logpush-job/datasets/zone/http_requests/
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from apilens.formats.base import Format, Sample
from apilens.formats.json_declared import declared
from apilens.formats.values import any_time

_START = datetime(2018, 12, 18, 17, 45, 29, 696000, tzinfo=UTC)


def _finish(events: pl.DataFrame) -> pl.DataFrame:
    if "_end" not in events.columns:
        return events
    taken = (any_time(events["_end"]) - events["timestamp"]).dt.total_microseconds() / 1000
    # Where times are in whole seconds, a request within one took no time that anybody knows.
    known = taken.set(taken <= 0, None).alias("taken")
    stated = events["duration_ms"] if "duration_ms" in events.columns else pl.lit(None, pl.Float64)
    return events.with_columns(pl.coalesce(stated, known).alias("duration_ms"))


CLOUDFLARE: Format = declared(
    "cloudflare",
    "Cloudflare HTTP requests (Logpush, JSON)",
    {
        "timestamp": "EdgeStartTimestamp",
        "_end": "EdgeEndTimestamp",
        "status": "EdgeResponseStatus",
        "method": "ClientRequestMethod",
        "raw_target": "ClientRequestURI ClientRequestPath",
        "protocol": "ClientRequestProtocol",
        "host": "ClientRequestHost",
        "raw_peer": "ClientIP",
        "raw_agent": "ClientRequestUserAgent",
        "raw_referrer": "ClientRequestReferer",
        "request_bytes": "ClientRequestBytes",
        "response_bytes": "EdgeResponseBytes",
        "upstream_ms": "OriginResponseDurationMs OriginResponseTime:0.000001",
        "upstream_status": "OriginResponseStatus",
        "request_id": "RayID",
        "service": "ZoneName",
    },
    time_is="start",
    telling=("method", "request_id"),
    finish=_finish,
    # The client had gone.
    no_status=("0",),
    samples=(
        Sample(
            '{"ClientIP":"203.0.113.9","ClientRequestHost":"api.example","ClientRequestMethod":"GET",'
            '"ClientRequestURI":"/a?b=1","EdgeEndTimestamp":1545155129703000000,"EdgeResponseBytes":1935,'
            '"EdgeResponseStatus":403,"EdgeStartTimestamp":1545155129696000000,"RayID":"48b371889c489b2c"}',
            gives={
                "timestamp": _START, "status": 403, "method": "GET", "raw_target": "/a?b=1", "host": "api.example",
                "response_bytes": 1935, "duration_ms": 7.0, "request_id": "48b371889c489b2c",
            },
        ),
        Sample(
            '{"ClientRequestMethod":"GET","ClientRequestURI":"/","EdgeStartTimestamp":"2018-12-18T17:45:29.696Z",'
            '"EdgeEndTimestamp":"2018-12-18T17:45:29.696Z","EdgeResponseStatus":200,"OriginResponseStatus":0,"RayID":"r"}',
            gives={"timestamp": _START, "duration_ms": None, "upstream_status": None},
        ),
        Sample('{"ClientRequestMethod":"GET","EdgeResponseStatus":200,"RayID":"r"}', rejected="no readable time"),
    ),
)  # fmt: skip
