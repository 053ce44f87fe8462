"""Access logs: what each odd line gives, checked by hand, and real logs against an independent count."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from apilens.formats import FORMATS, Parsed, ParseOptions, choose
from apilens.formats.clf import tolerant
from apilens.formats.lines import parse_lines
from apilens.formats.values import (
    any_time,
    byte_count,
    clf_time,
    duration_ms,
    durations_ms,
    epoch_time,
    iso_time,
    last_status,
    status_code,
)
from tests.real_logs import LOGS, needs_real_logs

OPTIONS = ParseOptions(latest=datetime(2030, 1, 1, tzinfo=UTC))
BY_NAME = {item.name: item for item in FORMATS}
STAMP = "[17/May/2015:10:05:03 +0000]"


def parse(*lines: str | bytes, format: str = "combined") -> Parsed:
    data = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines) + b"\n"
    return BY_NAME[format].parse(data, 1, OPTIONS)


def one(line: str | bytes, format: str = "combined") -> dict[str, Any]:
    parsed = parse(line, format=format)
    assert parsed.rejects.rows() == []
    return parsed.events.to_dicts()[0]


def request(text: str) -> tuple[Any, Any, Any, Any]:
    event = one(f'192.0.2.1 - - {STAMP} "{text}" 200 5 "-" "x"')
    return event["method"], event["raw_target"], event.get("protocol"), event.get("host")


def moment(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET /a?b=1 HTTP/1.1", ("GET", "/a?b=1", "1.1", None)),
        ("GET /search? HTTP/2.0", ("GET", "/search?", "2", None)),
        ("GET /a b HTTP/1.1", ("GET", "/a b", "1.1", None)),
        ("GET /", ("GET", "/", None, None)),
        ("GET / ", ("GET", "/", None, None)),
        ("GET /ü HTTP/1.1", ("GET", "/ü", "1.1", None)),
        (r"GET /a\"b\x22c HTTP/1.1", ("GET", '/a"b"c', "1.1", None)),
        (r"GET /\xd0\xbf HTTP/1.1", ("GET", r"/\xd0\xbf", "1.1", None)),
        ('GET /a"b HTTP/1.1', ("GET", '/a"b', "1.1", None)),
        ("GET /%u002e HTTP/1.1", ("GET", "/%u002e", "1.1", None)),
        ("OPTIONS * HTTP/1.1", ("OPTIONS", "*", "1.1", None)),
        ("VERSION-CONTROL /x HTTP/1.1", ("VERSION-CONTROL", "/x", "1.1", None)),
        ("GET https://u:p@api.example:8443/p?q=1 HTTP/1.1", ("GET", "/p?q=1", "1.1", "api.example")),
        ("GET http://api.example?q=1 HTTP/1.1", ("GET", "/?q=1", "1.1", "api.example")),
        ("CONNECT api.example:443 HTTP/1.1", ("CONNECT", "api.example:443", "1.1", "api.example")),
        ("GET :@bxss.me::80/x HTTP/1.1", (None, None, "1.1", None)),
        ("-", (None, None, None, None)),
        ("", (None, None, None, None)),
        ("HELP", (None, None, None, None)),
        ("get / HTTP/1.1", (None, None, None, None)),
        (r"\x16\x03\x01\x02", (None, None, None, None)),
        ("Gh0st\xad\0\0\0\xe0", (None, None, None, None)),
    ],
)
def test_requests_and_what_is_none(text: str, expected: tuple[Any, ...]) -> None:
    assert request(text) == expected


@pytest.mark.parametrize(
    ("front", "peer", "user", "host", "forwarded"),
    [
        ("192.0.2.1 - -", "192.0.2.1", None, None, None),
        ("192.0.2.1 - ann", "192.0.2.1", "ann", None, None),
        ("192.0.2.1 - John Begood", "192.0.2.1", "John Begood", None, None),
        ('192.0.2.1 - ""', "192.0.2.1", None, None, None),
        ("192.0.2.1", "192.0.2.1", None, None, None),
        ("client.example - -", "client.example", None, None, None),
        ("[::1]:56348 - -", "[::1]:56348", None, None, None),
        ("2601:db8::7:50599 - -", "2601:db8::7:50599", None, None, None),
        ("api.example 192.0.2.1 - -", "192.0.2.1", None, "api.example", None),
        ("api.example:443 2601:db8::7 id ann", "2601:db8::7", "ann", "api.example", None),
        ("api.example 192.0.2.1", "192.0.2.1", None, "api.example", None),
        ("10.0.0.2, 10.0.0.1 - ann", "10.0.0.1", "ann", None, "10.0.0.2, 10.0.0.1"),
    ],
)
@pytest.mark.parametrize("format", ["combined", "combined_vhost", "common"])
def test_what_stands_in_front_of_the_time(
    format: str, front: str, peer: str, user: str | None, host: str | None, forwarded: str | None
) -> None:
    event = one(f'{front} {STAMP} "GET / HTTP/1.1" 200 5 "-" "x"', format)

    found = (event["raw_peer"], event["raw_remote_user"], event.get("host"), event.get("raw_forwarded"))
    assert found == (peer, user, host, forwarded)


@pytest.mark.parametrize(
    ("tail", "duration_ms", "forwarded", "upstream_ms"),
    [
        (' "-"', None, None, None),
        (' "198.51.100.7, 10.0.0.1"', None, "198.51.100.7, 10.0.0.1", None),
        (" 198.51.100.7", None, "198.51.100.7", None),
        (" 2001:db8::1, 10.0.0.1 0.5", 500.0, "2001:db8::1, 10.0.0.1", None),
        (" 0.069", 69.0, None, None),
        (" 116075", 116.075, None, None),
        (' "-" 0.250', 250.0, None, None),
        (" 512 4096", None, None, None),
        (" 512 0.010", 10.0, None, None),
        (' rt=0.123 urt="0.1, 0.2 : 0.3"', 123.0, None, 600.0),
        (" request_time=2 upstream_response_time=-", 2000.0, None, None),
        (' 1 "router" "http://10.0.0.1:80" 12ms', 12.0, None, None),
        (' "a cookie" something="else"', None, None, None),
        (" 0.033 [svc-http] [] [2a02:cf40::]:9200 470 0.036 200 3db7", 33.0, None, None),
    ],
)
def test_what_stands_behind_the_user_agent(
    tail: str, duration_ms: float | None, forwarded: str | None, upstream_ms: float | None
) -> None:
    event = one(f'192.0.2.1 - - {STAMP} "GET / HTTP/1.1" 200 5 "-" "x"{tail}')

    assert (event.get("duration_ms"), event.get("raw_forwarded"), event.get("upstream_ms")) == (
        duration_ms, forwarded, upstream_ms,
    )  # fmt: skip


def test_a_whole_number_is_no_time_where_times_are_seconds() -> None:
    line = f'192.0.2.1 - - {STAMP} "GET / HTTP/1.1" 200 5 "-" "x" 116075'

    assert one(line, "nginx_timed").get("duration_ms") is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('192.0.2.1 - - [31/Feb/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "x"', "no readable time"),
        ('192.0.2.1 - - [17/Mai/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "x"', "no readable time"),
        ('192.0.2.1 - - [17/May/2015:10:05:03 +2500] "GET / HTTP/1.1" 200 5 "-" "x"', "no readable time"),
        ('192.0.2.1 - - [17/May/1969:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "x"', "time out of range"),
        ('192.0.2.1 - - [17/May/9999:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "x"', "time out of range"),
        (f'192.0.2.1 - - {STAMP} "GET / HTTP/1.1" 000 5 "-" "x"', "no readable status"),
        (f'192.0.2.1 - - {STAMP} "GET / HTTP/1.1" 999 5 "-" "x"', "no readable status"),
        (f'192.0.2.1 - - {STAMP} "GET / HTTP/1.1" abc 5 "-" "x"', "no readable status"),
        (f'192.0.2.1 - - {STAMP} "GET / HTTP/1.1" 2000000 5 "-" "x"', "no readable status"),
        (f'192.0.2.1 - - {STAMP} "GET / HTTP/1.1" ２００ 5 "-" "x"', "no readable status"),
        (f'192.0.2.1 - - {STAMP} "GET / HTTP/1.1" - 5 "-" "x"', "no readable status"),
        (f'192.0.2.1 - - {STAMP} "GET / HTTP/1.1" 200 -5 "-" "x"', "size out of range"),
        (f'192.0.2.1 - - {STAMP} "GET / HTTP/1.1" 200 {"9" * 30} "-" "x"', "size out of range"),
        (f"192.0.2.1 - - {STAMP}", "no readable status"),
        ("192.0.2.1 - - [17/May/2015", "no readable time"),
        ('{"status": 200}', "no readable time"),
    ],
)
def test_reasons_to_reject(line: str, reason: str) -> None:
    assert parse(line).rejects.rows() == [(1, reason, line)]


def test_client_closed_499_and_leap_seconds_are_kept() -> None:
    event = one('192.0.2.1 - - [31/Dec/2016:23:59:60 -0000] "GET / HTTP/1.1" 499 5000000000 "-" "x"')

    assert (event["status"], event["response_bytes"]) == (499, 5_000_000_000)
    assert event["timestamp"] == moment(2017, 1, 1)


def test_escapes_are_undone_in_user_agents_and_referrers() -> None:
    event = one(rf'192.0.2.1 - - {STAMP} "GET / HTTP/1.1" 200 5 "http://h/\"q\"" "\xD0\xBF \\ \x22"')

    assert (event["raw_referrer"], event["raw_agent"]) == ('http://h/"q"', 'п \\ "')


def test_lines_stay_in_source_order_whichever_pattern_reads_them() -> None:
    strict = f'192.0.2.1 - - {STAMP} "GET /{{}} HTTP/1.1" 200 5 "-" "x"'
    odd = f'192.0.2.1 {STAMP} "GET /{{}} HTTP/1.1" 200'
    lines = [(odd if number % 3 else strict).format(number) for number in range(30)]

    events = parse(*lines).events

    assert events["line"].to_list() == list(range(1, 31))
    assert events["raw_target"].to_list() == [f"/{number}" for number in range(30)]


def test_lines_that_are_no_requests_are_counted_by_kind() -> None:
    parsed = parse(
        "# comment",
        "",
        "  \t ",
        '2024/01/02 10:00:00 [error] 12#12: *5 open() "/x" failed',
        "[Wed Oct 11 14:32:52.123456 2000] [core:error] [pid 1] message",
        "something else",
    )

    assert (parsed.comments, parsed.blank, parsed.other, parsed.rejects.height) == (1, 2, 2, 1)


def test_bytes_that_are_no_text_cost_their_line_nothing_else() -> None:
    good = f'192.0.2.1 - - {STAMP} "GET /{{}} HTTP/1.1" 200 5 "-" "x"'

    parsed = parse(
        good.format("a"),
        good.encode().replace(b"{}", b"\xc0\xaf\xed\xa0\x80"),
        b"\0\0\0" + good.format("hole").encode() + b"\r",
        b"\xef\xbb\xbf" + good.format("mark").encode(),
        good.format("\x0b\x0c\x1c\u2028\x85").encode(),
        good.format("nul\0nul").encode(),
    )

    assert parsed.lossy == 1
    assert parsed.events["raw_target"].to_list() == [
        "/a", "/" + "\ufffd" * 5, "/hole", "/mark", "/\x0b\x0c\x1c\u2028\x85", "/nul\0nul",
    ]  # fmt: skip


def test_wanted_columns_alone_are_read_and_are_the_same() -> None:
    data = f'192.0.2.1 - ann {STAMP} "GET / HTTP/1.1" 200 5 "-" "x" 250\n'.encode()
    some = replace(OPTIONS, columns=frozenset({"timestamp", "raw_target", "duration_ms"}))

    event = BY_NAME["combined"].parse(data, 1, some).events.to_dicts()[0]

    assert event == {
        "line": 1, "item": 0, "timestamp": moment(2015, 5, 17, 10, 5, 3), "status": 200, "raw_target": "/",
        "duration_ms": 0.25,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("17/May/2015:10:05:03 +0330", moment(2015, 5, 17, 6, 35, 3)),
        ("17/May/2015:10:05:03 +0545", moment(2015, 5, 17, 4, 20, 3)),
        ("17/May/2015:10:05:03 -0330", moment(2015, 5, 17, 13, 35, 3)),
        ("17/May/2015:10:05:03 +1400", moment(2015, 5, 16, 20, 5, 3)),
        ("17/May/2015:10:05:03 -0000", moment(2015, 5, 17, 10, 5, 3)),
        ("17/May/2015:10:05:03", moment(2015, 5, 17, 14, 5, 3)),
        ("17/May/2015:24:05:03 +0000", None),
    ],
)
def test_apache_times(text: str, expected: datetime | None) -> None:
    assert clf_time(pl.Series([text]), "America/New_York").to_list() == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-02T03:04:05Z", moment(2024, 1, 2, 3, 4, 5)),
        ("2024-01-02T03:04:05.1234567Z", moment(2024, 1, 2, 3, 4, 5, 123456)),
        ("2024-01-02 03:04:05,5 +0200", moment(2024, 1, 2, 1, 4, 5, 500000)),
        ("2024-01-02T03:04:05+02", moment(2024, 1, 2, 1, 4, 5)),
        ("2024-01-02T03:04:05-09:30", moment(2024, 1, 2, 12, 34, 5)),
        ("2024-03-10T02:30:00", None),  # This hour was left out in New York,
        ("2024-11-03T01:30:00", moment(2024, 11, 3, 5, 30)),  # and this one came twice.
        ("2024-02-30T00:00:00Z", None),
        ("yesterday", None),
    ],
)
def test_iso_times(text: str, expected: datetime | None) -> None:
    assert iso_time(pl.Series([text]), "America/New_York").to_list() == [expected]
    assert any_time(pl.Series([text]), "America/New_York").to_list() == [expected]


_WRITTEN = (
    "17/May/2015:10:05:03 +0000", "17/May/2015:10:05:60 +0545", "17/May/2015:10:05:03.250", "29/Mar/2026:02:30:00",
    "17/May/2015:10:05:03Z", "17/May/2015:10:05:03.250 +0100", "2024-01-02T03:04:05.123456Z", "2024-01-02T03:04:05Z",
    "2024-01-02 03:04:05.250", "2024-03-31 02:30:00", "2024-01-02T03:04:05-09:30", "2024-1-02 03:04:05",
)  # fmt: skip
# A time, and what becomes of it where one character is another one or is not there at all.
_DAMAGED = st.tuples(st.sampled_from(_WRITTEN), st.integers(0, 25), st.sampled_from(("", *"0369 :/.+-TZ"))).map(
    lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + 1 :]
)


@given(st.sampled_from(_WRITTEN), st.lists(_DAMAGED, min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_times_are_read_the_same_whatever_the_first_one_is(first: str, texts: list[str]) -> None:
    for read in (clf_time, iso_time, any_time):
        like_first = read(pl.Series([first, first, *texts]), "Europe/Berlin")
        # The notation of a first text that is no time says nothing.
        one_by_one = read(pl.Series(["-", first, *texts]), "Europe/Berlin")

        # As numbers: a damaged year may be none that Python has.
        assert like_first[1:].to_physical().to_list() == one_by_one[1:].to_physical().to_list()


def test_epoch_times_tell_their_unit_by_magnitude() -> None:
    second = moment(2023, 11, 14, 22, 13, 20)
    texts = ["1700000000", "1700000000000", "1700000000000000", "1700000000000000000", "1700000000.25", "nan", "1e400"]

    found = epoch_time(pl.Series(texts)).to_list()

    assert found == [second, second, second, second, second.replace(microsecond=250_000), None, None]
    assert epoch_time(pl.Series([1_700_000_000])).to_list() == [second]


def test_numbers_are_read_as_logs_mean_them() -> None:
    frame = pl.DataFrame({"text": ["200", "099", "600", "+20", "20x", "-", "", "0.1, 0.2 : 0.3", "nan", "1e400", "-1"]})
    text = pl.col("text")

    assert frame.select(status_code(text)).to_series().to_list() == [200] + [None] * 10
    assert frame.select(byte_count(text)).to_series().to_list()[:6] == [200, 99, 600, 20, None, None]
    assert frame.select(duration_ms(text, milliseconds=1)).to_series().to_list()[5:] == [None] * 6
    assert frame.select(durations_ms(text, milliseconds=1000)).to_series().to_list()[5:9] == [None, None, 600.0, None]
    assert pl.select(last_status(pl.Series(["502, 200", "200, -", "502 : 503"]))).to_series().to_list() == [
        200,
        None,
        503,
    ]


@needs_real_logs
@pytest.mark.parametrize("folder", ["apache_combined", "apache_vhost", "nginx_main", "nginx_ingress", "tomcat"])
def test_real_logs_are_read_to_the_last_line(folder: str) -> None:
    for path in sorted((LOGS / folder).iterdir()):
        data = path.read_bytes()
        # Independent of the patterns under test: the first status behind a quote, or else behind a size.
        statuses = [int(found) for found in re.findall(rb'(?m)^[^#\n].*?" ([0-9]{3}) (?:[0-9]+|-)', data)]

        parsed = choose(data, FORMATS, OPTIONS).format.parse(data, 1, OPTIONS)

        assert parsed.rejects.rows() == [], path.name
        assert parsed.events.height == len(statuses), path.name
        assert parsed.events["status"].sum() == sum(statuses), path.name


@needs_real_logs
def test_fast_patterns_read_as_the_tolerant_one_does() -> None:
    for name in ("apache_combined/elastic_apache_logs.log", "nginx_main/zanbil_first30k.log"):
        data = (LOGS / name).read_bytes()[: 3 << 20]
        fast = BY_NAME["combined"].parse(data, 1, OPTIONS).events

        slow = parse_lines(data, 1, OPTIONS, (tolerant,), misfit="").events

        assert_frame_equal(fast, slow.select(fast.columns))


@pytest.mark.parametrize("start", [b"x\x9c", b"x^", b"\x1f\x8b", b"(\xb5/\xfd", b"x", b"("])
def test_a_block_that_begins_like_a_compressed_file_is_text_all_the_same(start: bytes) -> None:
    line = b'10.0.0.1 - - [20/Nov/2015:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-"\n'

    combined = next(format for format in FORMATS if format.name == "combined")
    parsed = combined.parse(start + b" is no request\n" + line, 1, OPTIONS)

    assert (parsed.rejects["line"].to_list(), parsed.events["line"].to_list()) == ([1], [2])
