"""Files that need not be opened, and how far every log was read: shortcuts that say the same as the long way."""

from __future__ import annotations

import os
import time
from pathlib import Path

import polars as pl
import pytest

from apilens.store import Counts, Seen, writing
from apilens.store.streams import Advance, Position
from apilens.store.versions import read_versions
from apilens.store.writer import CHECKPOINT_EVERY

KEY = b"k" * 32
NO_REJECTS = pl.DataFrame()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.log"
    path.write_text("x\n")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return path


def seen(tmp_path: Path, table: str = "t", generation: int = 5, later_s: float = 10) -> Seen:
    began = time.time_ns() + int(later_s * 1e9)
    return Seen(tmp_path / "seen", table=table, generation=generation, began_ns=began)


def keep(tmp_path: Path, made: Seen) -> None:
    (tmp_path / "seen").write_bytes(made.data(5))


def test_a_file_that_nobody_touched_is_known_again(tmp_path: Path, file: Path) -> None:
    first = seen(tmp_path)
    first.add(file.stat())
    keep(tmp_path, first)

    assert seen(tmp_path).has(file.stat())
    assert seen(tmp_path, generation=9).has(file.stat())


def test_a_file_that_was_written_to_is_not_known(tmp_path: Path, file: Path) -> None:
    first = seen(tmp_path)
    first.add(file.stat())
    keep(tmp_path, first)
    file.write_text("y\n")
    os.utime(file, (1_000_000_000, 1_000_000_000))

    assert not seen(tmp_path).has(file.stat())


def test_a_table_that_was_put_back_or_made_anew_knows_nothing(tmp_path: Path, file: Path) -> None:
    first = seen(tmp_path)
    first.add(file.stat())
    keep(tmp_path, first)

    assert not seen(tmp_path, generation=4).has(file.stat())
    assert not seen(tmp_path, table="other").has(file.stat())


def test_a_file_that_was_just_written_to_is_opened_again(tmp_path: Path, file: Path) -> None:
    first = seen(tmp_path, later_s=0.5)
    first.add(file.stat())

    assert not first.changed


@pytest.mark.parametrize("text", [b"", b"{}", b"no json\nxxxx", b'{"table": "t", "generation": 5}\nshort'])
def test_a_damaged_file_knows_nothing(tmp_path: Path, file: Path, text: bytes) -> None:
    (tmp_path / "seen").write_bytes(text)

    assert not seen(tmp_path).has(file.stat())


def test_all_transaction_ids_are_those_that_the_table_gives_one_by_one(tmp_path: Path) -> None:
    with writing(tmp_path / "store", key=KEY, durable=False) as writer:
        for number in range(CHECKPOINT_EVERY + 3):
            writer.commit(
                [], [Advance(Position(), b"line %d\n" % number, 7 + number, 1)], counts=Counts(read=1, blank=1),
                rejects=NO_REJECTS, info={},
            )  # fmt: skip
        delta, log = writer.delta, tmp_path / "store/events/_delta_log"
        found = read_versions(log, delta.version())

        assert len(found) > 2 * CHECKPOINT_EVERY
        assert found == {name: delta.transaction_version(name) for name in found}
        # As of an older version, what was committed since is not known.
        older = read_versions(log, delta.version() - 2)
        assert older["generation"] == found["generation"] - 2
