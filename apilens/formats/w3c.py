"""W3C extended logs: IIS, and servers that follow the standard."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from apilens.formats.base import Format, Sample
from apilens.formats.columns import directive_prelude
from apilens.formats.values import NO_STATUS, NO_TIME
from apilens.formats.w3c_fields import KEYWORDS, Dialect, w3c_log

_FRONT = ("s-ip", "cs-method", "cs-uri-stem", "cs-uri-query", "s-port", "cs-username", "c-ip")
_CODES = ("sc-status", "sc-substatus", "sc-win32-status")
# What IIS writes unless told otherwise: 8.5 and later; 7; 6; with sizes; in Azure; with every field there is.
_ORDERS = (
    ("date", "time", *_FRONT, "cs(user-agent)", "cs(referer)", *_CODES, "time-taken"),
    ("date", "time", *_FRONT, "cs(user-agent)", *_CODES, "time-taken"),
    ("date", "time", "s-sitename", *_FRONT, "cs(user-agent)", *_CODES),
    ("date", "time", *_FRONT, "cs(user-agent)", "cs(referer)", *_CODES, "sc-bytes", "cs-bytes", "time-taken"),
    (
        "date", "time", "s-sitename", *_FRONT[1:], "cs(user-agent)", "cs(cookie)", "cs(referer)", "cs-host", *_CODES,
        "sc-bytes", "cs-bytes", "time-taken",
    ),
    (
        "date", "time", "s-sitename", "s-computername", *_FRONT, "cs-version", "cs(user-agent)", "cs(cookie)",
        "cs(referer)", "cs-host", *_CODES, "sc-bytes", "cs-bytes", "time-taken", "x-forwarded-for",
    ),
    (
        "date", "time", "s-sitename", "s-computername", *_FRONT, "cs-version", "cs(user-agent)", "cs(cookie)",
        "cs(referer)", "cs-host", *_CODES, "sc-bytes", "cs-bytes", "time-taken",
    ),
)  # fmt: skip


def _with_blanks(texts: pl.DataFrame) -> pl.DataFrame:
    """Undo `+` for a blank; where a text has blanks of its own it was quoted, and its `+` are what they seem."""
    names = [name for name in texts.columns if name in ("agent", "forwarded") or name.startswith("raw_header.")]
    blank = {name: pl.col(name).str.contains(" ", literal=True) for name in names}
    return texts.with_columns(
        pl.when(blank[name]).then(name).otherwise(pl.col(name).str.replace_all("+", " ", literal=True)).alias(name)
        for name in names
    )


_TIME = datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC)
_ROW = (
    "2015-05-17 10:05:03 10.0.0.1 GET /a b=1 443 ACME\\ann 203.0.113.9 Mozilla/5.0+(X11) https://example.com/ 200 0 0"
)

W3C = Format(
    name="w3c",
    title="W3C extended: IIS, by #Fields or in its usual orders",
    # IIS writes a line when the response is sent.
    time_is="end",
    parse=w3c_log(Dialect(_ORDERS, _with_blanks)),
    prelude=directive_prelude(KEYWORDS),
    samples=(
        Sample(
            _ROW + " 512 80 250",
            {
                "timestamp": _TIME, "status": 200, "method": "GET", "raw_target": "/a?b=1", "duration_ms": 250.0,
                "raw_remote_user": "ACME\\ann", "raw_peer": "203.0.113.9", "raw_agent": "Mozilla/5.0 (X11)",
                "raw_referrer": "https://example.com/", "response_bytes": 512, "request_bytes": 80,
            },
        ),
        Sample(_ROW + " 250", {"duration_ms": 250.0, "response_bytes": None}),
        Sample(
            "2015-05-17 10:05:03 W3SVC1 10.0.0.1 GET /a - 80 - 203.0.113.9 curl/8.4 404 0 2",
            {"status": 404, "raw_target": "/a", "raw_agent": "curl/8.4", "duration_ms": None},
        ),
        Sample("2015-05-17 10:05:03 10.0.0.1 GET /a - 80 - 203.0.113.9 curl/8.4 200 0 0 9", {"duration_ms": 9.0}),
        Sample("2015-05-17 10:05:03 10.0.0.1 GET /a - 80 - 203.0.113.9 curl/8.4 abc 0 0 9", rejected=NO_STATUS),
        Sample("2015-02-31 10:05:03 10.0.0.1 GET /a - 80 - 203.0.113.9 curl/8.4 200 0 0 9", rejected=NO_TIME),
        Sample("no log line", rejected=NO_TIME),
    ),
)  # fmt: skip
