"""Access logs of AWS load balancers: application (29 to 33 fields) and classic (12 or 15).

The service is the target group of an application balancer, and the name of a classic one. Sizes of an application
balancer count headers, those of a classic one do not. The time is the end of a request for the former, its beginning
for the latter.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from apilens.formats.base import Format, Sample
from apilens.formats.fields import (
    REQUEST,
    Field,
    address,
    exactly,
    field_lines,
    field_tiers,
    number,
    quoted,
    status,
    token,
)
from apilens.formats.pattern import Capture, Tier
from apilens.formats.values import BAD_SIZE, NO_STATUS, NO_TIME

_TYPE = Field(("[a-z0-9]+ ",), ("(?:https?|h2|grpcs?|wss?) ",))
_TIME = Field((Capture("time", "[0-9T:.-]+Z"),), (Capture("time", "[0-9][^ ]*"),))
_SECONDS = "[0-9.]+|-1"
_DURATIONS = exactly(
    Capture("seconds_before", _SECONDS), " ", Capture("target_seconds", _SECONDS), " ",
    Capture("seconds_behind", _SECONDS),
)  # fmt: skip
# The target group by its name; `-` where no target was asked.
_GROUP = Field(
    ("(?:arn:[!-.0-~]*/", Capture("service", "[!-.0-~]+"), "/[!-~]*|-)"),
    ("(?:arn:[^ /]*/", Capture("service", "[^ /]+"), "[^ ]*|[^ ]+)"),
)
_TRACE = exactly('"(?:Root=', Capture("trace_id", "[!#-:<-~]*"), '(?:;[!#-~]*)?|[!#-QS-~][ !#-~]*)?"')
_FRONT = (
    _TYPE, _TIME, " ", token(), " ", address(), " ", token(), " ", _DURATIONS, " ", status("status_or_none"),
)  # fmt: skip
_BEHIND = (
    token("target_status"), number("request_bytes"), number("total_bytes"), REQUEST, quoted("agent"), token(), token(),
    _GROUP, _TRACE,
)  # fmt: skip
# What stands behind is as long again, and little of it is wanted for few lines.
_REST = (
    quoted("raw_field.domain_name"), quoted("raw_field.chosen_cert_arn"), token(), token(),
    quoted("raw_field.actions_executed"), quoted(), quoted("failure_reason"),
)  # fmt: skip
_REST_NAMES = frozenset(
    {"raw_field.domain_name", "raw_field.chosen_cert_arn", "raw_field.actions_executed", "failure_reason"}
)
_FAST_REST, _ANY_REST = field_tiers(_FRONT, (*_BEHIND, *_REST))


def _with_rest(tier: Tier) -> Tier:
    """Return the tier with the fields of _REST that are wanted; requests that went well have no reason of failure."""

    def read(lines: pl.DataFrame, wanted: frozenset[str]) -> pl.DataFrame:
        texts = tier(lines, wanted)
        names = wanted & _REST_NAMES
        if not names:
            return texts
        went_well = texts["status_or_none"].str.contains("^[123]").fill_null(True)
        rows = (~went_well if names == {"failure_reason"} else went_well | True).arg_true()
        rest = _FAST_REST(lines[rows], names | {"time"})
        unread = rest["time"].is_null()
        if unread.any():
            more = _ANY_REST(lines[rows].filter(unread), names | {"time"})
            rest = pl.concat([rest.filter(~unread), more]).sort("line")
        nothing = pl.repeat(None, lines.height, dtype=pl.String, eager=True)
        return texts.with_columns(nothing.clone().scatter(rows, rest[name]).alias(name) for name in sorted(names))

    return read


_WHEN = datetime(2018, 7, 2, 22, 23, 0, 186641, tzinfo=UTC)
_ALB = (
    "https 2018-07-02T22:23:00.186641Z app/my-lb/50dc6c495c0c9188 192.0.2.131:2817 10.0.0.1:80 0.086 0.048 0.037"
    ' 200 200 12 57 "GET https://www.example.com:443/a?b=1 HTTP/1.1" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2'
    " arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067"
    ' "Root=1-58337281-1d84f3d73c47ec4e58577259" "www.example.com" "arn:aws:acm:us-east-2:123456789012:certificate/1"'
    ' 1 2018-07-02T22:22:48.364000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-"'
)
_NO_TARGET = (
    "http 2018-11-30T22:23:00.186641Z app/my-lb/50dc6c495c0c9188 2001:db8::1:f00:50599 - -1 -1 -1 460 - 0 0"
    ' "- http://www.example.com:80- -" "-" - - - "-" "-" "-" - 2018-11-30T22:22:48.364000Z "-" "-" "LambdaTimeout"'
)

AWS_ALB = Format(
    name="aws_alb",
    title="AWS application load balancer",
    time_is="end",
    # It writes a file every five minutes, and a little later.
    settle=timedelta(minutes=10),
    parse=field_lines(_FRONT, _BEHIND, finish=_with_rest, open_end=True),
    samples=(
        Sample(
            _ALB,
            {
                "timestamp": _WHEN, "status": 200, "upstream_status": 200, "method": "GET", "raw_target": "/a?b=1",
                "host": "www.example.com", "protocol": "1.1", "duration_ms": 171.0, "upstream_ms": 48.0,
                "request_bytes": 12, "response_bytes": 57, "raw_agent": "curl/7.46.0", "raw_peer": "192.0.2.131",
                "trace_id": "1-58337281-1d84f3d73c47ec4e58577259", "service": "my-targets", "failure_reason": None,
            },
        ),
        Sample(_ALB + ' TID_1234 "a" "b" "c" "of a later version"', {"service": "my-targets", "duration_ms": 171.0}),
        Sample(_ALB.replace("0.086 0.048", "0.086 -1"), {"duration_ms": None, "upstream_ms": None, "status": 200}),
        Sample(
            _NO_TARGET,
            {
                "status": 460, "raw_peer": "2001:db8::1:f00", "upstream_status": None, "method": None, "service": None,
                "raw_target": None, "duration_ms": None, "failure_reason": "LambdaTimeout", "trace_id": None,
            },
        ),
        Sample(_NO_TARGET.replace(" 460 ", " - "), {"status": None, "raw_peer": "2001:db8::1:f00"}),
        Sample(_ALB.replace("curl/7.46.0", r"a \"b\" c"), {"raw_agent": 'a "b" c', "service": "my-targets"}),
        Sample(_ALB.replace("/a?b=1 HTTP", "/a b HTTP"), {"raw_target": "/a b", "host": "www.example.com"}),
        Sample(_ALB[:230], {"status": 200, "response_bytes": 57, "raw_target": "/a?b=1"}),
        Sample(_ALB.replace("2018-07-02", "2018-07-32"), rejected=NO_TIME),
        Sample(_ALB.replace(" 200 200 ", " 999 200 "), rejected=NO_STATUS),
        Sample(_ALB.replace(" 12 57 ", " 12 -57 "), rejected=BAD_SIZE),
    ),
)  # fmt: skip

_ELB = (
    "2015-05-13T23:39:43.945958Z my-loadbalancer 192.0.2.131:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29"
    ' "GET http://www.example.com:80/a HTTP/1.1"'
)

AWS_ELB = Format(
    name="aws_elb",
    title="AWS classic load balancer",
    # When the request came in, unlike the application load balancer.
    time_is="start",
    # It writes a file every hour, unless told to do so more often.
    settle=timedelta(minutes=60),
    parse=field_lines(
        (_TIME, " ", token("service"), " ", address(), " ", token(), " ", _DURATIONS, " ", status("status_or_none")),
        (
            token("target_status"), number("request_bytes"), number("bytes"), REQUEST, quoted("agent"), token(),
            token(),
        ),
        other='^[0-9][^ ]*Z [^ ]+ [^ ]+ [^ ]+ [-0-9.]+ [-0-9.]+ [-0-9.]+ - - [0-9]+ [0-9]+ "- - - "',
    ),
    samples=(
        Sample(
            _ELB + ' "curl/7.38.0" DHE-RSA-AES128-SHA TLSv1.2',
            {
                "timestamp": datetime(2015, 5, 13, 23, 39, 43, 945958, tzinfo=UTC), "status": 200, "method": "GET",
                "upstream_status": 200, "raw_target": "/a", "host": "www.example.com", "duration_ms": 1.178,
                "upstream_ms": 1.048, "request_bytes": 0, "response_bytes": 29, "raw_agent": "curl/7.38.0",
                "raw_peer": "192.0.2.131", "service": "my-loadbalancer",
            },
        ),
        Sample(_ELB, {"status": 200, "raw_agent": None}),
        Sample(_ELB.replace("10.0.0.1:80 0.000073 0.001048 0.000057 200 200", "- -1 -1 -1 504 0"), {
            "status": 504, "duration_ms": None, "upstream_ms": None, "upstream_status": None,
        }),
        Sample(_ELB + ' "cut off', {"raw_agent": "cut off"}),
        Sample(_ELB.replace(" 200 200 ", " 20x 200 "), rejected=NO_STATUS),
    ),
)  # fmt: skip
