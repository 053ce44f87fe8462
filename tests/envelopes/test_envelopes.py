"""Every member of ENVELOPES keeps the promises of an Envelope, on its own samples and on damaged ones."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from apilens.envelopes import ENVELOPES, LABELS, Envelope, enclosed
from apilens.formats import FORMATS, ParseOptions

OPTIONS = ParseOptions(latest=datetime(2030, 1, 1, tzinfo=UTC))
COMBINED = next(format for format in FORMATS if format.name == "combined")
every_envelope = pytest.mark.parametrize("envelope", ENVELOPES, ids=lambda envelope: envelope.name)


def check_shape(rows: pl.DataFrame, data: bytes, first_line: int) -> None:
    lines = data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
    known = {"line": pl.Int64(), "text": pl.String(), "inside": pl.Boolean(), **dict.fromkeys(LABELS, pl.String())}
    assert {name: known[name] for name in rows.columns} == dict(rows.schema)
    assert rows["line"].is_sorted() and rows.select("line", "text", "inside").null_count().row(0) == (0, 0, 0)
    assert rows["line"].is_between(first_line, first_line + lines - 1).all()


@every_envelope
def test_samples_open_as_they_say(envelope: Envelope) -> None:
    for sample in envelope.samples:
        rows = envelope.open(sample.data.encode(), 5)

        check_shape(rows, sample.data.encode(), 5)
        assert tuple(rows.filter("inside")["text"].to_list()) == sample.texts
        for label, value in sample.labels.items():
            assert rows[label].to_list() == [value] * len(sample.texts)
        assert envelope.recognises is None or envelope.recognises(sample.data.encode())


@every_envelope
@settings(max_examples=100)
@given(data=st.binary(max_size=300))
def test_any_bytes_open(envelope: Envelope, data: bytes) -> None:
    check_shape(envelope.open(data, 1), data, 1)


@every_envelope
def test_damaged_lines_balance_whatever_is_inside(envelope: Envelope) -> None:
    dice = random.Random(1)
    lines = []
    for _ in range(1000):
        text = bytearray(dice.choice(envelope.samples).data.encode())
        at = dice.randrange(len(text))
        text[at : at + dice.randrange(3)] = bytes(dice.choices(b'"\\[]{}:, \0\xff\r0PF', k=dice.randrange(3)))
        lines.append(bytes(text).rstrip(b"\n"))
    data = b"\n".join([*lines, b"", b"not wrapped"])

    parsed = enclosed(envelope, COMBINED).parse(data, 1, OPTIONS)

    counted = parsed.events.height + parsed.rejects.height + parsed.other + parsed.blank + parsed.comments
    assert counted == data.count(b"\n") + 1 + parsed.extra


@every_envelope
def test_lines_that_are_not_wrapped_are_themselves(envelope: Envelope) -> None:
    rows = envelope.open(b"one\n\ntwo", 1)

    assert rows.select("line", "text", "inside").rows() == [(1, "one", False), (2, "", False), (3, "two", False)]


@every_envelope
def test_a_block_opens_as_its_parts_do(envelope: Envelope) -> None:
    if envelope.framing == "document":
        pytest.skip("a document has no parts")
    blocks = [sample.data.encode() for sample in envelope.samples]

    whole = envelope.open(b"".join(blocks), 1)
    first, parts = 1, []
    for block in blocks:
        parts.append(envelope.open(block, first))
        first += block.count(b"\n")

    assert_frame_equal(whole, pl.concat(parts, how="diagonal"), check_column_order=False)
