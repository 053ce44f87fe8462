"""nginx-proxy-manager's two log formats, `proxy` and `standard`."""

from __future__ import annotations

from datetime import UTC, datetime

from apilens.formats.base import Format, Sample
from apilens.formats.fields import TIME, Field, exactly, field_lines, quoted
from apilens.formats.pattern import ESCAPED, Capture
from apilens.formats.values import NO_STATUS

# The state of the cache and the status of the upstream stand in `proxy` only.
_STATUS = Field(
    ("(?:[A-Z-]+ ", Capture("upstream_status", "[0-9]{3}|-"), " )?", Capture("status", "[0-9]{3}"), " -"),
    (r"(?:[A-Z-]+ ", Capture("upstream_status", "[0-9, :-]+?"), " )?", Capture("status", "[^ ]+"), " -"),
)
_TARGET = Field(
    (Capture("method", "[A-Z]{1,20}"), " [a-z]+ ", Capture("host", "[!#-~]+"), ' "',
     Capture("target", r"/[!#-\[\]-~]*"), '"'),
    (Capture("method", "[^ ]+"), " [^ ]+ ", Capture("host", "[^ ]+"), ' "', Capture("target", ESCAPED), '"'),
)  # fmt: skip
_CLIENT = exactly(r"\[Client ", Capture("peer", r"[^ \[\]]*"), r"\]")
_LENGTH = exactly(r"\[Length ", Capture("bytes", r"[^ \[\]]*"), r"\]")
_REST = exactly(r"\[Gzip [^\[\]]*\](?: \[Sent-to [^\[\]]*\])?")
_LINE = (
    '[31/Jul/2024:17:53:30 +0000] - 200 200 - GET https shop.example "/a?b=1" [Client 203.0.113.9] [Length 14908]'
    ' [Gzip -] [Sent-to 172.18.0.1] "curl/8.4" "-"'
)

NGINX_PROXY_MANAGER = Format(
    name="nginx_proxy_manager",
    title="nginx-proxy-manager",
    time_is="end",
    parse=field_lines((TIME, " ", _STATUS), (_TARGET, _CLIENT, _LENGTH, _REST, quoted("agent"), quoted("referrer"))),
    samples=(
        Sample(
            _LINE,
            {
                "timestamp": datetime(2024, 7, 31, 17, 53, 30, tzinfo=UTC), "status": 200, "upstream_status": 200,
                "method": "GET", "host": "shop.example", "raw_target": "/a?b=1", "raw_peer": "203.0.113.9",
                "response_bytes": 14908, "raw_agent": "curl/8.4", "raw_referrer": None,
            },
        ),
        Sample(_LINE.replace("- 200 200 -", "404 -").replace(" [Sent-to 172.18.0.1]", ""), {
            "status": 404, "upstream_status": None, "raw_agent": "curl/8.4",
        }),
        Sample(_LINE.replace("- 200 200 -", "MISS 502, 200 200 -"), {"status": 200, "upstream_status": 200}),
        Sample(_LINE.replace("- 200 200 -", "- - 400 -").replace("GET", "-"), {"status": 400, "upstream_status": None}),
        Sample(_LINE.replace("curl/8.4", r"a \x22b\x22"), {"raw_agent": 'a "b"'}),
        Sample(_LINE.replace(" 200 200 ", " 200 2x0 "), rejected=NO_STATUS),
    ),
)  # fmt: skip
