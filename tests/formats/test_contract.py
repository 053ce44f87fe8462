"""Every member of FORMATS keeps the promises of a Format, on its own samples and on damaged ones."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import polars.selectors as cs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from apilens.formats import FORMATS, Format, Needs, Parsed, ParseOptions, choose, compile_log_format
from apilens.formats.base import REJECT_SCHEMA, Sample
from apilens.schema import TIME

OPTIONS = ParseOptions(latest=datetime(2030, 1, 1, tzinfo=UTC))
NEEDS = Needs(headers=frozenset({"x-account-id"}), fields=frozenset({"http_x_account_id", "company.id"}))
STRINGS = {
    "nginx_string": '$remote_addr - $remote_user [$time_local] "$request" $status $bytes_sent "$http_x_account_id"',
    "apache_string": '%v %h %{X-Account-Id}i %t "%r" %>s %b %{ms}T',
    "goaccess_string": '%h %^[%d:%t %^] "%r" %s %b "%R" "%u"',
    "nginx_parts": "$msec|$request_method|$host$uri$is_args$args|$status|$upstream_response_time",
}
CASES = [
    *FORMATS,
    *(
        replace(compile_log_format(text, name=name), samples=(Sample(line), Sample(line[:40])))
        for (name, text), line in zip(
            STRINGS.items(),
            (
                '203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 512 "acme"',
                'h.example 203.0.113.9 acme [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 512 7',
                '203.0.113.9 - - [17/May/2015:10:05:03 +0200] "GET /a HTTP/1.1" 200 512 "-" "curl/8"',
                "1700000000.123|GET|h.example/a?b=1|200|0.1, 0.2",
            ),
            strict=True,
        )
    ),
]
every_format = pytest.mark.parametrize("format", CASES, ids=lambda format: format.name)
# Of documents, test_documents.py says what is different.
LINES = [format for format in CASES if format.framing == "lines"]
every_format_of_lines = pytest.mark.parametrize("format", LINES, ids=lambda format: format.name)
DETECTED = [format for format in FORMATS if format.framing == "lines"]


def line_count(data: bytes) -> int:
    return data.count(b"\n") + (not data.endswith(b"\n") and data != b"")


def check_shape(parsed: Parsed, data: bytes, first_line: int) -> None:
    events, rejects = parsed.events, parsed.rejects
    assert line_count(data) + parsed.extra == (
        events.height + rejects.height + parsed.other + parsed.blank + parsed.comments
    )
    assert {name: events.schema[name] for name in ("line", "item", "timestamp", "status")} == {
        "line": pl.Int64(), "item": pl.Int32(), "timestamp": TIME, "status": pl.Int16(),
    }  # fmt: skip
    assert dict(rejects.schema) == dict(REJECT_SCHEMA)
    assert events["timestamp"].null_count() == 0
    assert rejects.null_count().row(0) == (0, 0, 0)
    assert events.select("line", "item").is_duplicated().any() is False
    assert events.select("line", "item").rows() == sorted(events.select("line", "item").rows())
    assert rejects["line"].is_sorted()
    numbers = pl.concat([events["line"], rejects["line"]])
    assert numbers.is_between(first_line, first_line + line_count(data) - 1).all()


def one_by_one(format: Format, data: bytes, options: ParseOptions) -> tuple[pl.DataFrame, pl.DataFrame]:
    lines = [line + b"\n" for line in data.split(b"\n")]
    parsed = [format.parse(line, number, options) for number, line in enumerate(lines, start=1)]
    events = pl.concat([item.events for item in parsed], how="diagonal")
    return events, pl.concat([item.rejects for item in parsed])


def damaged(line: str, seed: int) -> bytes:
    """Return the line with something wrong: cut, doubled, or with a byte changed, removed or put in."""
    dice = random.Random(seed)
    data = bytearray(line.encode())
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(5):
            case 0:
                del data[at:]
            case 1:
                data[at:at] = bytes([dice.choice(b'"\\[] -{}:,\0\xff\xc3\t\r0')])
            case 2:
                del data[at : at + dice.randint(1, 8)]
            case 3:
                data[at:at] = data[: dice.randint(0, 40)]
            case _:
                data[at : at + 1] = bytes([dice.randrange(256)])
    return bytes(data).replace(b"\n", b" ")


@every_format
def test_samples_give_what_they_say(format: Format) -> None:
    for sample in format.samples:
        parsed = format.parse(sample.line.encode() + b"\n", 7, OPTIONS)

        if sample.rejected:
            assert parsed.rejects.rows() == [(7, sample.rejected, sample.line)]
        for name, value in (sample.gives or {}).items():
            found = parsed.events[name][0] if name in parsed.events.columns else None
            assert found == value, f"{name} of {sample.line}"


@every_format_of_lines
def test_a_block_of_samples_balances_in_source_order(format: Format) -> None:
    lines = [sample.line for sample in format.samples] * 3
    data = "\n".join(["", *lines, "# a comment", "", " "]).encode()

    parsed = format.parse(data, 11, OPTIONS)

    check_shape(parsed, data, 11)
    assert parsed.blank == 3


@pytest.mark.parametrize("format", DETECTED, ids=lambda format: format.name)
def test_detection_takes_a_format_for_its_own_best_sample(format: Format) -> None:
    line = format.samples[0].line.encode() + b"\n"

    assert choose(line * 20, DETECTED, OPTIONS).format is format


@every_format
def test_columns_that_nobody_wants_are_absent(format: Format) -> None:
    data = (format.samples[0].line + "\n").encode()
    few = replace(OPTIONS, columns=frozenset({"line", "item", "timestamp", "status"}))

    parsed = format.parse(data, 1, few)
    whole = format.parse(data, 1, OPTIONS)

    assert set(parsed.events.columns) == {"line", "item", "timestamp", "status"}
    assert_frame_equal(parsed.events, whole.events.select(parsed.events.columns))


@every_format
@pytest.mark.parametrize(
    "data", [b"", b"\n", b"\xff\xfe\n", b"\0" * 100, b"\xef\xbb\xbf\n", b"\r\n\r", b"{" * 3000, b'"' * 3000]
)
def test_empty_and_odd_blocks_balance(format: Format, data: bytes) -> None:
    check_shape(format.parse(data, 1, OPTIONS), data, 1)


@every_format
@settings(max_examples=30)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_raising(format: Format, data: bytes) -> None:
    check_shape(format.parse(data, 1, OPTIONS), data, 1)


@every_format_of_lines
@settings(max_examples=10)
@given(st.integers(0, 2**32))
def test_damaged_lines_read_the_same_alone_and_in_a_block(format: Format, seed: int) -> None:
    options = replace(OPTIONS, needs=NEEDS)
    data = b"\n".join(damaged(sample.line, seed + n) for n, sample in enumerate(format.samples))

    parsed = format.parse(data, 1, options)
    events, rejects = one_by_one(format, data, options)

    check_shape(parsed, data, 1)
    both = (
        pl.concat([parsed.events, events.clear()], how="diagonal"),
        pl.concat([events, parsed.events.clear()], how="diagonal"),
    )
    block, alone = (frame.with_columns(cs.by_name("kind", require_all=False).fill_null("request")) for frame in both)
    assert_frame_equal(block, alone, check_column_order=False)
    # A reason may speak of the lines around, such as JSON that is spread over several.
    assert_frame_equal(parsed.rejects.drop("reason"), rejects.drop("reason"))


@every_format_of_lines
def test_ten_thousand_damaged_lines_balance(format: Format) -> None:
    samples = format.samples
    data = b"\n".join(damaged(samples[seed % len(samples)].line, seed) for seed in range(10_000))

    check_shape(format.parse(data, 1, OPTIONS), data, 1)
