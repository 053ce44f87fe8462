"""CloudFront's standard logs: W3C with tabs, from 23 fields to 33."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import polars as pl

from apilens.formats.base import Format, Sample
from apilens.formats.columns import directive_prelude
from apilens.formats.values import BAD_SIZE, NO_STATUS, NO_TIME
from apilens.formats.w3c_fields import KEYWORDS, Dialect, w3c_log

_FIELDS = (
    "date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(host)", "cs-uri-stem", "sc-status",
    "cs(referer)", "cs(user-agent)", "cs-uri-query", "cs(cookie)", "x-edge-result-type", "x-edge-request-id",
    "x-host-header", "cs-protocol", "cs-bytes", "time-taken", "x-forwarded-for", "ssl-protocol", "ssl-cipher",
    "x-edge-response-result-type", "cs-protocol-version", "fle-status", "fle-encrypted-fields", "c-port",
    "time-to-first-byte", "x-edge-detailed-result-type", "sc-content-type", "sc-content-len", "sc-range-start",
    "sc-range-end",
)  # fmt: skip
# Fields were added behind others over the years: 23 in 2014, 24, 26 and 33.
_ORDERS = tuple(_FIELDS[:count] for count in (33, 26, 24, 23))
# Of the result types those that say more than the status does.
_FAILURE = "^(?:.+Error|Client.+|Invalid.+|Aborted.+|.+Exceeded)$"


def _decoded(texts: pl.DataFrame) -> pl.DataFrame:
    names = [
        name
        for name in texts.columns
        if name in ("agent", "referrer", "forwarded") or name.startswith(("raw_header.", "raw_field."))
    ]
    texts = texts.with_columns(_unquoted(texts[name], twice=name != "referrer").alias(name) for name in names)
    failure = pl.col("failure_reason") if "failure_reason" in texts.columns else pl.lit(None, dtype=pl.String)
    gone = pl.when("unanswered").then(pl.lit("client_closed"))
    return texts.with_columns(failure_reason=pl.coalesce(pl.when(failure.str.contains(_FAILURE)).then(failure), gone))


def _unquoted(texts: pl.Series, *, twice: bool) -> pl.Series:
    """Undo percent-encoding; `%2520` is a blank that was encoded twice, save in URLs, which have their own `%20`."""
    encoded = texts.str.contains("%", literal=True).fill_null(False)
    if not encoded.any():
        return texts
    # Polars cannot undo it; the distinct ones are few.
    values = texts.filter(encoded).unique()
    plain = [unquote(unquote(value)) if twice and "%25" in value else unquote(value) for value in values]
    return texts.replace(values, pl.Series(plain, dtype=pl.String))


_TIME = datetime(2023, 2, 22, 3, 22, 37, tzinfo=UTC)
_ROW = (
    "2023-02-22\t03:22:37\tHKG62-C2\t675\t203.0.113.9\tGET\td111.cloudfront.net\t/a\t{status}\t-"
    "\tMozilla/5.0%20(X11)\tb=1\t-\t{result}\tY5rI==\tapi.example.com\thttps\t{sent}\t0.623\t198.51.100.7,%2010.0.0.1"
    "\tTLSv1.3\tTLS_AES\t{result}"
)
_GET = _ROW.format(status="200", result="Miss", sent="536")
_MORE = "\tHTTP/2.0\t-\t-\t12812\t0.5\t{detail}\t-\t-\t-\t-"

CLOUDFRONT = Format(
    name="cloudfront",
    title="CloudFront standard logs",
    time_is="end",
    settle=timedelta(minutes=60),
    parse=w3c_log(
        Dialect(
            _ORDERS,
            _decoded,
            captures=(
                ("x-edge-request-id", "request_id"), ("x-edge-detailed-result-type", "failure_reason"),
            ),
            marker="x-edge-location",
        )
    ),
    prelude=directive_prelude(KEYWORDS),
    samples=(
        Sample(
            _GET + _MORE.format(detail="Miss"),
            {
                "timestamp": _TIME, "status": 200, "method": "GET", "raw_target": "/a?b=1", "duration_ms": 623.0,
                "raw_peer": "203.0.113.9", "raw_forwarded": "198.51.100.7, 10.0.0.1", "host": "api.example.com",
                "raw_agent": "Mozilla/5.0 (X11)", "response_bytes": 675, "request_bytes": 536, "request_id": "Y5rI==",
                "protocol": "2", "failure_reason": None,
            },
        ),
        Sample(_GET, {"status": 200, "protocol": None}),
        Sample(_GET.replace("%20(", "%2520("), {"raw_agent": "Mozilla/5.0 (X11)"}),
        Sample(
            _ROW.format(status="000", result="Error", sent="536") + _MORE.format(detail="ClientCommError"),
            {"status": None, "failure_reason": "ClientCommError"},
        ),
        Sample(
            _ROW.format(status="502", result="Error", sent="536") + _MORE.format(detail="OriginDnsError"),
            {"status": 502, "failure_reason": "OriginDnsError"},
        ),
        Sample(_ROW.format(status="abc", result="Miss", sent="1"), rejected=NO_STATUS),
        Sample(_ROW.format(status="200", result="Miss", sent="-5"), rejected=BAD_SIZE),
        Sample("2023-02-22\t03:22:37\tno line of CloudFront", rejected=NO_TIME),
    ),
)  # fmt: skip
