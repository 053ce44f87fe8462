"""Logs into the store: every line once, every line accounted for, whatever happens to the files."""

from __future__ import annotations

import gzip
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apilens import pipeline
from apilens.config import ColumnRule, CustomFormat, ReadOptions, Settings
from apilens.ingest import ingest
from apilens.ingested import Summary
from apilens.store import Store

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LINE = '10.0.0.1 - acme [20/Nov/2026:10:00:{second:02} +0000] "GET /items/{number} HTTP/1.1" 200 5 "-" "curl/8.5"\n'


def lines(first: int, last: int) -> str:
    return "".join(LINE.format(second=number % 60, number=number) for number in range(first, last))


def run(store: Path, *inputs: Path, configured: Settings | None = None, **options: object) -> Summary:
    return ingest(
        [str(path) for path in inputs],
        store,
        settings=configured or Settings(),
        options=ReadOptions(),
        key=b"k" * 32,
        now=NOW,
        **options,  # type: ignore[arg-type]
    )


def numbers(store: Path) -> list[int]:
    files = Store.open(store).files()
    if not files:
        return []
    paths = pl.read_parquet(files, columns=["path"], hive_partitioning=False)["path"]
    return sorted(int(number) for number in paths.str.extract(r"/items/(\d+)").to_list())


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "logs" / "access.log"
    path.parent.mkdir()
    path.write_text(lines(0, 100))
    return path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def test_a_second_run_adds_nothing(log: Path, store: Path) -> None:
    run(store, log)
    again = run(store, log)

    assert again.counts.read == 0
    assert numbers(store) == list(range(100))


def test_what_was_appended_is_read_with_its_line_numbers(log: Path, store: Path) -> None:
    run(store, log)
    with log.open("a") as file:
        file.write(lines(100, 130))
    more = run(store, log)

    assert more.counts.stored == 30
    found = pl.read_parquet(Store.open(store).files(), columns=["line"], hive_partitioning=False)["line"]
    assert sorted(found) == list(range(1, 131))


@pytest.mark.parametrize("way", ["rename", "gzip", "copytruncate"])
def test_rotation_between_runs_changes_nothing(log: Path, store: Path, way: str) -> None:
    run(store, log)
    with log.open("a") as file:
        file.write(lines(100, 120))
    rotated = log.with_name("access.log.1")
    if way == "rename":
        log.rename(rotated)
    elif way == "gzip":
        rotated.with_suffix(".gz").write_bytes(gzip.compress(log.read_bytes()))
        log.unlink()
    else:
        shutil.copyfile(log, rotated)
        os.truncate(log, 0)
    with log.open("a") as file:
        file.write(lines(120, 150))
    run(store, log.parent)

    assert numbers(store) == list(range(150))


def test_a_log_and_its_copy_named_together_count_once(log: Path, store: Path) -> None:
    copy = log.with_name("copy.log")
    shutil.copyfile(log, copy)
    packed = log.with_name("copy.gz")
    packed.write_bytes(gzip.compress(log.read_bytes() + lines(100, 110).encode()))

    run(store, log, copy, packed)

    assert numbers(store) == list(range(110))


def test_a_half_line_waits_for_its_other_half(log: Path, store: Path) -> None:
    whole = lines(100, 101)
    with log.open("a") as file:
        file.write(whole[:40])
    first = run(store, log)
    with log.open("a") as file:
        file.write(whole[40:])
    second = run(store, log)

    assert (first.counts.stored, first.pending, second.counts.stored) == (100, 40, 1)
    assert numbers(store) == list(range(101))


def test_a_broken_gzip_gives_its_whole_lines_and_an_error(log: Path, store: Path) -> None:
    packed = log.with_name("a.gz")
    data = gzip.compress("".join(lines(number, number + 1) for number in range(20_000)).encode())
    packed.write_bytes(data[: len(data) // 2])
    first = run(store, packed)
    packed.write_bytes(data)
    run(store, packed)

    assert "ends early" in first.problems[0].message
    assert 0 < first.counts.stored < 20_000
    assert numbers(store) == list(range(20_000))


def test_what_is_no_log_is_skipped_in_a_folder_and_an_error_when_named(log: Path, store: Path) -> None:
    picture = log.with_name("logo.png")
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40)
    notes = log.with_name("notes.txt")
    notes.write_text("buy milk\ncall home\n" * 10)

    folder = run(store, log.parent)
    named = run(store, picture, notes)

    assert folder.counts.stored == 100 and not folder.problems and len(folder.skipped) == 2
    assert [str(picture) in problem.message for problem in named.problems] == [True, False]


def test_a_missing_file_does_not_keep_the_others_from_being_read(log: Path, store: Path) -> None:
    done = run(store, log, log.with_name("nowhere.log"))

    assert done.counts.stored == 100
    assert "nowhere.log" in done.problems[0].message


def test_an_empty_file_is_nothing_to_ingest(tmp_path: Path, store: Path) -> None:
    empty = tmp_path / "empty.log"
    empty.write_bytes(b"")

    done = run(store, empty)

    assert (done.counts.read, done.problems) == (0, [])


def test_fifty_equal_lines_are_fifty_events(tmp_path: Path, store: Path) -> None:
    path = tmp_path / "storm.log"
    path.write_text(lines(7, 8) * 50)

    run(store, path)

    assert numbers(store) == [7] * 50


def test_rejects_are_named_and_leave_no_value_behind(log: Path, store: Path) -> None:
    with log.open("a") as file:
        file.write("nonsense with password=hunter2secret in it\n")
    done = run(store, log)

    [shown] = done.shown_rejects.iter_rows(named=True)
    assert (shown["source"], shown["line"]) == (str(log), 101)
    assert b"hunter2secret" not in b"".join(file.read_bytes() for file in (store / "rejects").iterdir())


def test_an_over_long_line_is_rejected_and_the_next_one_read(tmp_path: Path, store: Path) -> None:
    path = tmp_path / "long.log"
    path.write_text(lines(0, 1) + "x" * (2 << 20) + "\n" + lines(1, 2))

    done = run(store, path)

    assert "line too long" in done.shown_rejects["reason"][0]
    assert numbers(store) == [0, 1]
    assert done.counts.balances


def test_configured_columns_reach_the_store(tmp_path: Path, store: Path) -> None:
    path = tmp_path / "events.jsonl"
    event = '{"time":"2026-11-20T10:00:00Z","request":"GET /items/1 HTTP/1.1","status":200,"usage":{"tokens":%d}}\n'
    path.write_text(event % 3 + event % 5)
    configured = Settings(columns={"tokens": ColumnRule("usage.tokens", "int")})

    run(store, path, configured=configured)

    opened = Store.open(store)
    assert opened.dtypes["tokens"] == pl.Int64
    assert sorted(pl.read_parquet(opened.files(), hive_partitioning=False)["tokens"]) == [3, 5]


def test_a_log_over_many_days_does_not_leave_many_files(tmp_path: Path, store: Path) -> None:
    path = tmp_path / "scattered.log"
    days = [f"{1 + number * 7 % 20:02}" for number in range(40_000)]
    path.write_text("".join(lines(n, n + 1).replace("[20/", f"[{day}/") for n, day in enumerate(days)))

    run(store, path, block_bytes=1 << 20)

    assert numbers(store) == list(range(40_000))
    assert Store.open(store).actions.height <= 40


TEXTS = st.one_of(
    st.integers(0, 99).map(lambda number: lines(number, number + 1).rstrip("\n")),
    st.sampled_from(
        ["", "   ", "# a comment", "2026/11/20 10:00:00 [error] 1#1: upstream timed out", "-", "\x00\x00", "{}"]
    ),
    st.text(max_size=60).map(lambda text: text.replace("\n", " ")),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXTS, max_size=30))
def test_every_line_is_accounted_for(tmp_path: Path, texts: list[str]) -> None:
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    folder.mkdir()
    path = folder / "a.log"
    path.write_bytes("".join(f"{text}\n" for text in texts).encode("utf-8", "surrogatepass"))

    done = ingest(
        [str(path)], folder / "store", settings=Settings(), options=ReadOptions("combined"), key=b"k" * 32, now=NOW,
        durable=False,
    )  # fmt: skip

    assert done.counts.balances
    assert done.counts.read == len(texts)


def test_a_format_that_was_found_is_not_searched_again(log: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[bytes] = []
    search = pipeline.recognise
    monkeypatch.setattr(
        pipeline, "recognise", lambda sample, *rest: (searched.append(sample), search(sample, *rest))[1]
    )
    log.write_text(lines(0, 1000))
    first = run(store, log)
    with log.open("a") as more:
        more.write(lines(1000, 1100))
    again = run(store, log)

    assert len(searched) == 1
    assert [(item.format.name, item.fit) for item in (first.logs[0], again.logs[0])] == [("combined", 1.0)] * 2
    assert numbers(store) == list(range(1100))
    # Settings that declare formats of their own may change what it is found to be.
    with log.open("a") as more:
        more.write(lines(1100, 1200))
    run(store, log, configured=Settings(formats={"mine": CustomFormat(fields={"timestamp": "t"})}))
    assert len(searched) == 2


@pytest.mark.parametrize("damage", ['{"found": [1]}', '{"found": {"x": 5}}', "{}"])
def test_a_damaged_list_of_formats_costs_a_search(log: Path, store: Path, damage: str) -> None:
    run(store, log)
    (store / "state" / "formats.json").write_text(damage)
    log.write_text(lines(0, 200))

    assert run(store, log).logs[0].format.name == "combined"
