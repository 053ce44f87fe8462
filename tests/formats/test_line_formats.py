"""Logs of balancers, proxies and application servers: one test for each trap that real files hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apilens.config import IdentityRule
from apilens.formats import FORMATS, Format, Needs, Parsed, ParseOptions, choose
from tests.real_logs import LOGS, needs_real_logs

OPTIONS = ParseOptions(latest=datetime(2030, 1, 1, tzinfo=UTC))
BY_NAME = {item.name: item for item in FORMATS}
LINE_FORMATS = {
    "aws_alb": "end", "aws_elb": "start", "aws_s3": "start", "haproxy": "start", "istio": "start", "envoy": "start",
    "uwsgi": "start", "squid": "end", "nginx_proxy_manager": "end", "apache_ssl": "start", "nginx_ingress": "end",
    "traefik": "start", "tomcat": "start", "tomcat_timed": "start", "fastly": "start",
}  # fmt: skip


def sample(name: str, **replacements: str) -> str:
    """Return a format's first sample line, with texts in it replaced."""
    return replaced(BY_NAME[name].samples[0].line, *replacements.items())


def replaced(line: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in line
        line = line.replace(old, new)
    return line


def parse(name: str, *lines: str, options: ParseOptions = OPTIONS) -> Parsed:
    return BY_NAME[name].parse("\n".join(lines).encode(), 1, options)


def event(name: str, line: str, options: ParseOptions = OPTIONS) -> dict[str, Any]:
    parsed = parse(name, line, options=options)
    assert parsed.rejects.rows() == []
    return parsed.events.to_dicts()[0]


def stated(found: dict[str, Any]) -> dict[str, Any]:
    """Return what an event states: a column that the whole block lacks is absent, not null."""
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.parametrize(("name", "time_is"), LINE_FORMATS.items())
def test_what_the_time_is(name: str, time_is: str) -> None:
    assert BY_NAME[name].time_is == time_is


@pytest.mark.parametrize(
    ("name", "written", "timestamp"),
    [
        ("haproxy", "25/Feb/2019:16:19:48.143", datetime(2019, 2, 25, 15, 19, 48, 143000, tzinfo=UTC)),
        ("uwsgi", "Sun Mar 13 22:49:12 2016", datetime(2016, 3, 13, 21, 49, 12, tzinfo=UTC)),
    ],
)
def test_times_without_a_zone_are_those_of_the_source(name: str, written: str, timestamp: datetime) -> None:
    line = sample(name)
    assert written in line

    assert event(name, line, replace(OPTIONS, source_tz="Europe/Berlin"))["timestamp"] == timestamp


def test_a_single_digit_day_of_uwsgi_is_padded_with_a_blank() -> None:
    found = event("uwsgi", replaced(sample("uwsgi"), ("Sun Mar 13", "Thu Mar  3")))

    assert found["timestamp"] == datetime(2016, 3, 3, 22, 49, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "changes", "duration_ms", "upstream_ms"),
    [
        ("aws_alb", [("0.086 0.048 0.037", "-1 0.048 0.037")], None, 48.0),
        ("aws_alb", [("0.086 0.048 0.037", "0.086 -1 -1")], None, None),
        ("aws_alb", [("0.086 0.048 0.037", "0.000 0.000 0.000")], 0.0, 0.0),
        ("haproxy", [("/1457/1487", "/-1/-1")], None, None),
        ("haproxy", [("/1457/1487", "/1457/+99627")], 99627.0, 1457.0),
        ("uwsgi", [("129 msecs", "68 micros")], 0.068, None),
        ("traefik", [("12ms", "0ms")], 0.0, None),
        ("nginx_ingress", [(" 0.036 ", " 0.1, 0.2 ")], 33.0, 300.0),
        ("nginx_ingress", [(" 0.036 ", " 0.1 : 0.2 "), (" 200 3", " 502 : 200 3")], 33.0, 300.0),
        ("tomcat", [(" 400 ", " 0.250 ")], 250.0, None),
        ("squid", [("    921 ", "      0 ")], 0.0, None),
    ],
)  # fmt: skip
def test_units_of_durations_and_what_is_none(
    name: str, changes: list[tuple[str, str]], duration_ms: float | None, upstream_ms: float | None
) -> None:
    found = event(name, replaced(sample(name), *changes))

    assert (found["duration_ms"], found.get("upstream_ms")) == (duration_ms, upstream_ms)


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("haproxy", "----", "CD--", "client_closed"),
        ("haproxy", "----", "cD--", "client_timeout"),
        ("haproxy", "----", "SC--", "upstream_connect_failed"),
        ("haproxy", "----", "sQ--", "queue_timeout"),
        ("haproxy", "----", "--NI", None),
        ("haproxy", "----", "LR--", None),
        ("istio", "200 -", "503 UH", "no_healthy_upstream"),
        ("istio", "200 -", "0 DC", "client_closed"),
        ("istio", "200 -", "504 UT,URX", "upstream_timeout"),
        ("istio", "200 -", "500 NEWFLAG", "NEWFLAG"),
        ("istio", "200 -", "200 RFCF", None),
        ("squid", "TCP_MISS/", "TCP_MISS_ABORTED/", "client_closed"),
        ("squid", "TCP_MISS/", "TCP_DENIED/", "proxy_blocked"),
        ("squid", "TCP_MISS/", "TCP_MEM_HIT/", None),
    ],
)
def test_who_ended_it(name: str, old: str, new: str, reason: str | None) -> None:
    assert event(name, replaced(sample(name), (old, new)))["failure_reason"] == reason


@pytest.mark.parametrize(
    ("name", "written", "gives"),
    [
        ("aws_alb", "- http://www.example.com:80- -", (None, None)),
        ("aws_elb", "- - - ", None),
        ("haproxy", "<BADREQ>", (None, None)),
        ("haproxy", "GET /cut", ("GET", "/cut")),
        ("aws_s3", "-", None),
        ("apache_ssl", "\\x16\\x03\\x01", (None, None)),
        ("traefik", "GET  HTTP/1.1", (None, None)),
        ("fastly", "GET /a b HTTP/1.1", ("GET", "/a b")),
        ("aws_alb", "GET https://h.example:443/a\\x22b HTTP/1.1", ("GET", '/a"b')),
    ],
)
def test_requests_that_are_none(name: str, written: str, gives: tuple[str, str] | None) -> None:
    at = sample(name).index('"GET /' if '"GET /' in sample(name) else '"GET http')
    end = sample(name).index('"', at + 1)
    line = sample(name)[: at + 1] + written + sample(name)[end:]
    if gives is None:
        # A connection, or something that the service did by itself.
        line = replaced(line, (" 200 200 ", " - - ")) if name == "aws_elb" else replaced(line, ('" 200 -', '" - -'))
        assert (parse(name, sample(name), line).events.height, parse(name, line).other) == (1, 1)
        return

    found = event(name, line)

    assert (found["method"], found["raw_target"]) == gives


def test_lines_of_haproxy_that_are_no_requests() -> None:
    others = [
        "Feb 25 16:19:38 192.0.2.1 haproxy[1]: Proxy prod_http_in started.",
        "Proxy prod_http_in started.",
        "Server bk/srv1 is DOWN, reason: Layer4 timeout.",
        "Feb 25 16:20:15 192.0.2.1 haproxy[7]: 192.0.2.33:56224 [25/Feb/2019:16:20:10.111] in/2: SSL handshake failure",
        "192.0.2.33:56224 [25/Feb/2019:16:20:10.111] in/2: SSL handshake failure",
        "192.0.2.33:33317 [25/Feb/2019:16:20:10.111] fnt bck/srv1 0/0/5007 212 -- 0/0/0/0/3 0/0",
        "Connect from 192.0.2.33:33317 to 192.0.2.1:80 (fnt/TCP)",
    ]

    parsed = parse("haproxy", *others, sample("haproxy"), "nonsense")

    assert (parsed.other, parsed.events.height) == (len(others), 1)
    assert parsed.rejects.rows() == [(len(others) + 2, "does not fit the format", "nonsense")]


def test_captured_headers_of_haproxy() -> None:
    needs = Needs(fields=frozenset({"request_header_2", "response_header_1", "request_header_9"}))
    line = sample("haproxy")

    with_both, with_none = (
        event("haproxy", text, replace(OPTIONS, needs=needs)) for text in (line, replaced(line, ("{gzip} ", "")))
    )

    assert with_both["raw_field.request_header_2"] == "acme"
    assert with_both["raw_field.response_header_1"] == "gzip"
    assert with_both["raw_field.request_header_9"] is None
    assert (with_none["raw_field.request_header_2"], with_none["raw_field.response_header_1"]) == ("acme", None)
    assert event("haproxy", replaced(line, ("{curl/8.4|acme} {gzip} ", "")))["raw_agent"] is None
    assert event("haproxy", replaced(line, ("curl/8.4|acme", "acme|text/html")))["raw_agent"] is None


@pytest.mark.parametrize(
    ("name", "old", "new", "peer"),
    [
        ("aws_alb", "192.0.2.131:2817", "2001:db8::1:50599", "2001:db8::1"),
        ("aws_elb", "192.0.2.131:2817", "192.0.2.131:80", "192.0.2.131"),
        ("haproxy", "203.0.113.9:53332", "[::1]:53332", "[::1]"),
        ("haproxy", "203.0.113.9:53332", "::ffff:192.0.2.1:53332", "::ffff:192.0.2.1"),
        ("nginx_ingress", "203.0.113.9", "2001:db8::", "2001:db8::"),
    ],
)
def test_addresses_with_ports(name: str, old: str, new: str, peer: str) -> None:
    assert event(name, replaced(sample(name), (old, new)))["raw_peer"] == peer


def test_body_and_total_bytes() -> None:
    alb = event("aws_alb", sample("aws_alb"))

    assert (alb["request_bytes"], alb["response_bytes"]) == (12, 57)
    assert event("aws_s3", replaced(sample("aws_s3"), (" 113 ", " - ")))["response_bytes"] is None
    assert "request_bytes" not in event("uwsgi", sample("uwsgi"))


def test_the_account_of_s3_is_the_requester() -> None:
    format = BY_NAME["aws_s3"]
    options = replace(OPTIONS, needs=Needs(fields=frozenset({"requester", "operation", "key"})))

    found = event("aws_s3", sample("aws_s3"), options)

    assert format.account == (IdentityRule(field="requester"),)
    assert found["raw_field.requester"] == sample("aws_s3").split()[0]
    assert (found["raw_field.operation"], found["raw_field.key"]) == ("REST.GET.VERSIONING", None)


@pytest.mark.parametrize("name", [name for name in LINE_FORMATS if name != "apache_ssl"])
def test_a_line_cut_off_anywhere_behind_its_status_is_kept(name: str) -> None:
    line = sample(name)
    whole = event(name, line)
    status = whole["status"]
    ends = [at + 4 for at in range(len(line)) if line[at + 1 : at + 4] == str(status) and line[at] in " /"]
    # uWSGI closes a bracket, nginx-proxy-manager has the status of the upstream in front and a dash behind.
    first = ends[0] + {"uwsgi": 1, "nginx_proxy_manager": 6}.get(name, 0)
    cut = [line[:end] for end in range(first, len(line) + 1)]

    parsed = parse(name, *cut)

    assert parsed.events.height == len(cut), parsed.rejects["text"].to_list()[:1]
    assert parsed.events["status"].unique().to_list() == [status]
    assert parsed.events["timestamp"].unique().to_list() == [whole["timestamp"]]


@pytest.mark.parametrize("name", LINE_FORMATS)
def test_fields_of_a_later_version_are_passed_over_by_both_patterns(name: str) -> None:
    line = sample(name)
    # Letters other than ASCII are for the tolerant pattern.
    whole, fast, tolerant = (event(name, text) for text in (line, line + ' 1 "a b" c', line + ' 1 "é"'))

    assert stated(fast) == stated(tolerant) == stated(whole)


@pytest.mark.parametrize("name", LINE_FORMATS)
def test_a_few_other_lines_do_not_change_the_format(name: str) -> None:
    lines = [sample(name)] * 60 + ["nonsense", "", "# a comment"]

    found = choose("\n".join(lines).encode(), FORMATS, OPTIONS)

    assert (found.format.name, found.hits) == (name, 60)


def reads(format: Format, path: Path) -> tuple[int, int, int]:
    parsed = format.parse(path.read_bytes(), 1, OPTIONS)
    return parsed.events.height, parsed.rejects.height, parsed.other


@needs_real_logs
@pytest.mark.parametrize(
    ("path", "name", "stored", "other"),
    [
        ("aws_alb/opensearch_elb_raw.log", "aws_alb", 63, 0),
        ("aws_s3_access/nekrassov_s3_all_match.log", "aws_s3", 5, 0),
        ("aws_s3_access/nekrassov_s3_contains_unmatch.log", "aws_s3", 5, 0),
        ("aws_s3_access/opensearch_s3_raw.log", "aws_s3", 18, 0),
        ("aws_s3_access/panther_s3_samples.log", "aws_s3", 1, 0),
        ("haproxy_http/lnav_haproxy.0.log", "haproxy", 13, 4),
        ("istio_envoy/elastic_istio_text.log", "istio", 4, 0),
        ("nginx_ingress/elastic_ingress_ipv6.log", "nginx_ingress", 1, 0),
        ("tomcat/elastic_tomcat_access.log", "tomcat", 7, 0),
        ("uwsgi/lnav_uwsgi.0.log", "uwsgi", 19, 0),
    ],
)
def test_real_logs_are_detected_and_read_whole(path: str, name: str, stored: int, other: int) -> None:
    found = choose((LOGS / path).read_bytes(), FORMATS, OPTIONS)

    assert (found.format.name, found.rate) == (name, 1.0)
    assert reads(found.format, LOGS / path) == (stored, 0, other)
