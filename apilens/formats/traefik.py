"""Traefik's CLF: combined, with the request's number, the router (the service), the server and the time behind."""

from __future__ import annotations

from datetime import UTC, datetime

from apilens.formats.base import Format, Sample
from apilens.formats.clf import ACCESS_LINES
from apilens.formats.fields import COMBINED, Field, field_lines
from apilens.formats.pattern import Capture
from apilens.formats.values import NO_STATUS

_BEHIND = Field(
    (' [0-9]+ "', Capture("service", "[ !#-~]*"), '" "[ !#-~]*" ', Capture("millis", "[0-9.]+"), "ms"),
    (' [0-9]+ "', Capture("service", '[^"]*'), '" "[^"]*" ', Capture("millis", "[0-9.]+"), "ms"),
)
_FRONT = '203.0.113.9 - ann [23/Feb/2024:12:26:19 +0000] "GET /a?b=1 HTTP/2.0" 200 5 "-" "curl/8.4"'
_LINE = f'{_FRONT} 17 "api@docker" "http://10.0.0.1:80" 12ms'

TRAEFIK = Format(
    name="traefik",
    title="Traefik CLF",
    time_is="start",
    parse=field_lines((*COMBINED, _BEHIND), also=ACCESS_LINES),
    telling=("duration_ms",),
    samples=(
        Sample(
            _LINE,
            {
                "timestamp": datetime(2024, 2, 23, 12, 26, 19, tzinfo=UTC),
                "status": 200,
                "duration_ms": 12.0,
                "service": "api@docker",
                "raw_agent": "curl/8.4",
                "protocol": "2",
                "raw_remote_user": "ann",
                "response_bytes": 5,
            },
        ),
        Sample(_LINE.replace("api@docker", "-").replace(" 200 ", " 404 "), {"service": None, "duration_ms": 12.0}),
        Sample(_LINE.replace("curl/8.4", 'a "b" c'), {"raw_agent": 'a "b" c', "duration_ms": 12.0}),
        Sample(_FRONT, {"status": 200, "duration_ms": None}),
        Sample(_LINE.replace(" 200 ", " 20x "), rejected=NO_STATUS),
    ),
)
