"""Small logs parsed together: the same rows as each by itself, and a log of another kind is noticed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from apilens import ingest as module
from apilens.config import ReadOptions, Settings
from apilens.ingest import ingest
from apilens.ingested import Summary
from apilens.recall import Recall
from apilens.store import Store

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LINE = '10.0.0.1 - a{log} [20/Nov/2026:10:00:00 +0000] "GET /items/{line} HTTP/1.1" 200 5 "-" "curl/8.5"\n'
JSON = '{{"time":"2026-11-20T10:00:00Z","method":"GET","path":"/{line}","status":200,"remote_user":"a{log}"}}\n'


def run(store: Path, folder: Path) -> Summary:
    return ingest([str(folder)], store, settings=Settings(), options=ReadOptions(), key=b"k" * 32, now=NOW)


def rows(store: Path) -> pl.DataFrame:
    opened = Store.open(store)
    frame = pl.scan_parquet(
        opened.files(), schema=opened.dtypes, missing_columns="insert", hive_partitioning=False
    ).collect()  # fmt: skip
    return frame.sort("source", "line")


def rejects(store: Path) -> list[tuple[str, int]]:
    files = sorted((store / "rejects").iterdir())
    found = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return sorted((item["source"], item["line"]) for item in found)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    for log in range(10):
        text = "".join(LINE.format(log=log, line=line) for line in range(1 + log % 5))
        if log == 3:
            text += "no log line\n\n" + LINE.format(log=log, line=99)
        # The last line of some lacks its newline: it is left for the next run.
        (folder / f"access-{log}.log").write_text(text if log % 9 else text + "half a li")
    return folder


def test_logs_parsed_together_give_the_rows_of_each_by_itself(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = run(tmp_path / "together", logs)
    monkeypatch.setattr(module, "grouped", lambda items: ([item] for item in items))
    alone = run(tmp_path / "alone", logs)

    assert rows(tmp_path / "together").equals(rows(tmp_path / "alone"))
    assert rejects(tmp_path / "together") == rejects(tmp_path / "alone") != []
    assert together.counts == alone.counts and together.counts.balances
    assert together.pending == alone.pending > 0


def test_what_was_appended_to_small_logs_goes_on_with_their_line_numbers(logs: Path, tmp_path: Path) -> None:
    run(tmp_path / "store", logs)
    before = rows(tmp_path / "store").group_by("source").agg(pl.len().alias("events"))
    for file in sorted(logs.iterdir())[:5]:
        with file.open("a") as opened:
            opened.write("\n" + LINE.format(log=0, line=7))
    run(tmp_path / "store", logs)

    after = rows(tmp_path / "store")
    more = after.group_by("source").agg(pl.len().alias("now")).join(before, on="source")
    assert (more["now"] - more["events"]).sum() == 5
    assert after.select("source", "line").is_duplicated().sum() == 0


def test_a_log_of_another_kind_among_many_is_read_as_what_it_is(logs: Path, tmp_path: Path) -> None:
    # Its first line is like that of the others.
    text = LINE.format(log=1, line=1) + "".join(JSON.format(log=1, line=line) for line in range(30))
    (logs / "access-77.log").write_text(text)
    (logs / "access-78.log").write_text(JSON.format(log=1, line=1))
    run(tmp_path / "store", logs)

    formats = dict(rows(tmp_path / "store").select("source", "format").unique().iter_rows())
    assert formats[str(logs / "access-78.log")] == "json"
    assert formats[str(logs / "access-77.log")] == "json"
    assert formats[str(logs / "access-6.log")] == "combined"


@pytest.mark.parametrize(
    ("name", "sample", "known"),
    [
        ("a-2.log", LINE.format(log=22, line=2), True),
        ("b-2.log", LINE.format(log=1, line=1), False),
        ("a-2.log", LINE.format(log=1, line=1).rstrip() + " 0.25\n", False),
        ("a-2.log", JSON.format(log=1, line=1), False),
    ],
)
def test_logs_are_alike_by_name_and_by_what_their_first_line_is_made_of(name: str, sample: str, known: bool) -> None:
    from apilens.formats import Candidate
    from apilens.formats.combined import COMBINED

    recall = Recall()
    recall.add("a-1.log", LINE.format(log=1, line=1).encode(), Candidate(COMBINED, 10, 10))

    assert (recall.alike(name, sample.encode()) is COMBINED) == known
