from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from apilens.store import Counts, Store, compact, verify, writing
from apilens.store.data_files import by_day
from apilens.store.maintenance import ANY_DAY_FILES, CLOSED_DAY_FILES

from .conftest import KEY, Make

TODAY = date(2026, 11, 20)
TOMORROW = date(2026, 11, 21)


def fill(path: Path, make: Make, files: int) -> None:
    with writing(path, key=KEY) as writer:
        for number in range(files):
            written = writer.write([by_day(make(3, first=1 + 3 * number))])
            writer.commit(written, [], counts=Counts(3, 3), rejects=pl.DataFrame(), info={})


def lines(path: Path) -> list[int]:
    return sorted(
        pl.read_parquet(Store.open(path).files(), columns=["line"], hive_partitioning=False)["line"].to_list()
    )


def test_a_closed_day_with_too_many_files_becomes_one_sorted_file(path: Path, make: Make) -> None:
    fill(path, make, CLOSED_DAY_FILES + 1)

    with writing(path, key=KEY) as writer:
        done = compact(writer, today=TOMORROW)

    assert (done.days, done.before, done.after) == (1, 9, 1)
    [file] = Store.open(path).files()
    rows = pl.read_parquet(file)
    assert rows.select("account", "timestamp").equals(rows.select("account", "timestamp").sort("account", "timestamp"))
    assert lines(path) == list(range(1, 28))


def test_the_open_day_is_left_until_it_has_many_files(path: Path, make: Make) -> None:
    fill(path, make, CLOSED_DAY_FILES + 1)
    with writing(path, key=KEY) as writer:
        assert compact(writer, today=TODAY).days == 0
    fill(path, make, ANY_DAY_FILES - CLOSED_DAY_FILES)
    with writing(path, key=KEY) as writer:
        assert compact(writer, today=TODAY).days == 1


def test_compaction_keeps_totals_and_offsets(path: Path, make: Make) -> None:
    fill(path, make, 4)
    with writing(path, key=KEY) as writer:
        compact(writer, today=TODAY, every_day=True)

    store = Store.open(path)
    assert store.total("stored") == 12
    assert verify(store).tables[0].rows.is_empty()


def test_a_reader_that_opened_before_compaction_still_reads(path: Path, make: Make) -> None:
    fill(path, make, 4)
    before = Store.open(path).files()

    with writing(path, key=KEY) as writer:
        compact(writer, today=TODAY, every_day=True)

    assert pl.read_parquet(before, hive_partitioning=False).height == 12


def test_verify_names_a_file_that_was_cut_or_lost(path: Path, make: Make) -> None:
    fill(path, make, 3)
    first, second, _ = (Path(file) for file in Store.open(path).files())
    first.write_bytes(first.read_bytes()[:-10])
    second.unlink()

    problems = verify(Store.open(path)).tables[0].rows
    assert problems.height == 2
    assert "bytes on disk" in problems["problem"].str.join(" ").item()
