"""Syslog: RFC 5424, and RFC 3164 as daemons really write it. A line's own time counts: that of RFC 3164 has no year."""

from __future__ import annotations

from apilens.envelopes.base import Envelope, Wrapped
from apilens.envelopes.text import prefixed

_PRIORITY = r"(?:<[0-9]{1,3}>)"
_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}(?:Z|[+-][0-9]{2}:?[0-9]{2})"
_TIME = rf"{_PRIORITY}?(?:[A-Z][a-z]{{2}} [ 0-3][0-9] [0-9:]{{8}}|{_ISO})"
_APP = r"(?P<app>[A-Za-z0-9_./-]+)(?:\[[^\]]*\])?: ?"
_STRUCTURED = r'(?:-|(?:\[(?:[^\]"\\]|\\.|"(?:[^"\\]|\\.)*")*\])+)'

SYSLOG_5424 = Envelope(
    name="syslog5424",
    title="syslog (RFC 5424)",
    open=prefixed(
        rf"{_PRIORITY}1 (?:-|{_ISO}) (?P<host>[^ ]+) (?P<app>[^ ]+) [^ ]+ [^ ]+ {_STRUCTURED} \x{{feff}}?",
        labels={"node": "host", "service": "app"},
    ),
    samples=(
        Wrapped(
            "<190>1 2026-11-20T10:00:00.003Z web1 nginx 711 - - GET /\n",
            ("GET /",),
            {"node": "web1", "service": "nginx"},
        ),
        Wrapped('<14>1 - web1 api - ID47 [x@1 a="b \\" ]"][y@2] \ufeffGET /\n', ("GET /",), {"service": "api"}),
    ),
)

SYSLOG_3164 = Envelope(
    name="syslog",
    title="syslog (RFC 3164)",
    open=prefixed(
        rf"{_TIME} (?P<host>[^ \[\]:]+) {_APP}",
        rf"{_TIME} {_APP}",
        labels={"node": "host", "service": "app"},
    ),
    samples=(
        Wrapped("<190>Nov  2 10:00:00 web1 nginx: GET /\n", ("GET /",), {"node": "web1", "service": "nginx"}),
        Wrapped(
            "Nov 20 10:00:00 192.0.2.4 haproxy[1]: GET /\n", ("GET /",), {"node": "192.0.2.4", "service": "haproxy"}
        ),
        Wrapped("2026-11-20T10:00:00.12+01:00 web1 api[7]: GET /\n", ("GET /",), {"node": "web1", "service": "api"}),
        Wrapped("<190>Nov 20 10:00:00 nginx: GET /\n", ("GET /",), {"service": "nginx"}),
    ),
)
