"""HAProxy's HTTP log, with or without what syslog puts in front of it.

The service is the backend. Captured headers have no names: settings ask for them as the fields `request_header_1`,
`response_header_2` …; one that begins with a product and its version is the user agent.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import polars as pl

from apilens.formats.base import Format, Sample
from apilens.formats.fields import REQUEST, TIME, Field, address, exactly, field_lines, status
from apilens.formats.pattern import Capture, Tier
from apilens.formats.values import BAD_SIZE, NO_STATUS, NO_TIME

# RFC 3164 with a host and a process; other prefixes are read, too, but slower.
_PREFIX = Field(
    (r"(?:[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [!-~]+ [!-9;-Z^-~]+(?:\[[0-9]+\])?: )?",), ("(?:.*? )?",)
)  # fmt: skip
_SERVER = Field(
    (r"[!-~]+ ", Capture("service", "[!-.0-~]+"), r"/[!-~]+ "), ("[^ ]+ ", Capture("service", "[^ /]+"), "/[^ ]+ ")
)
_MILLIS = "-?[0-9]{1,12}"
# Sizes and times with a plus are those at the time of logging: `option logasap` does not wait for the end.
_TIMERS = exactly(
    f"{_MILLIS}/{_MILLIS}/{_MILLIS}/", Capture("upstream_millis", _MILLIS), r"/\+?", Capture("millis", _MILLIS), " "
)
_SIZE = Field(
    (r"\+?", Capture("total_bytes", "[0-9]{1,18}"), " [!-~]+ [!-~]+"),
    (r"\+?", Capture("total_bytes", "[^ ]+"), " [^ ]+ [^ ]+"),
)
_STATE = exactly(Capture("haproxy_state", "[A-Za-z-]{4}"), " [0-9/+]+ [0-9/]+")
_HEADERS_REQUEST = Field(
    (
        r"(?:\{", Capture("request_headers", "[ -z|~]*"), r"\} (?:\{", Capture("response_headers", "[ -z|~]*"),
        r"\} )?)?", *REQUEST.strict,
    ),
    (
        r"(?:\{", Capture("request_headers", "[^{}]*"), r"\} (?:\{", Capture("response_headers", "[^{}]*"), r"\} )?)?",
        *REQUEST.loose,
    ),
)  # fmt: skip
# A product and its version: what no captured header but the user agent begins with.
_AGENT = r"([A-Za-z][A-Za-z0-9_.-]*/[0-9][^|]*)"
_ASKED = re.compile("raw_field[.](request|response)_header_([1-9][0-9]?)")
# What becomes of servers, connections that came to nothing, and TCP: three timers, two letters of state.
_NO_REQUEST = (
    r"^(?:.* )?haproxy(?:\[[0-9]+\])?: [A-Z][a-z]|^(?:Proxy|(?:Backup )?Server|Health check for) [^ ]+ |^Connect from "
    r"|^(?:.* )?[^ ]+:[0-9]+ \[[^\[\]]+\] [^ ]+(?:: | [^ ]+ [-0-9]+/[-0-9]+/\+?[-0-9]+ \+?[0-9]+ [A-Za-z-]{2} )"
)


def _with_headers(tier: Tier) -> Tier:
    """Return the tier with the user agent, and the captured headers that settings ask for by number."""

    def read(lines: pl.DataFrame, wanted: frozenset[str]) -> pl.DataFrame:
        asked = [found for name in sorted(wanted) if (found := _ASKED.fullmatch(name))]
        lists = {f"{found[1]}_headers" for found in asked} | ({"request_headers"} if "agent" in wanted else set())
        texts = tier(lines, wanted | lists)
        made = {
            found[0]: pl.col(f"{found[1]}_headers").str.split("|").list.get(int(found[2]) - 1, null_on_oob=True)
            for found in asked
        }
        texts = texts.with_columns(**made)
        return texts.with_columns(_agents(texts["request_headers"]).alias("agent")) if "agent" in wanted else texts

    return read


def _agents(headers: pl.Series) -> pl.Series:
    """Return the user agent out of each list of headers. Mostly it is the first or the only one: that is one-pass."""
    agents = headers.str.extract(f"^{_AGENT}")
    rows = (agents.is_null() & headers.str.contains("|", literal=True)).arg_true()
    return agents.scatter(rows, headers.gather(rows).str.extract(rf"\|{_AGENT}")) if rows.len() else agents


_HEAD = "203.0.113.9:53332 [25/Feb/2019:16:19:48.143] prod~ bk_admin/nginx_1 "
_REST = '2/1/0/0/0 0/0 {curl/8.4|acme} {gzip} "GET /a?b=1 HTTP/1.1"'
_LINE = f"{_HEAD}0/0/7/1457/1487 200 11394 - - ---- {_REST}"
_WHEN = datetime(2019, 2, 25, 16, 19, 48, 143000, tzinfo=UTC)

HAPROXY = Format(
    name="haproxy",
    title="HAProxy HTTP",
    time_is="start",
    parse=field_lines(
        (_PREFIX, address(), " ", TIME, " ", _SERVER, _TIMERS, status("status_or_none")),
        (_SIZE, _STATE, _HEADERS_REQUEST),
        finish=_with_headers,
        other=_NO_REQUEST,
    ),
    samples=(
        Sample(
            _LINE,
            {
                "timestamp": _WHEN, "status": 200, "method": "GET", "raw_target": "/a?b=1", "protocol": "1.1",
                "duration_ms": 1487.0, "upstream_ms": 1457.0, "response_bytes": 11394, "raw_peer": "203.0.113.9",
                "raw_agent": "curl/8.4", "service": "bk_admin", "failure_reason": None,
            },
        ),
        Sample("Feb 25 16:19:49 192.0.2.1 haproxy[7]: " + _LINE, {"timestamp": _WHEN, "raw_peer": "203.0.113.9"}),
        Sample("<134>1 2019-02-25T16:19:49Z lb haproxy 7 - - " + _LINE, {"timestamp": _WHEN, "status": 200}),
        Sample(
            _HEAD + f"0/0/-1/-1/2 -1 0 - - CC-- {_REST}",
            {"status": None, "upstream_ms": None, "duration_ms": 2.0, "failure_reason": "client_closed"},
        ),
        Sample(
            _HEAD.replace("nginx_1", "<NOSRV>") + '-1/-1/-1/-1/10001 400 187 - - PR-- 2/1/0/0/0 0/0 "<BADREQ>"',
            {"status": 400, "method": None, "raw_target": None, "failure_reason": "proxy_blocked", "raw_agent": None},
        ),
        Sample(
            _HEAD + f"0/0/1/3/+99627 200 +1452 - - ---- {_REST}", {"duration_ms": 99627.0, "response_bytes": 1452}
        ),
        Sample(
            "[2001:db8::1]:443 " + _LINE[18:].replace("/a?b=1 HTTP/1.1", "https://h.example/a HTTP/2.0"),
            {"raw_peer": "[2001:db8::1]", "host": "h.example", "raw_target": "/a", "protocol": "2"},
        ),
        Sample(_LINE[:-10], {"raw_target": "/a?b=1"}),
        Sample(_LINE.replace(" 200 ", " 600 "), rejected=NO_STATUS),
        Sample(_LINE.replace(" 11394 ", " 1.5 "), rejected=BAD_SIZE),
        Sample(_LINE.replace("25/Feb", "32/Feb"), rejected=NO_TIME),
    ),
)  # fmt: skip
