"""Tomcat's access log valve, where it differs from Apache's: `%D` is milliseconds there (up to version 9).

TOMCAT is told by what only its patterns have, local address and state of the connection, or `X-Forwarded-For="…"`.
TOMCAT_TIMED is told by Spring Boot's pattern; common and combined with %D behind it reads when asked by its name, since
detection takes them for Apache's, which writes microseconds there.
"""

from __future__ import annotations

from datetime import UTC, datetime

from apilens.formats.base import Format, Sample
from apilens.formats.clf import ACCESS_LINES
from apilens.formats.fields import (
    ACCESS,
    COMBINED,
    TIME,
    exactly,
    field_lines,
    field_tiers,
    number,
    quoted,
    token,
)
from apilens.formats.pattern import ESCAPED, Capture, Piece
from apilens.formats.values import NO_STATUS

# A decimal number is `%T`, seconds; a whole one `%D`.
_TIMES: tuple[Piece, ...] = (
    "(?:", Capture("seconds", r"[0-9]{1,9}\.[0-9]{1,9}"), "|", Capture("millis", "[0-9]{1,15}"),
)  # fmt: skip
_TOOK = exactly(*_TIMES, "|-)")
_FORWARDED = exactly('X-Forwarded-For="', Capture("forwarded", ESCAPED), '"?')
_SIZED = (*ACCESS, " ", number("bytes"))
_SPRING = exactly(
    Capture("peer", "[^ ]+"), " ", Capture("method", "[A-Z]{1,20}"), " ", Capture("target", "/[^ ]*"), " HTTP/",
    Capture("protocol", "[0-9.]{1,4}"), " ", Capture("status", "[^ ]+"),
)  # fmt: skip
_SPRING_TOOK = exactly(
    r"\((?:", Capture("micros", "[0-9]{1,15}"),
    " microseconds|", Capture("millis", "[0-9]{1,15}"), r" (?:milliseconds|ms))\)",
)  # fmt: skip
_GET = '203.0.113.9 - ann [02/Mar/2023:18:58:17 +0530] "GET /a?b=1 HTTP/1.1" 200 512'
_WHEN = datetime(2023, 3, 2, 13, 28, 17, tzinfo=UTC)

TOMCAT = Format(
    name="tomcat",
    title="Tomcat with %A %X, or X-Forwarded-For=",
    time_is="start",
    parse=field_lines(
        (*_SIZED, " ", token("node"), " [-+X] ", _TOOK),
        (quoted("referrer"), quoted("agent"), _FORWARDED),
        also=(
            *field_tiers((*_SIZED, " ", _TOOK, " ", quoted("referrer"), " ", quoted("agent"), " ", _FORWARDED)),
            *ACCESS_LINES,
        ),
    ),
    telling=("duration_ms",),
    samples=(
        Sample(
            _GET + ' 10.0.0.5 + 400 "-" "curl/8.4" X-Forwarded-For="198.51.100.7, 10.0.0.1"',
            {
                "timestamp": _WHEN, "status": 200, "response_bytes": 512, "node": "10.0.0.5", "duration_ms": 400.0,
                "raw_agent": "curl/8.4", "raw_forwarded": "198.51.100.7, 10.0.0.1", "raw_remote_user": "ann",
            },
        ),
        Sample(_GET + ' 50 "-" "curl/8.4" X-Forwarded-For=""', {"duration_ms": 50.0, "raw_forwarded": None}),
        Sample(_GET + " 10.0.0.5 - 0.250", {"duration_ms": 250.0, "raw_agent": None}),
        Sample(_GET + ' "-" "cut off', {"raw_agent": "cut off", "duration_ms": None}),
        Sample(_GET, {"response_bytes": 512, "duration_ms": None}),
        Sample('203.0.113.9 - - [02/Mar/2023:18:58:17 +0530] "-" 400 - 10.0.0.5 + 0.000 "-" "-"', {"method": None}),
        Sample(_GET.replace(" 200 ", " OK "), rejected=NO_STATUS),
    ),
)  # fmt: skip

TOMCAT_TIMED = Format(
    name="tomcat_timed",
    title="Tomcat with %D: Spring Boot's pattern",
    time_is="start",
    parse=field_lines(
        (TIME, " ", _SPRING),
        (_SPRING_TOOK,),
        also=(
            *field_tiers((*COMBINED, " ", exactly(*_TIMES, ")"))),
            *field_tiers((*_SIZED, " ", exactly(*_TIMES, ")")), (quoted("referrer"), quoted("agent"))),
            *ACCESS_LINES,
        ),
    ),
    telling=("duration_ms",),
    samples=(
        Sample(
            "[02/Mar/2023:18:58:17 +0530] 203.0.113.9 GET /a?b=1 HTTP/1.1 200 (1250 microseconds)",
            {
                "timestamp": _WHEN, "status": 200, "duration_ms": 1.25, "raw_target": "/a?b=1",
                "raw_peer": "203.0.113.9",
            },
        ),
        Sample("[02/Mar/2023:18:58:17 +0530] 203.0.113.9 GET /a HTTP/1.1 200 (12 milliseconds)", {"duration_ms": 12.0}),
        Sample(_GET + " 12", {"duration_ms": 12.0}),
        Sample(_GET + ' "-" "curl/8.4" 12', {"duration_ms": 12.0, "raw_agent": "curl/8.4"}),
        Sample(_GET + ' 12 "-" "curl/8.4"', {"duration_ms": 12.0, "raw_agent": "curl/8.4"}),
        Sample(_GET + " 0.012", {"duration_ms": 12.0}),
        Sample(_GET.replace(" 200 ", " OK "), rejected=NO_STATUS),
    ),
)  # fmt: skip
