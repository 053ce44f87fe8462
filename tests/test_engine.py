"""Parquet files of any layout come back as the event table."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest

from apilens.analyses import collect
from apilens.engine import ENGINES, frame, grouped, joined, scan, with_hashes
from apilens.errors import StoreError
from apilens.schema import DTYPES, dtypes

TIME = pl.Datetime("us", "UTC")


def written(path: Path, **columns: object) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(columns, schema_overrides={"timestamp": TIME}).write_parquet(path)
    return str(path)


def test_missing_columns_are_null_strangers_are_left_out_and_day_comes_from_the_time(tmp_path: Path) -> None:
    first = written(
        tmp_path / "day=2026-11-01/a.parquet", timestamp=[datetime(2026, 11, 1, 23, tzinfo=UTC)], status=[200]
    )
    second = written(
        tmp_path / "day=2026-11-02/b [x]*.parquet", timestamp=[datetime(2026, 11, 2, tzinfo=UTC)], alien=["x"]
    )

    pl.read_parquet(first).with_columns(pl.col("status").cast(pl.Int16)).write_parquet(first)
    events = scan([first, second], dtypes({"input_tokens": pl.Int64()})).collect().to_native()

    assert events.schema == {**DTYPES, "input_tokens": pl.Int64()}
    assert events["day"].to_list() == [date(2026, 11, 1), date(2026, 11, 2)]
    assert events["status"].to_list() == [200, None]


def test_a_file_that_cannot_be_read_is_a_store_error(tmp_path: Path) -> None:
    wrong = written(tmp_path / "wrong.parquet", timestamp=[datetime(2026, 11, 1, tzinfo=UTC)], status=["x"])
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nonsense")

    for path in (wrong, str(tmp_path / "broken.parquet"), str(tmp_path / "gone.parquet")):
        with pytest.raises(StoreError, match="cannot be read") as caught:
            collect([scan([path]).select("status")])
        assert "\n" not in caught.value.message
        assert "store verify" in str(caught.value.hint)


def test_no_file_is_an_empty_table() -> None:
    events = scan([]).collect().to_native()

    assert events.schema == dict(DTYPES)
    assert events.is_empty()


def test_hashes_keep_nulls_and_tell_values_apart() -> None:
    events = frame(pl.DataFrame({"account": ["a", "b", None, "a"]}))
    hashed = with_hashes(events, {"h": "account"}).collect().to_native()["h"]

    assert hashed.is_null().to_list() == [False, False, True, False]
    assert hashed[0] == hashed[3] != hashed[1]


def test_a_report_loads_neither_pyarrow_numpy_nor_sqlglot(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", timestamp=[datetime(2026, 11, 1, tzinfo=UTC)], kind=["request"], weight=[1])
    program = """
import sys
from datetime import UTC, datetime
from apilens.analyses.report import ReportOptions, report
from apilens.analyses import collect
from apilens.engine import scan
for by in ((), ("account",)):
    result = report(scan([sys.argv[1]]), ReportOptions(now=datetime(2026, 11, 2, tzinfo=UTC), by=by))
    assert result.tables[0].rows["requests"].to_list() == [1]
print(sorted({"pyarrow", "numpy", "pandas", "sqlglot", "deltalake", "duckdb"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=False)

    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_duckdb_reads_the_same_table(tmp_path: Path) -> None:
    late = datetime(2026, 11, 1, 23, 59, 59, 5, tzinfo=UTC)
    files = [
        written(tmp_path / "a [x]*.parquet", timestamp=[late], account=["é"]),
        written(tmp_path / "b.parquet", timestamp=[datetime(2026, 11, 2, tzinfo=UTC)], alien=["x"], line=[2**60]),
    ]  # fmt: skip
    types = dtypes({"input_tokens": pl.Int64()})

    for chosen in (files, []):
        ours, theirs = collect([scan(chosen, types, engine=engine) for engine in ENGINES])
        assert theirs.equals(ours) and theirs.schema == ours.schema


def test_a_small_table_stands_beside_events_of_either_engine(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", timestamp=[datetime(2026, 11, 1, tzinfo=UTC)] * 2, account=["a", "b"])
    plans = pl.DataFrame({"account": ["a"], "account.plan": ["pro"]})

    for engine in ENGINES:
        events = scan([path], engine=engine).select("account")
        [found] = collect([joined(events, plans, on="account").sort("account")])
        assert found.rows() == [("a", "pro"), ("b", None)]


def test_a_key_may_have_a_dot_in_its_name_on_either_engine(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.parquet", timestamp=[datetime(2026, 11, 1, tzinfo=UTC)] * 3, account=["a", "b", "a"],
        weight=[1, 2, 4],
    )  # fmt: skip
    plans = pl.DataFrame({"account": ["a"], "account.plan": ["pro"]})

    for engine in ENGINES:
        events = joined(scan([path], engine=engine), plans, on="account")
        sums = grouped(events, ["account", "account.plan"], nw.col("weight").sum())
        [found] = collect([sums.sort("account")])
        assert found.columns == ["account", "account.plan", "weight"]
        assert found.rows() == [("a", "pro", 5), ("b", None, 2)]


def test_what_duckdb_cannot_read_is_a_store_error(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", timestamp=[datetime(2026, 11, 1, tzinfo=UTC)], status=["x"])

    with pytest.raises(StoreError, match="cannot be read"):
        collect([scan([path], engine="duckdb").select("status")])
