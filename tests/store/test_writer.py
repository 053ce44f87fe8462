from __future__ import annotations

import json
import stat
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from apilens.errors import StoreBusy, StoreError
from apilens.schema import DTYPES
from apilens.store import Counts, Position, Store, compact, verify, writing
from apilens.store.data_files import by_day
from apilens.store.streams import Advance
from apilens.store.table import scan

from .conftest import KEY, START, Make

HEAD = b"the first line of a log\n"
NO_REJECTS = pl.DataFrame()


def commit(path: Path, frame: pl.DataFrame, *, offset: int = 100, rejects: pl.DataFrame = NO_REJECTS) -> Position:
    with writing(path, key=KEY) as writer:
        before = writer.position(HEAD)
        counts = Counts(read=frame.height + rejects.height, stored=frame.height, rejected=rejects.height)
        files = writer.write([by_day(frame)])
        [after] = writer.commit(
            files, [Advance(before, HEAD, offset, frame.height)], counts=counts, rejects=rejects, info={}
        )
    return after


def rows(path: Path) -> pl.DataFrame:
    store = Store.open(path)
    dtypes = {name: dtype for name, dtype in DTYPES.items() if name != "day"}
    return pl.scan_parquet(store.files(), schema=dtypes, missing_columns="insert", hive_partitioning=False).collect()


def test_what_is_committed_is_read_back_with_its_offset(path: Path, make: Make) -> None:
    commit(path, make(5), offset=123)

    assert rows(path).equals(make(5).drop("day"))
    with writing(path, key=KEY) as writer:
        assert (writer.position(HEAD).offset, writer.position(HEAD).lines) == (123, 5)


def test_days_are_told_apart_sorted_or_not(make: Make) -> None:
    frame = make(6)
    first = frame["day"][0]

    for days in ([0, 0, 1, 1, 1, 2], [1, 1, 0, 0, 2, 2], [0, 1, 0, 2, 1, 0]):
        dated = frame.with_columns(pl.Series("day", [first + timedelta(days=day) for day in days]))
        parts = by_day(dated)

        assert {day: part["line"].to_list() for day, part in parts.items()} == {
            first + timedelta(days=day): [line for line, at in zip(dated["line"], days, strict=True) if at == day]
            for day in days
        }
        assert all("day" not in part.columns for part in parts.values())


def test_files_without_a_commit_are_not_seen(path: Path, make: Make) -> None:
    commit(path, make(5))
    with writing(path, key=KEY) as writer:
        writer.write([by_day(make(7, first=6))])

    assert rows(path).height == 5


def test_a_frame_over_three_days_makes_a_file_for_each(path: Path, make: Make) -> None:
    commit(path, pl.concat([make(2, day=day) for day in (1, 0, 2)]))

    store = Store.open(path)
    assert store.actions["day"].to_list() == [date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22)]
    assert len(store.files(since=START + timedelta(days=1))) == 2
    assert len(store.files(until=START + timedelta(days=1))) == 1


def test_columns_that_are_null_throughout_are_not_written(path: Path, make: Make) -> None:
    commit(path, make(3))

    [file] = Store.open(path).files()
    assert "duration_ms" not in pl.read_parquet_schema(file)
    assert "account" in pl.read_parquet_schema(file)


def test_parts_of_a_day_are_one_file_with_the_columns_of_all(path: Path, make: Make) -> None:
    later = make(2, first=4, day=1)
    timed = make(1, first=3).with_columns(pl.lit(12.5, DTYPES["duration_ms"]).alias("duration_ms"))
    with writing(path, key=KEY) as writer:
        files = writer.write(by_day(frame) for frame in (make(2), later, timed, make(1).clear()))
        writer.commit(files, [], counts=Counts(5, 5), rejects=NO_REJECTS, info={})

    assert [(file.day, file.rows) for file in files] == [(START.date(), 3), (START.date() + timedelta(days=1), 2)]
    assert rows(path).select("line", "duration_ms").rows() == [(1, None), (2, None), (3, 12.5), (4, None), (5, None)]


def test_nothing_in_the_store_can_be_read_by_others(path: Path, make: Make) -> None:
    commit(path, make(3), rejects=pl.DataFrame({"line": [4], "reason": ["no readable time"]}))

    for item in [path, *path.rglob("*")]:
        assert stat.S_IMODE(item.stat().st_mode) & 0o077 == 0, item


def test_rejects_of_a_killed_run_are_not_counted(path: Path, make: Make) -> None:
    commit(path, make(3), rejects=pl.DataFrame({"line": [4], "reason": ["x"]}))
    # What a run leaves that is killed between writing its rejects and its commit.
    (path / "rejects" / "0000000002.jsonl").write_text('{"line": 9, "reason": "lost"}\n')
    commit(path, make(3, first=5), offset=200)

    kept = [json.loads(line) for file in sorted((path / "rejects").iterdir()) for line in file.read_text().splitlines()]
    assert kept == [{"line": 4, "reason": "x"}]


def test_a_folder_may_be_called_like_a_pattern(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "store[1]*"
    for day in range(12):
        commit(path, make(2, first=1 + 2 * day), offset=100 + day)
    with writing(path, key=KEY) as writer:
        assert compact(writer, today=date(2026, 11, 23), every_day=True).before == 12

    store = Store.open(path)
    assert verify(store).tables[0].rows.is_empty()
    assert scan(store, ["line"]).collect()["line"].sort().to_list() == list(range(1, 25))
    assert store.newest(START + timedelta(days=1)) == START + timedelta(seconds=1)


def test_totals_add_up_over_runs(path: Path, make: Make) -> None:
    commit(path, make(3), rejects=pl.DataFrame({"line": [4], "reason": ["x"]}))
    commit(path, make(2), offset=200)

    store = Store.open(path)
    assert [store.total(name) for name in ("read", "stored", "rejected")] == [6, 5, 1]


def test_another_hash_key_is_refused(path: Path, make: Make) -> None:
    commit(path, make(1))

    with pytest.raises(StoreError, match="another hash key"), writing(path, key=b"z" * 32):
        pass


def test_a_second_writer_waits_and_then_gives_up(path: Path) -> None:
    with writing(path, key=KEY), pytest.raises(StoreBusy, match="being written"), writing(path, key=KEY, wait_s=0.1):
        pass


def test_a_store_that_others_can_write_is_refused(path: Path, make: Make) -> None:
    commit(path, make(1))
    path.chmod(0o777)

    with pytest.raises(StoreError, match="written by other users"), writing(path, key=KEY):
        pass


def test_a_folder_with_other_things_is_no_place_for_a_store(path: Path) -> None:
    path.mkdir(mode=0o700)
    (path / "holiday.jpg").write_bytes(b"x")

    with pytest.raises(StoreError, match="other things"), writing(path, key=KEY):
        pass


def test_a_store_of_a_newer_version_is_left_alone(path: Path, make: Make) -> None:
    commit(path, make(1))
    (path / "state" / "store.json").write_text('{"version": 99}')

    with pytest.raises(StoreError, match="newer apilens"):
        Store.open(path)


def test_configured_columns_are_added_and_old_rows_read_null(path: Path, make: Make) -> None:
    commit(path, make(2))
    with writing(path, key=KEY, extra={"input_tokens": pl.Int64()}) as writer:
        frame = make(1, first=3).with_columns(pl.lit(7, pl.Int64).alias("input_tokens"))
        writer.commit(writer.write([by_day(frame)]), [], counts=Counts(1, 1), rejects=NO_REJECTS, info={})

    store = Store.open(path)
    assert store.dtypes["input_tokens"] == pl.Int64
    schema = {"line": pl.Int64(), "input_tokens": pl.Int64()}
    found = pl.scan_parquet(
        store.files(), schema=schema, missing_columns="insert", extra_columns="ignore", hive_partitioning=False
    )
    assert found.sort("line").collect()["input_tokens"].to_list() == [None, None, 7]


def test_the_log_is_folded_every_twenty_commits(path: Path, make: Make) -> None:
    for number in range(21):
        commit(path, make(1, first=number + 1), offset=100 + number)

    assert list((path / "events" / "_delta_log").glob("*.checkpoint.parquet"))
    assert rows(path).height == 21
    with writing(path, key=KEY) as writer:
        assert writer.position(HEAD).offset == 120
