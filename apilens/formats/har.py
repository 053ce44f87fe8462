"""HTTP archives (HAR 1.2): what browsers and proxies export. http://www.softwareishard.com/blog/har-12-spec/"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import polars as pl

from apilens.formats.base import Format, Sample
from apilens.formats.documents import document
from apilens.formats.json_declared import declared
from apilens.formats.json_paths import listed_values

_REQUEST = {"raw_agent": "user-agent", "raw_referrer": "referer", "raw_forwarded": "x-forwarded-for"}
_BEGIN = re.compile(rb'\s*\{\s*"log"\s*:\s*\{')


class _Log(msgspec.Struct):
    entries: list[msgspec.Raw]


class _Archive(msgspec.Struct):
    log: _Log


_ARCHIVE = msgspec.json.Decoder(_Archive)


def _entries(data: bytes) -> Sequence[bytes]:
    return [bytes(entry) for entry in _ARCHIVE.decode(data).log.entries]


def _finish(events: pl.DataFrame) -> pl.DataFrame:
    if "_headers" not in events.columns:
        return events
    found = listed_values(events["_headers"], tuple(_REQUEST.values()))
    return events.with_columns(found[name].alias(column) for column, name in _REQUEST.items())


HAR: Format = document(
    declared(
        "har",
        "HTTP archive",
        {
            "timestamp": "startedDateTime",
            "status": "response.status",
            "method": "request.method",
            "raw_target": "request.url",
            "protocol": "request.httpVersion",
            "_headers": "request.headers",
            "raw_request_body": "request.postData.text",
            "request_bytes": "request.bodySize",
            # Chrome's own field counts the headers as well.
            "response_bytes": "response.bodySize response._transferSize response.content.size",
            "duration_ms": "time",
            "upstream_ms": "timings.wait",
            "failure_reason": "response._error",
        },
        time_is="start",
        telling=("method",),
        finish=_finish,
        # No response came.
        no_status=("0",),
        samples=(),
    ),
    _entries,
    name="har",
    title="HTTP archive (HAR)",
    recognises=lambda sample: bool(_BEGIN.match(sample)) and b'"entries"' in sample,
    samples=(
        Sample(
            '{"log":{"version":"1.2","entries":[{"startedDateTime":"2016-01-24T14:41:45.818Z","time":93,"request":'
            '{"method":"GET","url":"https://api.example/a?b=1","httpVersion":"HTTP/2.0","headers":[{"name":"User-Agent",'
            '"value":"acme/1.2"}],"bodySize":-1},"response":{"status":200,"bodySize":12},"timings":{"wait":-1}}]}}',
            gives={
                "timestamp": datetime(2016, 1, 24, 14, 41, 45, 818000, tzinfo=UTC), "status": 200, "method": "GET",
                "raw_target": "https://api.example/a?b=1", "host": "api.example", "protocol": "2",
                "raw_agent": "acme/1.2", "request_bytes": None, "response_bytes": 12, "duration_ms": 93.0,
                "upstream_ms": None,
            },
        ),
    ),
)  # fmt: skip
