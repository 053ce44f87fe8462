"""Fastly's CLF, in which ident and user stand in quotes."""

from __future__ import annotations

from datetime import UTC, datetime

from apilens.formats.base import Format, Sample
from apilens.formats.fields import ACCESS, Field, field_lines, number, quoted
from apilens.formats.pattern import Capture
from apilens.formats.values import NO_STATUS

_USER = Field((' "[ !#-~]*" "', Capture("user", "[ !#-~]*"), '" '), (' "[^"]*" "', Capture("user", '[^"]*'), '" '))
_LINE = '203.0.113.9 "-" "ann" [11/Sep/2020:13:20:27 +0000] "GET /a?b=1 HTTP/1.1" 404 345'

FASTLY = Format(
    name="fastly",
    title="Fastly CLF",
    time_is="start",
    parse=field_lines((ACCESS[0], _USER, *ACCESS[4:]), (number("bytes"), quoted("referrer"), quoted("agent"))),
    samples=(
        Sample(
            _LINE,
            {
                "timestamp": datetime(2020, 9, 11, 13, 20, 27, tzinfo=UTC),
                "status": 404,
                "method": "GET",
                "raw_target": "/a?b=1",
                "response_bytes": 345,
                "raw_remote_user": "ann",
                "raw_peer": "203.0.113.9",
            },
        ),
        Sample(_LINE.replace("345", "-").replace("ann", "-"), {"response_bytes": None, "raw_remote_user": None}),
        Sample(_LINE + ' "-" "curl/8.4"', {"raw_agent": "curl/8.4"}),
        Sample(_LINE.replace(" 404 ", " 40 "), rejected=NO_STATUS),
    ),
)
