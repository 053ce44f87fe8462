"""Formats that are documents: read whole, entry by entry, or not at all."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from apilens.formats import FORMATS, Format, ParseOptions
from apilens.recognition import is_document, recognise
from apilens.store import Store
from tests.test_ingest import run

OPTIONS = ParseOptions(latest=datetime(2030, 1, 1, tzinfo=UTC))
DOCUMENTS = [format for format in FORMATS if format.framing == "document"]
every_document = pytest.mark.parametrize("format", DOCUMENTS, ids=lambda format: format.name)
HAR = next(format for format in DOCUMENTS if format.name == "har")


def pretty(format: Format) -> bytes:
    return json.dumps(json.loads(format.samples[0].line), indent=2).encode() + b"\n"


def records(format: Format, data: bytes) -> tuple[int, int, int]:
    """Return events, rejects and other, after the check that all lines are somewhere."""
    parsed = format.parse(data, 1, OPTIONS)
    lines = data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
    counted = (parsed.events.height, parsed.rejects.height, parsed.other)
    assert lines + parsed.extra == sum(counted) + parsed.blank + parsed.comments
    return counted


@every_document
def test_pretty_printing_changes_nothing(format: Format) -> None:
    one_line = format.parse(format.samples[0].line.encode(), 1, OPTIONS).events

    assert format.parse(pretty(format), 1, OPTIONS).events.equals(one_line)
    assert records(format, pretty(format)) == (1, 0, 0)


@every_document
def test_a_document_is_recognised_and_a_log_is_not(format: Format) -> None:
    others = [sample.line.encode() for other in FORMATS if other.framing == "lines" for sample in other.samples]

    assert is_document(pretty(format), FORMATS)
    assert recognise(pretty(format), FORMATS, OPTIONS).format is format
    assert not any(is_document(line + b"\n", FORMATS) for line in others)


@every_document
def test_damaged_documents_balance(format: Format) -> None:
    dice = random.Random(2)
    for _ in range(300):
        data = bytearray(pretty(format))
        at = dice.randrange(len(data))
        data[at : at + dice.randrange(4)] = bytes(dice.choices(b'"{}[]:,\0\xff\n', k=dice.randrange(3)))
        records(format, bytes(data))
    assert records(format, pretty(format)[:-20]) == (0, 1, 0)


def archive(*entries: dict[str, object]) -> bytes:
    return json.dumps({"log": {"version": "1.2", "entries": entries}}, indent=1).encode()


def entry(path: str, **more: object) -> dict[str, object]:
    request = {"method": "GET", "url": f"https://api.example{path}", "headers": []}
    return {"startedDateTime": "2026-11-20T10:00:00Z", "request": request, "response": {"status": 200}, **more}


def test_entries_are_counted_through_and_bad_ones_rejected() -> None:
    parsed = HAR.parse(archive(entry("/a"), entry("/b", startedDateTime="x"), entry("/c", time=-1)), 1, OPTIONS)

    assert parsed.events.select("line", "item").rows() == [(1, 0), (1, 2)]
    assert parsed.events["raw_target"].to_list() == ["https://api.example/a", "https://api.example/c"]
    assert parsed.rejects.select("line", "reason").rows() == [(1, "no readable time")]
    assert parsed.events["duration_ms"].to_list() == [None, None]


def test_a_document_is_stored_once_and_known_by_all_of_it(tmp_path: Path) -> None:
    path, store = tmp_path / "a.har", tmp_path / "store"
    path.write_bytes(archive(entry("/a"), entry("/" + "b" * 5000)))

    assert run(store, path).counts.stored == 2
    assert run(store, path).counts.stored == 0
    # The same first 4 KiB, but another recording.
    (tmp_path / "b.har").write_bytes(archive(entry("/a"), entry("/" + "b" * 5001)))
    assert run(store, tmp_path / "b.har").counts.stored == 2
    assert pl.read_parquet(Store.open(store).files(), columns=["line"], hive_partitioning=False).height == 4


def test_a_document_that_is_cut_off_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.har"
    path.write_bytes(archive(entry("/a"))[:-5])

    summary = run(tmp_path / "store", path)

    assert summary.counts.stored == 0
    assert "no HTTP archive (HAR): Input data was truncated" in summary.problems[0].message
