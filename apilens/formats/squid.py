"""Squid's own log: Unix time with milliseconds, elapsed milliseconds, result code and status in one."""

from __future__ import annotations

from datetime import UTC, datetime

from apilens.formats.base import Format, Sample
from apilens.formats.fields import Field, field_lines, number, status, token
from apilens.formats.pattern import Capture
from apilens.formats.values import NO_STATUS

_TIME = Field((Capture("time", r"[0-9]{9,10}\.[0-9]{3}"), " +"), (Capture("time", r"[0-9]+\.[0-9]+"), " +"))
_MILLIS = Field((Capture("millis", "[0-9]{1,12}"),), (Capture("millis", "-?[0-9]+"),))
_RESULT = Field((Capture("squid_result", "[A-Z_]+"), "/"), (Capture("squid_result", "[^ /]+"), "/"))
_TARGET_USER = Field(
    (
        Capture("method", "[A-Z]{1,20}"), " (?:https?://", Capture("target_host", "[!$-.0-9;-?A-~]+"),
        "(?::[0-9]{1,5})?)?", Capture("target", r"/[!-~]*"), " ",
        *token("user").strict, " [A-Z_]+/[!-~]+",
    ),
    (Capture("request", "[^ ]+ .*?"), "(?: HTTP/[0-9.]+)? ", *token("user").loose, " [A-Z_]+/[^ ]+"),
)  # fmt: skip
_GET = "1286536309.586    921 192.0.2.68 TCP_MISS/200 507 GET http://example.com/a?b=1"

SQUID = Format(
    name="squid",
    title="Squid native",
    time_is="end",
    parse=field_lines(
        (
            _TIME, _MILLIS, " ", token("peer"), " ", _RESULT, status("status_or_none"),
        ),
        (number("total_bytes"), _TARGET_USER),
    ),
    samples=(
        Sample(
            _GET + " ann HIER_DIRECT/198.51.100.7 text/html",
            {
                "timestamp": datetime(2010, 10, 8, 11, 11, 49, 586000, tzinfo=UTC), "status": 200, "method": "GET",
                "raw_target": "/a?b=1", "host": "example.com", "duration_ms": 921.0, "response_bytes": 507,
                "raw_peer": "192.0.2.68", "raw_remote_user": "ann", "failure_reason": None,
            },
        ),
        Sample(
            "1286536310.000  60000 192.0.2.68 TCP_TUNNEL/200 5070 CONNECT api.example:443 - HIER_DIRECT/192.0.2.1 -",
            {"method": "CONNECT", "host": "api.example", "raw_remote_user": None},
        ),
        Sample(
            "1286536310.000   5 192.0.2.68 TCP_MISS_ABORTED/000 0 POST https://api.example/v1/x - HIER_NONE/- -",
            {"status": None, "failure_reason": "client_closed", "raw_target": "/v1/x", "host": "api.example"},
        ),
        Sample(
            "1286536310.000   0 192.0.2.68 NONE/400 3500 NONE error:invalid-request - HIER_NONE/- text/html",
            {"status": 400, "method": None, "raw_target": None},
        ),
        Sample(_GET.replace("/200", "/2000") + " - HIER_NONE/- -", rejected=NO_STATUS),
    ),
)  # fmt: skip
