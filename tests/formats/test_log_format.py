"""Format strings of nginx, Apache and GoAccess: what they compile to, and what is wrong with those that do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from apilens.errors import UsageError
from apilens.formats import FORMATS, Needs, ParseOptions, compile_log_format

OPTIONS = ParseOptions(latest=datetime(2030, 1, 1, tzinfo=UTC))
WHEN = datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC)
STAMP = "[17/May/2015:10:05:03 +0000]"
MAIN = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
    ' "$http_x_forwarded_for" $request_time $upstream_response_time $upstream_status'
)


def events(text: str, *lines: str, options: ParseOptions = OPTIONS) -> list[dict[str, Any]]:
    parsed = compile_log_format(text).parse("\n".join(lines).encode(), 1, options)
    assert parsed.rejects.rows() == []
    return parsed.events.to_dicts()


def test_nginx_main_with_upstream_times() -> None:
    line = (
        f'192.0.2.1 - ann {STAMP} "GET /a?b=1 HTTP/2.0" 200 512 "-" "curl/8" "198.51.100.7, 10.0.0.1"'
        " 0.250 0.1, 0.1 502, 200"
    )

    assert events(MAIN, line) == [
        {
            "line": 1, "item": 0, "timestamp": WHEN, "status": 200, "method": "GET", "protocol": "2",
            "duration_ms": 250.0, "upstream_ms": 200.0, "upstream_status": 200, "response_bytes": 512,
            "raw_target": "/a?b=1", "raw_referrer": None, "raw_agent": "curl/8", "raw_peer": "192.0.2.1",
            "raw_forwarded": "198.51.100.7, 10.0.0.1", "raw_remote_user": "ann",
        }
    ]  # fmt: skip


def test_lines_that_do_not_quite_fit_are_read_too() -> None:
    found = events(
        MAIN,
        rf'192.0.2.1 - John Begood {STAMP} "GET /a b HTTP/1.1" 200 5 "-" "a\x22b" "-" 0.1 - -',
        f'192.0.2.1 - - {STAMP} "-" 400 0 "-" "raw"quote" "-" 0.1 - -',
        f'192.0.2.1 - - {STAMP} "GET /cut HTTP/1.1" 200 5 "-" "cut of',
        f'192.0.2.1 - - {STAMP} "GET /cut HTTP/1.1" 200',
    )

    assert [event["raw_target"] for event in found] == ["/a b", None, "/cut", "/cut"]
    assert [event["raw_agent"] for event in found] == ['a"b', 'raw"quote', "cut of", None]
    assert [event["duration_ms"] for event in found] == [100.0, 100.0, None, None]


def test_lines_that_do_not_fit_are_rejected_by_name() -> None:
    good = f'192.0.2.1 - - {STAMP} "GET / HTTP/1.1" {{}} 5 "-" "-" "-" 0.1 - -'

    parsed = compile_log_format(MAIN).parse(f"# note\n\nnonsense\n{good.format(99)}\n".encode(), 1, OPTIONS)

    assert (parsed.comments, parsed.blank) == (1, 1)
    assert parsed.rejects["reason"].to_list() == ["does not fit the log format", "no readable status"]


def test_request_in_parts() -> None:
    text = "$time_iso8601|$request_method|$host$uri$is_args$args|$server_protocol|$status|$request_length"

    first, second = events(
        text,
        "2015-05-17T12:05:03+02:00|GET|api.example/a/b?c=1|HTTP/1.1|200|77",
        "2015-05-17T12:05:03+02:00|GET|api.example/a/b|HTTP/3.0|200|77",
    )

    assert (first["timestamp"], first["host"], first["raw_target"]) == (WHEN, "api.example", "/a/b?c=1")
    assert (second["raw_target"], second["protocol"], second["request_bytes"]) == ("/a/b", "3", 77)


def test_apache_directives_with_modifiers_and_units() -> None:
    text = "%{msec}t %a %m %U%q %H %!200,304>s %B %I %{ms}T %V"

    event = events(text, "1431857103000 192.0.2.1 GET /a?q=1 HTTP/1.1 200 5 77 12 api.example:8080")[0]

    assert (event["timestamp"], event["raw_target"], event["duration_ms"]) == (WHEN, "/a?q=1", 12.0)
    assert (event["response_bytes"], event["request_bytes"], event["host"]) == (5, 77, "api.example")


@pytest.mark.parametrize(
    ("directive", "logged", "duration_ms"),
    [("%D", "2500", 2.5), ("%T", "2", 2000.0), ("%{us}T", "2500", 2.5), ("%{ms}T", "25", 25.0), ("%{s}T", "3", 3000.0)],
)
def test_apache_durations(directive: str, logged: str, duration_ms: float) -> None:
    assert events(f"%t %s {directive}", f"{STAMP} 200 {logged}")[0]["duration_ms"] == duration_ms


@pytest.mark.parametrize(
    "text",
    [
        "combined",
        r'LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-agent}i\"" combined',
        r"%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-agent}i\"",
        "log_format x '$remote_addr - $remote_user [$time_local] '\n  '\"$request\" $status $body_bytes_sent '"
        '\'"$http_referer" "$http_user_agent"\';',
    ],
)
def test_spellings_of_combined_read_as_the_built_in_one(text: str) -> None:
    lines = (
        f'192.0.2.1 - ann {STAMP} "GET /a HTTP/1.1" 200 5 "-" "x"\n192.0.2.1 - - {STAMP} "-" 408 - "-" "-"\n'.encode()
    )
    built_in = next(item for item in FORMATS if item.name == "combined").parse(lines, 1, OPTIONS)

    compiled = compile_log_format(text).parse(lines, 1, OPTIONS)

    assert_frame_equal(compiled.events, built_in.events, check_column_order=False)


def test_headers_and_variables_arrive_where_settings_ask_for_them() -> None:
    needs = Needs(
        headers=frozenset({"x-account-id", "user-agent"}),
        response_headers=frozenset({"x-cache"}),
        fields=frozenset({"http_x_account_id", "connection", "absent"}),
    )
    nginx = '[$time_local] $status "$http_x_account_id" "$http_user_agent" $sent_http_x_cache $connection'
    apache = '%t %s "%{X-Account-Id}i" "%{User-Agent}i" %{X-Cache}o %{connection}e'
    line = f'{STAMP} 200 "acme" "curl/8" HIT 17'

    for text in (nginx, apache):
        event = events(text, line, f'{STAMP} 200 "-" "curl/8" HIT 17', options=replace(OPTIONS, needs=needs))

        assert [item["raw_header.x-account-id"] for item in event] == ["acme", None]
        assert event[0]["raw_header.user-agent"] == event[0]["raw_agent"] == "curl/8"
        assert event[0]["raw_response_header.x-cache"] == "HIT"
        assert event[0]["raw_field.connection"] == "17"
        assert "raw_field.absent" not in event[0]
    assert not [name for name in events(nginx, line)[0] if name.startswith(("raw_header", "raw_field"))]


def test_nginx_states_the_end_and_apache_the_start() -> None:
    assert compile_log_format("[$time_local] $status").time_is == "end"
    assert compile_log_format("%t %s").time_is == "start"
    assert compile_log_format("%{end:sec}t %s").time_is == "end"
    assert compile_log_format("%t %s", time_is="end", name="mine").name == "mine"


COMBINED_OF_GOACCESS = '%h %^[%d:%t %^] "%r" %s %b "%R" "%u"'


def test_goaccess_combined_reads_as_the_built_in_one() -> None:
    lines = (
        f'192.0.2.1 - - {STAMP} "GET /a HTTP/1.1" 200 5 "-" "x"\n'
        '192.0.2.1 - - [17/May/2015:12:05:03 +0200] "-" 408 - "-" "a\\x22b"\n'
    ).encode()
    built_in = next(item for item in FORMATS if item.name == "combined").parse(lines, 1, OPTIONS)

    compiled = compile_log_format(COMBINED_OF_GOACCESS).parse(lines, 1, OPTIONS)

    assert_frame_equal(compiled.events, built_in.events.drop("raw_remote_user"), check_column_order=False)


@pytest.mark.parametrize(
    ("text", "line", "gives"),
    [
        (
            r"%d\t%t\t%^\t%b\t%h\t%m\t%v\t%U\t%s\t%R\t%u\t%q\t%H",
            "2015-05-17\t10:05:03\tFRA\t5\t192.0.2.1\tGET\th.example:80\t/a\t200\t-\tcurl/8\tb=1\tHTTP/2.0",
            {"host": "h.example", "raw_target": "/a?b=1", "raw_agent": "curl/8", "protocol": "2", "response_bytes": 5},
        ),
        (
            "%x %~%L %h %^/%s %b %m %U",
            "1431857103.000    921 192.0.2.1 TCP_MISS/200 507 GET http://h.example/a",
            {"duration_ms": 921.0, "host": "h.example", "raw_target": "/a", "raw_peer": "192.0.2.1"},
        ),
        (
            '~h{," } %e %^[%x] "%r" %s %C %M %K',
            f'"198.51.100.7, 10.0.0.1" ann - {STAMP} "GET / HTTP/2.0" 200 HIT text/html TLSv1.3',
            {"raw_forwarded": "198.51.100.7, 10.0.0.1", "raw_remote_user": "ann", "raw_target": "/"},
        ),
        ("%t %d %s %D", "10:05:03 2015-05-17 200 2500", {"duration_ms": 2.5}),
        ("[%dT%t] %s %n", "[2015-05-17T10:05:03] 200 2500000", {"duration_ms": 2.5}),
        ("%d:%t %^ %s %T", "17/May/2015:12:05:03 +0200 200 0.25", {"duration_ms": 250.0}),
        ("%d:%t %^ %s", "17/May/2015:10:05:03 node7 200", {"status": 200}),
    ],
)
def test_goaccess_specifiers(text: str, line: str, gives: dict[str, Any]) -> None:
    event = events(text, line)[0]

    assert (event["timestamp"], event["status"]) == (WHEN, 200)
    assert {name: event[name] for name in gives} == gives


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("$time_local $status %d", "nginx log_format"),
        ("%t %s %u", "Apache LogFormat"),
        ("%t %s %{SSL_CIPHER}x %{HOST}e", "Apache LogFormat"),
        ("%t %s %%d %%x", "Apache LogFormat"),
        ("%d %t %s %u", "GoAccess log-format"),
        ("%x %s", "GoAccess log-format"),
        ("%%%x %s", "GoAccess log-format"),
    ],
)
def test_whose_string_it_is(text: str, title: str) -> None:
    assert compile_log_format(text).title == title


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("%d %t %Z %s", "unknown specifier '%Z' at position 7 of the log format"),
        ("%d %t %s 100%", "unknown specifier '%' at position 13 of the log format"),
        ("%d %s", "the log format does not log the time"),
        ("%d %t", "the log format does not log the status"),
        ("%h %t %Z %s", "unknown directive '%Z' at position 7 of the log format"),
        ("%t %s 100%", "unknown directive '%' at position 10 of the log format"),
        ("%h %>s", "the log format does not log the time"),
        ("[$time_local] $request", "the log format does not log the status"),
        ("hello", "the log format does not log the time"),
        ("", "the log format does not log the time"),
        ("%{%H:%M}t %s", "cannot read times written as '%{%H:%M}t' at position 1"),
        ("%t %s %{ns}T", "unknown unit of time in '%{ns}T' at position 7"),
        ('{"time": "$time_iso8601", "status": "$status"}', "the log format writes JSON"),
    ],
)
def test_what_is_wrong_is_named(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        compile_log_format(text)

    assert caught.value.message == message
    assert caught.value.hint


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from(["$time_local", "$status", "$request", "$uri", "$args", "$bytes_sent", "$foo", "$http_host"])
        | st.sampled_from(["%d", "%t", "%x", "%~", "%^", "%U", "%q", "%r", "%T", '~h{," }'])
        | st.text(alphabet=' "[]()|\\.*+?{}^-&~é\t', max_size=3),
        max_size=12,
    ).map("".join),
    st.binary(max_size=120),
    st.sampled_from(["[$time_local] $status", "%d:%t %s ", "%x %s "]),
)
def test_any_string_compiles_or_is_a_usage_error(text: str, data: bytes, front: str) -> None:
    try:
        format = compile_log_format(front + text)
    except UsageError:
        return

    parsed = format.parse(data, 1, OPTIONS)

    lines = data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
    assert lines == parsed.events.height + parsed.rejects.height + parsed.blank + parsed.comments + parsed.other
