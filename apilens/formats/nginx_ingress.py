"""The `upstreaminfo` log of ingress-nginx, with or without `[$the_real_ip]`; the service is the upstream."""

from __future__ import annotations

from datetime import UTC, datetime

from apilens.formats.base import Format, Sample
from apilens.formats.clf import ACCESS_LINES
from apilens.formats.fields import COMBINED, Field, field_lines, token
from apilens.formats.pattern import Capture
from apilens.formats.values import NO_STATUS

# One value per upstream that was tried: `502, 200`, and ` : ` where nginx started over.
_TRIED = r"[!#-+\--9;-\[\]-~][!#-+\--\[\]-~]*(?:, [!#-+\--\[\]-~]+)*"
_LOOSE_TRIED = "[^ ,]+(?:(?:, *| : )[^ ,]+)*"


def _tried(name: str = "") -> Field:
    if not name:
        return Field((_TRIED,), (_LOOSE_TRIED,))
    return Field((Capture(name, _TRIED),), (Capture(name, _LOOSE_TRIED),))


_REAL_IP = Field((r"(?: \[[^ \[\]]*\] -)?",), (r"(?: \[[^\[\]]*\] -)?",))
_SIZE_TIME_NAME = Field(
    (" ", Capture("request_bytes", "[0-9]{1,18}|-"), " ", Capture("seconds", "[0-9.]+"), r" \[",
     Capture("service", r"[!-Z^-~]*"), r"\]"),
    (" ", Capture("request_bytes", "[0-9]+|-"), " ", Capture("seconds", "[0-9.]+"), r" \[",
     Capture("service", r"[^\[\]]*"), r"\]"),
)  # fmt: skip
_FRONT = '203.0.113.9 - ann [24/Aug/2022:21:04:17 +0000] "POST /a?b=1 HTTP/1.1" 200 470 "-" "curl/8.4"'
_LINE = f"{_FRONT} 2057 0.033 [shop-api-80] [] 10.0.0.1:9200 470 0.036 200 3db73c6c673c4256"

NGINX_INGRESS = Format(
    name="nginx_ingress",
    title="ingress-nginx",
    time_is="end",
    parse=field_lines(
        (*COMBINED[:2], "-", _REAL_IP, *COMBINED[3:], _SIZE_TIME_NAME),
        (
            Field((r"\[[^ \[\]]*\]",), (r"\[[^\[\]]*\]",)), _tried(), _tried(), _tried("upstream_seconds"),
            _tried("upstream_status"), token("request_id"),
        ),
        also=ACCESS_LINES,
    ),
    telling=("duration_ms", "raw_agent"),
    samples=(
        Sample(
            _LINE,
            {
                "timestamp": datetime(2022, 8, 24, 21, 4, 17, tzinfo=UTC), "status": 200, "request_bytes": 2057,
                "response_bytes": 470, "duration_ms": 33.0, "upstream_ms": 36.0, "upstream_status": 200,
                "service": "shop-api-80", "request_id": "3db73c6c673c4256", "raw_remote_user": "ann",
                "raw_peer": "203.0.113.9", "raw_agent": "curl/8.4", "raw_target": "/a?b=1",
            },
        ),
        Sample(_LINE.replace("- ann", "- [203.0.113.9] - ann"), {"raw_remote_user": "ann", "service": "shop-api-80"}),
        Sample(
            _LINE.replace(" 10.0.0.1:9200 470 0.036 200", " 10.0.0.1:80, 10.0.0.2:80 0, 470 0.1, 0.2 502, 200"),
            {"upstream_ms": 300.0, "upstream_status": 200, "request_id": "3db73c6c673c4256"},
        ),
        Sample(_LINE.replace(" [] 10.0.0.1:9200 470 0.036 200", " - - - -").replace("shop-api-80", ""), {
            "service": None, "upstream_ms": None, "duration_ms": 33.0,
        }),
        Sample(_LINE.replace("curl/8.4", r"a \x22b\x22"), {"raw_agent": 'a "b"', "upstream_ms": 36.0}),
        Sample(_FRONT, {"raw_agent": "curl/8.4", "duration_ms": None}),
        Sample(_LINE.replace(" 200 470", " 2000 470"), rejected=NO_STATUS),
    ),
)  # fmt: skip
