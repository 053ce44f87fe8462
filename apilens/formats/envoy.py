"""Envoy's default text log, and Istio's, which says more.

The service is what Kubernetes calls it in the name of the cluster. Where Envoy logs port 0 it took the peer out of
X-Forwarded-For: then that header is asked for the client, by apilens' own rule.
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from apilens.formats.base import Format, Sample
from apilens.formats.fields import REQUEST, Field, exactly, field_lines, field_tiers, number, quoted, status, token
from apilens.formats.pattern import Capture, Tier
from apilens.formats.values import NO_STATUS, NO_TIME

_TIME = Field((r"\[", Capture("time", "[0-9T:.-]+Z"), r"\] "), (r"\[", Capture("time", r"[^\[\]]+"), r"\] "))
_FLAGS = Field((Capture("envoy_flags", "[A-Z,]+|-"),), (Capture("envoy_flags", "[^ ]+"),))
_TIMES = (token("millis"), token("upstream_millis"))
_REQUESTED_BY = (quoted("forwarded"), quoted("agent"), quoted("request_id"), quoted("host"), quoted())
# Why the upstream failed, in words; older versions have the verdict of the policy in front.
_WHY = exactly(r'(?:[^ "]+ [^ "]+ )?(?:"[^"]*" )?"[^"]*"')
# The part of both names of a cluster that is the name of a service, such as `details.default.svc.cluster.local`.
_SERVICE = r"([a-z0-9-]+[.][a-z0-9-]+[.]svc[.][a-z0-9.-]+)$"
# A line cut off behind its status may be either's.
_CUT = field_tiers((_TIME, REQUEST, " ", status("status_or_none")))[1:]
_TCP = r'^\[[^\[\]]+\] "- - -" '


def _as_istio(tier: Tier) -> Tier:
    """Return the tier with the service, the peer without its port, and no peer that Envoy itself took from a header."""

    def read(lines: pl.DataFrame, wanted: frozenset[str]) -> pl.DataFrame:
        used = {"peer": "forwarded", "service": "server_name"}
        texts = tier(lines, wanted | {used[name] for name in used if name in wanted})
        made: dict[str, pl.Expr] = {}
        if "peer" in wanted:
            told = texts["peer"].str.ends_with(":0") & ~texts["forwarded"].is_in(["-", ""])
            made["peer"] = pl.when(~told.fill_null(False)).then(pl.col("peer").str.replace(":[0-9]+$", ""))
        if "service" in wanted:
            names = (pl.col(name).str.extract(_SERVICE) for name in ("service", "server_name"))
            made["service"] = pl.coalesce(names)
        return texts.with_columns(**made).drop("server_name", strict=False)

    return read


_START = '[2022-08-22T13:08:23.169Z] "GET /a?b=1 HTTP/1.1"'
_WHEN = datetime(2022, 8, 22, 13, 8, 23, 169000, tzinfo=UTC)
_BY = '"203.0.113.9,10.0.0.7" "curl/7.79.1" "00bcf1d7-12c4" "api.example:8080" "10.124.2.6:9080"'
_ISTIO = (
    f'{_START} 200 - via_upstream - "-" 12 5294 35 34 {_BY} inbound|9080|| 127.0.0.6:47203 10.124.2.6:9080'
    " 10.128.0.161:0 outbound_.9080_._.details.default.svc.cluster.local default"
)

ISTIO = Format(
    name="istio",
    title="Istio text",
    time_is="start",
    parse=field_lines(
        (_TIME, REQUEST, " ", status("status_or_none"), " ", _FLAGS, " ", _WHY, " ", number("request_bytes"), " ",
         number("bytes")),
        (
            *_TIMES, *_REQUESTED_BY, token("service"), token(), token(), token("peer"), token("server_name"),
            token("raw_field.route_name"),
        ),
        finish=_as_istio,
        also=_CUT,
        other=_TCP,
    ),
    telling=("duration_ms",),
    samples=(
        Sample(
            _ISTIO,
            {
                "timestamp": _WHEN, "status": 200, "method": "GET", "raw_target": "/a?b=1", "protocol": "1.1",
                "request_bytes": 12, "response_bytes": 5294, "duration_ms": 35.0, "upstream_ms": 34.0,
                "raw_forwarded": "203.0.113.9,10.0.0.7", "raw_peer": None, "raw_agent": "curl/7.79.1",
                "request_id": "00bcf1d7-12c4", "host": "api.example", "service": "details.default.svc.cluster.local",
                "failure_reason": None,
            },
        ),
        Sample(_ISTIO.replace("161:0 ", "161:4711 "), {"raw_peer": "10.128.0.161"}),
        Sample(_ISTIO.replace('"203.0.113.9,10.0.0.7"', '"-"'), {"raw_peer": "10.128.0.161", "raw_forwarded": None}),
        Sample(
            _ISTIO.replace(" 200 - via_upstream ", " 0 DC downstream_remote_disconnect "),
            {"status": None, "failure_reason": "client_closed"},
        ),
        Sample(_ISTIO.replace(" - via_upstream - ", ' UF,URX "-" '), {"failure_reason": "upstream_connect_failed"}),
        Sample(
            _ISTIO.replace("inbound|9080||", "outbound|80||rates.shop.svc.cluster.local"),
            {"service": "rates.shop.svc.cluster.local"},
        ),
        Sample(_ISTIO[:140], {"status": 200, "duration_ms": 35.0}),
        Sample(_ISTIO.replace(" 200 ", " 2000 "), rejected=NO_STATUS),
        Sample(_ISTIO.replace("2022-08", "2022-13"), rejected=NO_TIME),
    ),
)  # fmt: skip

_ENVOY = f"{_START} 503 UF,URX 12 57 35 - {_BY}"

ENVOY = Format(
    name="envoy",
    title="Envoy's default text",
    time_is="start",
    parse=field_lines(
        (_TIME, REQUEST, " ", status("status_or_none"), " ", _FLAGS, " ", number("request_bytes"), " ",
         number("bytes")),
        (*_TIMES, *_REQUESTED_BY),
        also=_CUT,
        other=_TCP,
    ),
    telling=("duration_ms",),
    samples=(
        Sample(
            _ENVOY,
            {
                "timestamp": _WHEN, "status": 503, "failure_reason": "upstream_connect_failed", "request_bytes": 12,
                "response_bytes": 57, "duration_ms": 35.0, "upstream_ms": None, "host": "api.example",
                "raw_forwarded": "203.0.113.9,10.0.0.7", "request_id": "00bcf1d7-12c4",
            },
        ),
        Sample(_ENVOY.replace("503 UF,URX", "200 -"), {"status": 200, "failure_reason": None}),
        Sample(_ENVOY.replace("503 UF,URX", "0 DC"), {"status": None, "failure_reason": "client_closed"}),
        Sample(_ENVOY.replace("503", "999"), rejected=NO_STATUS),
    ),
)  # fmt: skip
