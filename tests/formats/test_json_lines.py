"""JSON lines: one line that is none costs no other line, and how a block is read changes nothing."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from apilens.errors import UsageError
from apilens.formats.base import Format, Needs, Parsed, ParseOptions
from apilens.formats.flat_json import parse_flat
from apilens.formats.json_events import Place
from apilens.formats.json_lines import read_objects
from apilens.formats.json_map import JsonMap, json_format, parse_mapped
from apilens.formats.moesif import parse_moesif

LATEST = datetime(2030, 1, 1, tzinfo=UTC)
OPTIONS = ParseOptions(latest=LATEST)
A = {"a": pl.String()}

MAPPED = {
    "timestamp": (Place("meta.at"),),
    "status": (Place("res.status"),),
    "raw_target": (Place("req.url"),),
    "duration_ms": (Place("ms"),),
    "error_code": (Place("errors.0.code"),),
}
Parse = Callable[..., Parsed]
PARSERS: dict[str, Parse] = {
    "flat": parse_flat,
    "moesif": parse_moesif,
    "mapped": lambda *args, **more: parse_mapped(*args, JsonMap(MAPPED), **more),
}

FLAT = b'{"time":"2024-04-08T12:17:58Z","request":"GET / HTTP/1.1","status":200}'
EVENT = b'{"request":{"time":"2024-04-08T12:17:58","verb":"GET","uri":"/"},"response":{"status":200},"user_id":"u"}'
ANY = b'{"meta":{"at":1712578678},"res":{"status":"200"},"req":{"url":"/a"},"ms":1.5,"errors":[{"code":"x"}]}'
FAULTS = [
    b"",
    b"  \t",
    b"\r",
    b"{}",
    b" { } ",
    b"5",
    b"null",
    b"true",
    b'"x"',
    b"[]",
    b"[1,{}]",
    b"[{}]",
    b'{"hits":{"hits":[{"_source":' + EVENT + b"}]}}",
    b"[" + EVENT + b"," + EVENT + b"]",
    b'{"_source":' + EVENT + b',"_id":7}',
    b'{"hits":{"hits":[]}}',
    FLAT + FLAT,
    FLAT + b",",
    FLAT + b" x",
    FLAT + b"\r",
    FLAT + b"//c",
    FLAT.replace(b'"', b"'"),
    b"\x00\x00" + FLAT,
    b"\xef\xbb\xbf" + EVENT,
    FLAT + b"\x00",
    b"\xff\xfe",
    b"\x1f\x8b\x08",
    b"\x00",
    b'{"time":1712578678,"status":NaN,"uri":"/"}',
    b'{"time":1712578678,"status":200,"x":1e999}',
    b'{"time":1712578678,"status":200,"x":-Infinity}',
    b'{"time":1712578678,"status":200,"x":' + b"9" * 5000 + b"}",
    b'{"time":1712578678,"status":200,"bytes":99999999999999999999999999}',
    b'{"time":1712578678,"status":99999999999999999999999999}',
    b'{"time":1712578678,"status":' + b"9" * 50 + b"}",
    b'{"time":1712578678,"status":200,"meta":{"at":' + b"9" * 50 + b"}}",
    b'{"time":1712578678,"status":200,"meta":{"at":170141183460469231731687303715884105727}}',
    b'{"time":1712578678,"status":200,"x":1e999,"y":' + b"9" * 50 + b"}",
    b'{"time":1712578678,"status":200,"uri":"\\ud800 \\\\ud800 \\ud83d\\ude00 \\ude00"}',
    b'{"time":1712578678,"status":200,"uri":"\xff\xc0\xaf\xed\xa0\x80"}',
    b'{"time":1712578678,"status":200,"uri":"a\x00b"}',
    b'{"time":1712578678,"status":200,"uri":"a\\u0000b"}',
    b'{"time":1712578678,"status":200,"status":500,"time":0}',
    b'{"__proto__":1,"":2,"a\\u0000b":3,"date=2024":4,"time":1712578678,"status":200}',
    b'{"x":' + b"[" * 1000 + b"]" * 1000 + b',"time":1712578678,"status":200}',
    b'{"x":' + b"[" * 1022 + b"]" * 1022 + b"}",
    b'{"x":' + b"[" * 1023 + b"]" * 1023 + b"}",
    b'{"x":' + b"[" * 3000 + b"]" * 3000 + b"}",
    b"[" * 3000,
    *(
        b'{"time":1712578678,"uri":"/","status":%b}' % v
        for v in (b'"200"', b"200.0", b"200.7", b"true", b"null", b"[200]")
    ),
    *(b'{"request":{"time":1712578678},"response":{"status":%b}}' % v for v in (b"200.0", b"200.7", b"null", b"{}")),
    b'{"request":5,"response":[1]}',
    b'{"request":[{"time":1}],"response":"x","meta":3}',
]

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["", "-", "200"])
)
keys = st.sampled_from(
    ["time", "status", "uri", "request", "response", "headers", "verb", "meta", "at", "res", "user_id", "action_name",
     "weight", "ms", "errors", "_source", "hits", "http_x_a", "body", "error"]
) | st.text(string.printable, max_size=4)  # fmt: skip
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4))
objects = st.dictionaries(keys, values, max_size=6).map(lambda value: json.dumps(value).encode())


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Draw a valid line with a slice of it replaced by a few bytes."""
    line = draw(st.sampled_from([FLAT, EVENT, ANY]))
    start = draw(st.integers(0, len(line)))
    end = min(len(line), start + draw(st.integers(0, 6)))
    middle = draw(
        st.binary(max_size=3) | st.sampled_from([b"\\", b'"', b"\\ud9", b"{", b"}", b"[", b"1e999", b",", b":"])
    )
    return line[:start] + middle.replace(b"\n", b"") + line[end:]


lines = st.one_of(st.sampled_from(FAULTS), st.sampled_from([FLAT, EVENT, ANY]), objects, mutated())


def read(data: bytes, *, fast: bool = True) -> tuple[list[tuple[object, ...]], dict[int, str]]:
    found = read_objects(data, 1, A, fast=fast)
    rows = pl.concat([found.places.select("line"), found.frame], how="horizontal").rows()
    return rows, dict(found.rejects.select("line", "reason").rows())


def test_values_arrive_as_their_text() -> None:
    rows, _ = read(b'{"a":200}\n{"a":"200"}\n{"a":200.0}\n{"a":200.7}\n{"a":true}\n{"a":null}\n{"a":[1]}\n{"b":1}')

    assert [value for _, value in rows] == ["200", "200", "200", "200.7", "true", None, "[1]", None]


def test_one_bad_line_costs_no_other() -> None:
    rows, rejects = read(b'{"a":1}\n{"a":\n\n{"a":2}\nnull\n{"a":NaN}\n{"a":3}\n')

    assert rows == [(1, "1"), (4, "2"), (7, "3")]
    assert rejects == {2: "not JSON: cut off", 5: "not a JSON object", 6: "not JSON: invalid character (byte 5)"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"5", "not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b"{}", "empty JSON object"),
        (b'{"a":1}{"a":2}', "not JSON: trailing characters (byte 8)"),
        (b'{"b":1e999}', "not JSON: number too large"),
        (b'{"b":' + b"[" * 100_000, "not JSON: nested too deeply"),
        (b'{"a":"x\x00"}', "not JSON: invalid character (byte 7)"),
    ],
)
def test_a_reject_is_named(line: bytes, reason: str) -> None:
    rows, rejects = read(b'{"a":1}\n' + line + b"\n")

    assert rows == [(1, "1")]
    assert rejects == {2: reason}


def test_an_integer_beyond_128_bits_costs_only_its_own_value() -> None:
    digits = b"9" * 5000
    line = b'{"a":1,"b":' + digits + b',"c":"\\" ' + digits + b'"}'

    assert read(line) == ([(1, "1")], {})
    assert read(b'{"a":-' + digits + b"}") == ([(1, "-" + digits.decode())], {})
    parsed = parse_flat(FLAT[:-1] + b',"bytes":' + digits + b"}\n" + FLAT.replace(b"200", digits), 1, OPTIONS)
    assert parsed.events["response_bytes"].to_list() == [None]
    assert parsed.rejects["reason"].to_list() == ["no readable status"]


def test_blank_lines_count_and_keep_line_numbers() -> None:
    found = read_objects(b'\n{"a":1}\n \t\n{"a":2}\r\n\r\n', 10, A)

    assert found.places["line"].to_list() == [11, 13]
    assert found.blank == 3


def test_the_first_of_duplicate_keys_counts() -> None:
    assert read(b'{"a":1,"a":2}\n{"a":1,"a":2}\nx')[0] == [(1, "1"), (2, "1")]


def test_lone_surrogates_and_bad_bytes_become_replacement_characters() -> None:
    found = read_objects(rb'{"a":"\ud800x \ud83d\ude00 \\ud800"}' + b'\n{"a":"\xff"}', 1, A)

    assert found.frame["a"].to_list() == ["\N{REPLACEMENT CHARACTER}x 😀 \\ud800", "\N{REPLACEMENT CHARACTER}"]
    assert found.lossy == 1


def test_nuls_in_front_of_a_line_are_no_part_of_it() -> None:
    assert read(b'{"a":1}\n\x00\x00\x00{"a":2}\n') == ([(1, "1"), (2, "2")], {})
    assert read_objects(b'{"a":1}\n\x00', 1, A).blank == 1


def test_a_pretty_printed_array_says_what_to_do() -> None:
    _, rejects = read(b'[\n  {\n    "a": 1\n  }\n]\n')

    assert len(rejects) == 5
    assert all("jq -c '.[]'" in reason for reason in rejects.values())


def test_deep_nesting_in_an_unknown_field_is_skipped() -> None:
    # With an inferred schema this line takes 45 s.
    rows, _ = read(b'{"b":' + b"[" * 1000 + b"]" * 1000 + b',"a":1}')

    assert rows == [(1, "1")]


@pytest.mark.parametrize("parse", PARSERS.values(), ids=PARSERS)
@pytest.mark.parametrize("line", FAULTS, ids=lambda line: repr(line[:40]))
def test_every_fault_is_read_alike_on_both_paths(parse: Parse, line: bytes) -> None:
    assert_read_alike(parse, b"\n".join([FLAT, line, EVENT, ANY]))


@settings(max_examples=120)
@given(st.sampled_from(sorted(PARSERS)), st.lists(lines, max_size=8), st.booleans())
def test_any_lines_are_read_alike_on_both_paths(name: str, drawn: list[bytes], ends: bool) -> None:
    assert_read_alike(PARSERS[name], b"\n".join(drawn) + (b"\n" if ends else b""))


@settings(max_examples=60)
@given(st.sampled_from(sorted(PARSERS)), st.binary(max_size=60))
def test_any_bytes_are_read_alike_on_both_paths(name: str, data: bytes) -> None:
    assert_read_alike(PARSERS[name], data)


def assert_read_alike(parse: Parse, data: bytes) -> None:
    needs = Needs(headers=frozenset({"x-a"}), fields=frozenset({"meta", "meta.at", "errors.0.code"}))
    options = ParseOptions(latest=LATEST, needs=needs)
    fast, slow = parse(data, 1, options), parse(data, 1, options, fast=False)

    assert_frame_equal(fast.events, slow.events)
    assert_frame_equal(fast.rejects, slow.rejects)
    assert (fast.other, fast.blank, fast.extra, fast.lossy) == (slow.other, slow.blank, slow.extra, slow.lossy)
    count = data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
    assert count + fast.extra == fast.events.height + fast.rejects.height + fast.other + fast.blank
    assert fast.events["timestamp"].null_count() == 0
    assert fast.events["line"].is_sorted()


def mapped(fields: dict[str, str]) -> Format:
    return json_format("mine", fields)


def test_a_map_reads_nested_paths_arrays_and_keys_with_dots() -> None:
    form = mapped({"time": "at.t", "status": "http.status", "error_code": "errors[0].code", "duration_s": "took"})

    parsed = form.parse(
        b'{"at":{"t":1712578678},"http":{"status":500},"errors":[{"code":"boom"}],"took":0.5}\n'
        b'{"at":{"t":1712578679},"http.status":"404"}',
        1,
        OPTIONS,
    )

    assert parsed.events.select("status", "error_code", "duration_ms").rows() == [
        (500, "boom", 500.0),
        (404, None, None),
    ]
    assert parsed.events["timestamp"].diff()[1] == timedelta(seconds=1)


def test_a_map_takes_request_lines_headers_and_fields_that_settings_ask_for() -> None:
    form = mapped({"timestamp": "t", "status": "s", "request": "r", "raw_request_headers": "h", "account": "org.id"})
    needs = Needs(headers=frozenset({"x-acme-id"}), fields=frozenset({"usage.tokens", "usage"}))
    line = (
        b'{"t":1712578678,"s":200,"r":"GET /x?y=1 HTTP/2.0","h":{"X-ACME-Id":["a","b"]},"org":{"id":7},'
        b'"usage":{"tokens":12}}'
    )

    event = form.parse(line, 1, ParseOptions(latest=LATEST, needs=needs)).events.row(0, named=True)

    assert (event["method"], event["raw_target"], event["protocol"]) == ("GET", "/x?y=1", "2.0")
    assert (event["raw_header.x-acme-id"], event["account"]) == ("a", "7")
    assert event["raw_field.usage.tokens"] == "12"
    assert json.loads(event["raw_field.usage"]) == {"tokens": 12}


def test_objects_that_are_no_request_are_other() -> None:
    form = mapped({"timestamp": "t", "status": "s", "path": "p"})

    parsed = form.parse(b'{"t":1712578678,"msg":"started"}\n{"t":1712578678,"p":"/x"}\n{"p":"/x"}', 1, OPTIONS)

    assert (parsed.other, parsed.events.height) == (1, 1)
    assert parsed.rejects["reason"].to_list() == ["no readable time"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"timestamp": "t", "statu": "s"}, "statu"),
        ({"status": "s"}, "maps no time"),
        ({"timestamp": "a..b"}, "no dotted path"),
    ],
)
def test_a_map_that_cannot_be_meant_is_refused(fields: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        mapped(fields)


def test_only_the_wanted_columns_are_made() -> None:
    form = mapped({"timestamp": "t", "status": "s", "account": "a", "user": "u"})
    options = ParseOptions(latest=LATEST, columns=frozenset({"timestamp", "status", "account"}))

    events = form.parse(b'{"t":1712578678,"s":200,"a":"x","u":"y"}', 1, options).events

    assert "account" in events.columns
    assert "user" not in events.columns


def test_header_values_survive_quotes_and_backslashes() -> None:
    form = mapped({"timestamp": "t", "status": "s", "raw_request_headers": "h"})
    headers = {"Agent": "evil\\", "X-A": '", "x-account": "forged', "x-account": 'a "b" \\ c'}
    line = json.dumps({"t": 1712578678, "s": 200, "h": headers}).encode()
    needs = Needs(headers=frozenset({"x-account", "agent", "x-none"}))

    event = form.parse(line, 1, ParseOptions(latest=LATEST, needs=needs)).events.row(0, named=True)

    assert event["raw_header.x-account"] == 'a "b" \\ c'
    assert event["raw_header.agent"] == "evil\\"
    assert event.get("raw_header.x-none") is None


@pytest.mark.parametrize("start", [b"x\x9c", b"x^", b"\x1f\x8b", b"(\xb5/\xfd"])
def test_a_block_that_begins_like_a_compressed_file_is_read_as_text(start: bytes) -> None:
    schema = {"a": pl.String()}

    found = read_objects(start + b"\n" + b'{"a": 1}\n', 1, schema)

    assert found.frame["a"].to_list() == ["1"]
    assert found.rejects["line"].to_list() == [1]
