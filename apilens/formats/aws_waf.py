"""AWS WAF logs: what was asked of a web ACL, and what was blocked.

https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from apilens.formats.base import Format, Sample
from apilens.formats.json_declared import declared
from apilens.formats.json_paths import listed_values

_HEADERS = {"host": "host", "raw_agent": "user-agent", "raw_referrer": "referer", "raw_forwarded": "x-forwarded-for"}


def _finish(events: pl.DataFrame) -> pl.DataFrame:
    if "_headers" in events.columns:
        found = listed_values(events["_headers"], tuple(_HEADERS.values()))
        events = events.with_columns(found[name].alias(column) for column, name in _HEADERS.items())
    if "_action" not in events.columns:
        return events
    # A request that is let through is answered by somebody else; a block is 403 unless the rule says otherwise.
    blocked = pl.col("_action") == "BLOCK"
    rule = pl.col("_rule") if "_rule" in events.columns else pl.lit(None, pl.String)
    return events.with_columns(
        pl.coalesce("status", pl.when(blocked).then(403)).cast(pl.Int16).alias("status"),
        pl.when(blocked).then(rule).alias("failure_reason"),
    )


AWS_WAF: Format = declared(
    "aws_waf",
    "AWS WAF logs",
    {
        "timestamp": "timestamp",
        "status": "responseCodeSent",
        "_action": "action",
        "_rule": "terminatingRuleId",
        "_headers": "httpRequest.headers",
        "method": "httpRequest.httpMethod",
        "raw_target": "httpRequest.uri",
        "query": "httpRequest.args",
        "protocol": "httpRequest.httpVersion",
        "raw_peer": "httpRequest.clientIp",
        "request_id": "httpRequest.requestId",
        "service": "httpSourceId",
    },
    time_is="start",
    telling=("raw_peer", "request_id"),
    finish=_finish,
    no_status=("null",),
    samples=(
        Sample(
            '{"timestamp":1679548657700,"webaclId":"w","terminatingRuleId":"no-bots","action":"BLOCK",'
            '"httpSourceId":"alb-1","responseCodeSent":null,"httpRequest":{"clientIp":"203.0.113.9","country":"HK",'
            '"headers":[{"name":"Host","value":"api.example"},{"name":"User-Agent","value":"a \\"b\\""}],"uri":"/a",'
            '"args":"x=1","httpVersion":"HTTP/2.0","httpMethod":"GET","requestId":"r-1"}}',
            gives={
                "timestamp": datetime(2023, 3, 23, 5, 17, 37, 700000, tzinfo=UTC), "status": 403, "method": "GET",
                "raw_target": "/a?x=1", "host": "api.example", "raw_agent": 'a "b"', "failure_reason": "no-bots",
                "protocol": "2",
            },
        ),
        Sample(
            '{"timestamp":1679548657700,"action":"ALLOW","responseCodeSent":null,"httpRequest":{"clientIp":'
            '"203.0.113.9","headers":[],"uri":"/","args":"","httpMethod":"GET","requestId":"r-2"}}',
            gives={"status": None, "raw_target": "/", "failure_reason": None},
        ),
        Sample('{"action":"ALLOW","httpRequest":{"uri":"/","httpMethod":"GET"}}', rejected="no readable time"),
    ),
)  # fmt: skip
