"""Apache's ssl_request log as distributions set it up: TLS version and cipher, no status."""

from __future__ import annotations

from datetime import UTC, datetime

from apilens.formats.base import Format, Sample
from apilens.formats.fields import REQUEST, TIME, Field, field_lines, number, quoted, token
from apilens.formats.values import BAD_SIZE, NO_TIME

_TLS = Field(("(?:(?:TLS|SSL)v[0-9.]+|-) ",), ("(?:(?:TLS|SSL)v[^ ]*|-) ",))
_LINE = '[17/May/2015:10:05:03 +0000] 203.0.113.9 TLSv1.3 TLS_AES_256_GCM_SHA384 "GET /a?b=1 HTTP/1.1" 512'

APACHE_SSL = Format(
    name="apache_ssl",
    title="Apache ssl_request_log",
    time_is="start",
    parse=field_lines(
        (TIME, " ", token("peer"), " ", _TLS, token()),
        (REQUEST, number("bytes"), quoted("referrer"), quoted("agent")),
    ),
    samples=(
        Sample(
            _LINE,
            {
                "timestamp": datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC), "status": None, "method": "GET",
                "raw_target": "/a?b=1", "response_bytes": 512, "raw_peer": "203.0.113.9",
            },
        ),
        Sample(_LINE.replace("512", "-"), {"response_bytes": None, "method": "GET"}),
        Sample(_LINE.replace("GET /a?b=1 HTTP/1.1", "-"), {"method": None, "status": None}),
        Sample(_LINE.replace(" 512", " 5.12"), rejected=BAD_SIZE),
        Sample(_LINE.replace("17/May", "32/May"), rejected=NO_TIME),
    ),
)  # fmt: skip
