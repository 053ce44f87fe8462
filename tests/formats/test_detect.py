"""Detection: the right format for a log, how sure it is, and what it says when none fits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from apilens.errors import InputError
from apilens.formats import FORMATS, ParseOptions, choose, detect
from apilens.recognition import recognise
from tests.real_logs import LOGS, needs_real_logs

OPTIONS = ParseOptions(latest=datetime(2030, 1, 1, tzinfo=UTC))
FRONT = '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5'


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (FRONT, "common"),
        (FRONT + " 2500", "common"),
        ("api.example " + FRONT, "common_vhost"),
        (FRONT + ' "-" "curl/8"', "combined"),
        (FRONT + ' "-" "curl/8" "198.51.100.7"', "combined"),
        (FRONT + ' "-" "curl/8" 2500', "combined"),
        ("api.example:443 " + FRONT + ' "-" "curl/8"', "combined_vhost"),
        (FRONT + ' "-" "curl/8" 0.250', "nginx_timed"),
        (FRONT + ' "-" "curl/8" "-" rt=0.250', "nginx_timed"),
        (FRONT + ' 25 "-" "curl/8"', "common"),
        (FRONT + ' "-" "curl/8" 12ms', "nginx_timed"),
        (FRONT.replace("- -", '"-" "-"'), "fastly"),
    ],
)
def test_lines_and_the_format_they_are_in(line: str, name: str) -> None:
    found = choose(f"{line}\n{line}\n".encode(), FORMATS, OPTIONS)

    assert (found.format.name, found.hits, found.looks, found.rate) == (name, 2, 2, 1.0)


def test_a_few_bad_lines_do_not_change_the_format() -> None:
    timed = FRONT + ' "-" "curl/8" 0.250\n'
    lines = timed * 98 + FRONT + ' "-" "cut\n' + "nonsense\n"

    found = choose(lines.encode(), FORMATS, OPTIONS)

    assert (found.format.name, found.hits, found.looks) == ("nginx_timed", 99, 100)


def test_only_lines_that_look_like_requests_count() -> None:
    sample = f"# comment\n\n2024/01/02 10:00:00 [error] oops\n{FRONT}\n"

    assert choose(sample.encode(), FORMATS, OPTIONS).rate == 1.0


def test_the_best_comes_first_and_ties_are_in_table_order() -> None:
    names = [candidate.format.name for candidate in detect((FRONT + ' "-" "curl/8"\n').encode(), FORMATS, OPTIONS)]

    assert names[:2] == ["combined", "common"]
    assert sorted(names) == sorted(item.name for item in FORMATS)


def test_the_line_that_the_sample_cuts_is_left_out() -> None:
    line = FRONT + ' "-" "curl/8"\n'
    sample = (line * (1 + (1 << 16) // len(line)))[: 1 << 16].encode()

    found = choose(sample, FORMATS, OPTIONS)

    assert found.hits == found.looks == sample.count(b"\n")


def test_a_sample_without_requests_is_no_mistake() -> None:
    for sample in (b"", b"\n\n", b"# only a comment\n"):
        assert choose(sample, FORMATS, OPTIONS).looks == 0


def test_three_reasons_are_named_when_no_format_fits() -> None:
    bad_time = FRONT.replace("17/May", "31/Feb")
    bad_status = FRONT.replace("200", "20x")
    sample = f"nonsense\n{bad_time}\n{bad_status}\n{bad_time}\n{FRONT}\n".encode()

    with pytest.raises(InputError) as caught:
        choose(sample, FORMATS, OPTIONS)

    assert caught.value.message == (
        "no format reads this log; the nearest, common, reads 1 of 5 lines"
        " (line 1: no readable time; line 3: no readable status; line 2: no readable time)"
    )
    assert caught.value.hint


@pytest.mark.parametrize(
    ("sample", "hint"),
    [
        (b'[\n {"a": 1},\n {"a": 2}\n]\n', "looks like a JSON array"),
        (b'{\n "a": 1\n}\n', "looks like JSON over several lines"),
        (b'{"a": 1}\n{"a": 2}\n', "looks like JSON lines"),
        (b"#Version: 1.0\n#Fields: date time\n2024-01-01 00:00:00\n", "looks like a W3C log"),
        (b"nonsense\n", "--log-format"),
        (b"[2022-08-22T13:08:23.169Z] nonsense\n", "--log-format"),
    ],
)
def test_hints_say_what_the_log_looks_like(sample: bytes, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        choose(sample, FORMATS, OPTIONS)

    assert hint in (caught.value.hint or "")


@needs_real_logs
@pytest.mark.parametrize("folder", ["app_json", "nextcloud_json"])
def test_logs_without_requests_are_not_mistaken(folder: str) -> None:
    for path in sorted((LOGS / folder).iterdir()):
        with pytest.raises(InputError, match="no format reads this log"):
            recognise(path.read_bytes(), FORMATS, OPTIONS)


# Which format each real log is in; the others are one format a folder.
REAL = {
    "aws_alb": "aws_alb", "aws_apigateway_json": "aws_api_gateway", "aws_cloudfront": "cloudfront",
    "aws_s3_access": "aws_s3", "aws_waf_jsonl": "aws_waf", "azure_application_gateway": "azure_application_gateway",
    "azure_frontdoor": "azure_front_door", "cloudflare_logpush": "cloudflare", "gcp_load_balancer": "gcp_load_balancer",
    "gitlab_json": "gitlab", "haproxy_http": "syslog:haproxy", "har": "har", "istio_envoy": "istio",
    "kong_json": "kong", "ltsv": "ltsv", "moesif_jsonl": "moesif", "nginx_ingress": "nginx_ingress",
    "nginx_json": "json", "nginx_main": "combined", "tomcat": "tomcat", "traefik_json": "traefik_json",
    "uwsgi": "uwsgi", "zeek_http_tsv": "zeek",
}  # fmt: skip


@needs_real_logs
@pytest.mark.parametrize("folder", REAL)
def test_real_logs_are_taken_for_what_they_are(folder: str) -> None:
    for path in sorted((LOGS / folder).iterdir()):
        data = path.read_bytes()
        sample = data if folder == "har" else data[: 1 << 16]

        assert recognise(sample, FORMATS, OPTIONS).format.name == REAL[folder], path.name
