"""NCSA combined: the default of Apache and nginx, with referrer and user agent; also behind a virtual host or timed."""

from __future__ import annotations

from datetime import UTC, datetime

from apilens.formats.base import Format, Sample
from apilens.formats.clf import COMBINED_LINES, COMBINED_VHOST_LINES, TIMED_LINES, access_log
from apilens.formats.values import BAD_SIZE, NO_STATUS, NO_TIME, TIME_OUT_OF_RANGE

_TIME = datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC)
_GET = '203.0.113.9 - ann [17/May/2015:10:05:03 +0000] "GET /a?b=1 HTTP/1.1" 200 512'

NGINX_TIMED = Format(
    name="nginx_timed",
    title="nginx combined with $request_time behind",
    # nginx writes a line when a request is over; Apache, whose times are whole microseconds, states when it began.
    time_is="end",
    parse=access_log(TIMED_LINES, COMBINED_LINES, in_seconds=True),
    telling=("duration_ms", "raw_agent"),
    samples=(
        Sample(_GET + ' "-" "curl/8.4" 0.250', {"timestamp": _TIME, "status": 200, "duration_ms": 250.0}),
        Sample(
            _GET + ' "-" "curl/8.4" "198.51.100.7, 10.0.0.1" rt=1.5 urt="0.1, 0.2"',
            {"raw_forwarded": "198.51.100.7, 10.0.0.1", "duration_ms": 1500.0, "upstream_ms": 300.0},
        ),
        Sample(_GET + ' "-" "curl/8.4"', {"status": 200, "raw_agent": "curl/8.4"}),
    ),
)

COMBINED_VHOST = Format(
    name="combined_vhost",
    title="NCSA combined behind a virtual host",
    time_is="start",
    parse=access_log(COMBINED_VHOST_LINES, COMBINED_LINES),
    telling=("host", "raw_agent"),
    samples=(
        Sample("shop.example:443 " + _GET + ' "-" "curl/8.4"', {"host": "shop.example", "raw_peer": "203.0.113.9"}),
        Sample(_GET + ' "-" "curl/8.4"', {"raw_peer": "203.0.113.9", "status": 200}),
    ),
)

COMBINED = Format(
    name="combined",
    title="NCSA combined: Apache and nginx by default",
    time_is="start",
    parse=access_log(COMBINED_LINES, COMBINED_VHOST_LINES),
    telling=("raw_agent",),
    samples=(
        Sample(
            _GET + ' "https://example.com/" "curl/8.4"',
            {
                "item": 0, "timestamp": _TIME, "status": 200, "method": "GET", "raw_target": "/a?b=1",
                "protocol": "1.1", "response_bytes": 512, "raw_referrer": "https://example.com/",
                "raw_agent": "curl/8.4", "raw_peer": "203.0.113.9", "raw_remote_user": "ann",
            },
        ),
        Sample(_GET + ' "-" "-"', {"raw_referrer": None, "raw_agent": None}),
        Sample(_GET + ' "-" "a \\"b\\" \\x22c\\x22 \\xD0\\xBF"', {"raw_agent": 'a "b" "c" п'}),
        Sample(_GET + ' "-" "cut off', {"raw_agent": "cut off"}),
        Sample(_GET + ' "-" "x" "198.51.100.7" 116075', {"raw_forwarded": "198.51.100.7", "duration_ms": 116.075}),
        Sample(
            '203.0.113.9 - John Begood [17/May/2015:10:05:60 +0330] "GET /a b HTTP/2.0" 404 - "-" "x"',
            {
                "timestamp": datetime(2015, 5, 17, 6, 36, tzinfo=UTC), "raw_remote_user": "John Begood",
                "raw_target": "/a b", "protocol": "2", "response_bytes": None,
            },
        ),
        Sample(
            '[::1]:5000 [17/May/2015:10:05:03 +0000] "\\x16\\x03\\x01" 400 0 "-" "-"',
            {"method": None, "raw_target": None, "raw_peer": "[::1]:5000", "status": 400},
        ),
        Sample('203.0.113.9 - - [17/May/2015:10:05:03 +0000] "-" 408 0 "-" "-"', {"method": None, "status": 408}),
        Sample('203.0.113.9 - - 2015-05-17T12:05:03.5+02:00 "GET / HTTP/1.1" 200 0 "-" "x"', {
            "timestamp": _TIME.replace(microsecond=500_000),
        }),
        Sample(
            '10.0.0.2, 10.0.0.1 - - [17/May/2015:10:05:03 +0000] "GET http://h.example:80/p HTTP/1.1" 200 1 "-" "x"',
            {"raw_forwarded": "10.0.0.2, 10.0.0.1", "raw_peer": "10.0.0.1", "host": "h.example", "raw_target": "/p"},
        ),
        Sample('203.0.113.9 - - [31/Feb/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "x"', rejected=NO_TIME),
        Sample('192.0.2.1 - - [17/May/1969:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "x"', rejected=TIME_OUT_OF_RANGE),
        Sample('203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 999 1 "-" "x"', rejected=NO_STATUS),
        Sample('203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 -5 "-" "x"', rejected=BAD_SIZE),
        Sample("no log line", rejected=NO_TIME),
    ),
)  # fmt: skip
