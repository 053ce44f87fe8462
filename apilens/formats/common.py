"""NCSA common: an access log without referrer and user agent, also behind a virtual host."""

from __future__ import annotations

from apilens.formats.base import Format, Sample
from apilens.formats.clf import COMBINED_LINES, COMMON_LINES, COMMON_VHOST_LINES, access_log
from apilens.formats.values import NO_STATUS, NO_TIME

_GET = '203.0.113.9 - ann [17/May/2015:10:05:03 +0000] "GET /a?b=1 HTTP/1.1" 200 512'

COMMON_VHOST = Format(
    name="common_vhost",
    title="NCSA common behind a virtual host",
    time_is="start",
    parse=access_log(COMMON_VHOST_LINES, COMMON_LINES),
    telling=("host",),
    samples=(
        Sample("shop.example:443 " + _GET, {"host": "shop.example", "raw_peer": "203.0.113.9", "status": 200}),
        Sample("shop.example:443", rejected=NO_TIME),
    ),
)

COMMON = Format(
    name="common",
    title="NCSA common: no referrer and no user agent",
    time_is="start",
    parse=access_log(COMMON_LINES, COMBINED_LINES),
    samples=(
        Sample(_GET, {"raw_target": "/a?b=1", "response_bytes": 512, "raw_remote_user": "ann"}),
        Sample(_GET + " 250", {"duration_ms": 0.25}),
        Sample(_GET + ' "198.51.100.7"', {"raw_forwarded": "198.51.100.7"}),
        Sample(_GET + ' "-" "curl/8.4"', {"raw_agent": "curl/8.4"}),
        Sample('203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET / HT', rejected=NO_STATUS),
    ),
)
