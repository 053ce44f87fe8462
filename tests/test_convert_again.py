"""What apilens convert wrote, and Parquet files of others, are logs too."""

from __future__ import annotations

import os
import threading
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from apilens.config import ColumnRule, CustomFormat, IdentityRule, Settings
from apilens.convert import convert, preview
from apilens.errors import InputError
from apilens.ingest import ingest
from apilens.ingested import Summary
from apilens.pipeline import ReadOptions
from apilens.sources import Reader, expand

SAMPLES = Path(__file__).resolve().parents[1] / "sample_logs"
NOW = datetime(2026, 12, 1, tzinfo=UTC)
KEY = b"k" * 32
PLACE = ["source", "line", "item"]
SETTINGS = Settings(
    columns={"tokens": ColumnRule(from_="response.body.usage.prompt_tokens", type="int")},
    # A rule that would find another account, were it asked again.
    account=(IdentityRule(field="company_id"), IdentityRule(header="authorization"), IdentityRule(field="user_agent")),
)


def written(source: Path, target: Path, settings: Settings = SETTINGS, key: bytes = KEY) -> Summary:
    return convert(
        [str(source)], target, kind=target.suffix[1:], columns=None, settings=settings, options=ReadOptions(), key=key,
        now=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["moesif.jsonl", "nginx_timed.log"])
def test_events_come_back_as_they_were_through_jsonl_and_parquet(name: str, tmp_path: Path) -> None:
    paths = [tmp_path / "1.parquet", tmp_path / "2.jsonl", tmp_path / "3.parquet"]
    written(SAMPLES / name, paths[0])
    # Another key and other rules: nothing is worked out again.
    for before, after in pairwise(paths):
        done = written(before, after, key=b"other key" * 4)
        assert (done.counts.rejected, done.counts.other, done.logs[0].format.name) == (0, 0, "apilens")

    first, last = pl.read_parquet(paths[0]), pl.read_parquet(paths[2])

    assert first["tokens"].null_count() < first.height or name != "moesif.jsonl"
    assert_frame_equal(last.drop(PLACE), first.drop(PLACE))
    assert last.select(PLACE).rows() == [(str(paths[1]), line, 0) for line in range(1, first.height + 1)]


def test_a_parquet_file_reads_by_a_map_whatever_its_types_are(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {
            "at": [datetime(2024, 1, 2, 3, 4, 5, 678, tzinfo=UTC)] * 3,
            "code": [200, 404, None],
            "took": [0.5, float("nan"), 1.0],
            "who": [{"id": "acme"}, {"id": "beta"}, None],
            "raw": [b"ab", b"\xff", None],
            "day": [date(2024, 1, 2)] * 3,
            "nested": [[b"x"], None, None],
        }
    )
    table.write_parquet(tmp_path / "a.parquet")
    fields = {"timestamp": "at", "status": "code", "duration_s": "took", "account": "who.id", "method": "raw"}
    settings = Settings(formats={"mine": CustomFormat(fields=fields)})

    found, summary = preview(
        [str(tmp_path / "a.parquet")], rows=9, settings=settings, options=ReadOptions("mine"), key=KEY, now=NOW
    )

    assert summary.problems == []
    assert found.select("status", "duration_ms", "account", "method").rows() == [
        (200, 500.0, "acme", "ab"), (404, None, "beta", "\N{REPLACEMENT CHARACTER}"),
    ]  # fmt: skip
    assert found["timestamp"].to_list() == [datetime(2024, 1, 2, 3, 4, 5, 678, tzinfo=UTC)] * 2
    assert summary.counts.read == 3


def test_rows_are_numbered_through_all_row_groups_and_read_once(tmp_path: Path) -> None:
    count = 45_000
    stamps = pl.Series([datetime(2024, 1, 2, tzinfo=UTC)]).new_from_index(0, count)
    status = pl.int_range(count, eager=True) % 400 + 100
    table = pl.DataFrame({"time": stamps, "status": status}).with_columns(method=pl.lit("GET"), uri=pl.lit("/a"))
    table.write_parquet(tmp_path / "a.parquet", row_group_size=7_000)

    def read() -> Summary:
        return ingest(
            [str(tmp_path / "a.parquet")], tmp_path / "store", settings=Settings(), options=ReadOptions(), key=KEY,
            now=NOW, block_bytes=1 << 18,
        )  # fmt: skip

    first, second = read(), read()

    assert first.problems == []
    assert (first.counts.stored, first.counts.rejected, second.counts.read) == (count, 0, 0)
    with Reader(expand([str(tmp_path / "a.parquet")])[0][0]) as reader:
        blocks = list(reader.blocks(final=True))
        assert reader.complete
    assert sum(block.lines for block in blocks) == count
    assert blocks[-1].progress == (tmp_path / "a.parquet").stat().st_size


@pytest.mark.parametrize("data", [b"PAR1", b"PAR1 nonsense", b"PAR1" + b"\0" * 5000 + b"PAR1"])
def test_a_broken_parquet_file_is_named(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(data)

    reader = Reader(expand([str(tmp_path / "a.parquet")])[0][0])
    with reader, pytest.raises(InputError, match=r"a\.parquet: Parquet is damaged"):
        list(reader.blocks(final=True))


def test_parquet_through_a_pipe_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({"time": ["x"]}).write_parquet(tmp_path / "a.parquet")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes((tmp_path / "a.parquet").read_bytes()))
    writer.start()

    with pytest.raises(InputError, match="Parquet cannot be read from a pipe"):
        Reader(expand([str(pipe)])[0][0])
    writer.join()


def test_an_empty_table_is_an_empty_log(tmp_path: Path) -> None:
    pl.DataFrame(schema={"time": pl.String}).write_parquet(tmp_path / "a.parquet")

    done = written(tmp_path / "a.parquet", tmp_path / "b.parquet")

    assert (done.counts.read, done.problems) == (0, [])
