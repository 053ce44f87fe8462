"""Moments with a name: kept in a store, read from a file, and drawn below the lines of a series."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apilens.analyses.report_options import ReportOptions
from apilens.analyses.series import series
from apilens.errors import ConfigError, StoreError, UsageError
from apilens.marks import STATE, mark, marks_of, unmark
from apilens.render.sparkline import marker
from apilens.result import Series
from apilens.store import writing
from tests.event_frames import NOON, event, events_of

KEY = b"k" * 32


def test_marks_are_kept_moved_and_taken_away(tmp_path: Path) -> None:
    with writing(tmp_path, key=KEY) as writer:
        assert mark(writer, "v2", NOON) is None
        assert mark(writer, "v1", NOON - timedelta(days=1)) is None
        assert mark(writer, "v2", NOON + timedelta(hours=1)) == NOON
        assert list(marks_of(tmp_path, None).items()) == [
            ("v1", NOON - timedelta(days=1)), ("v2", NOON + timedelta(hours=1)),
        ]  # fmt: skip
        unmark(writer, "v1")
        with pytest.raises(UsageError, match="no mark `v1`"):
            unmark(writer, "v1")
        for name in ("", " v1", "a\nb", "x" * 101):
            with pytest.raises(UsageError, match="cannot name"):
                mark(writer, name, NOON)

    assert list(marks_of(tmp_path, None)) == ["v2"]
    (tmp_path / "state" / STATE).write_text('{"v2": "soon"}')
    with pytest.raises(StoreError, match="damaged"):
        marks_of(tmp_path, None)


def test_marks_of_a_file_stand_beside_those_of_the_store(tmp_path: Path) -> None:
    file = tmp_path / "deploys.csv"
    file.write_text("name,time\nv1,2026-11-01\nv2,2026-11-02T10:00:00+01:00\n")
    with writing(tmp_path / "store", key=KEY) as writer:
        mark(writer, "v1", NOON)

    assert marks_of(tmp_path / "store", str(file)) == {"v2": datetime(2026, 11, 2, 9, tzinfo=UTC), "v1": NOON}
    assert list(marks_of(tmp_path / "none", str(file))) == ["v1", "v2"]


def test_every_mistake_in_a_file_of_marks_is_named(tmp_path: Path) -> None:
    file = tmp_path / "deploys.csv"
    file.write_text("name,time\nv1,soon\nv2,\nv2,2026-11-01\n")

    with pytest.raises(ConfigError) as caught:
        marks_of(tmp_path, str(file))
    assert [line.rpartition("deploys.csv:")[2].partition(":")[0] for line in caught.value.message.split("\n")] == [
        "3", "4", "2",
    ]  # fmt: skip


def test_a_series_knows_which_buckets_have_marks() -> None:
    marks = {"v1": NOON + timedelta(hours=2, minutes=5), "before": NOON - timedelta(days=9)}
    rows = [event(timestamp=NOON), event(timestamp=NOON + timedelta(hours=3))]
    result = series(events_of(rows), ReportOptions(now=NOON, every="1h", marks=marks))

    assert result.tables[0].spread == Series((), "hour", frozenset({2}))
    assert result.notes[-1] == "marks: v1 2026-11-03 14:05"


def test_a_sign_stands_under_the_bar_that_its_bucket_shares() -> None:
    assert marker(5, {1, 4}, width=9, unicode=True) == " ▲  ▲"
    assert marker(6, {1, 4}, width=3, unicode=False) == "^ ^"
    assert marker(5, set(), width=9, unicode=True) == ""
