"""What is known of accounts besides their traffic: read strictly, joined to questions, shown beside the account."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from apilens.accounts import read_accounts
from apilens.analyses.report import ReportOptions, report
from apilens.errors import ConfigError, UsageError
from apilens.result import Field, Result, Table
from apilens.schema import DTYPES, TIME
from tests.event_frames import NOON, event, events_of

CSV = """\
id,name,plan,seats,rate,since,seen,code
acme,"Acme, Inc",free,3,0.5,2026-01-02,2026-01-02T10:00:00+01:00,007
globex,Globex,pro,,2,2026-02-03,2026-01-02T10:00:00Z,1
idle,Idle,pro,5,1.5,,,2
"""
ROWS = [event(account=account, status=status) for account, status in
        (("acme", 200), ("acme", 500), ("globex", 200), ("none", 500), (None, 200))]  # fmt: skip


def written(folder: Path, text: str, name: str = "accounts.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def ask(path: Path, **options: Any) -> Result:
    accounts = read_accounts(path, options.pop("show", ()))
    asked = ReportOptions(now=NOON, **options)
    columns = {**DTYPES, **accounts.dtypes()}
    return accounts.shown(report(accounts.beside(events_of(ROWS), asked.texts()), asked, columns=columns))


def test_columns_have_the_type_of_all_their_values(tmp_path: Path) -> None:
    accounts = read_accounts(written(tmp_path, CSV))

    assert accounts.dtypes() == {
        "account.name": pl.String(), "account.plan": pl.String(), "account.seats": pl.Int64(),
        "account.rate": pl.Float64(), "account.since": pl.Date(), "account.seen": TIME, "account.code": pl.String(),
    }  # fmt: skip
    assert accounts.table.row(0) == (
        "acme", "Acme, Inc", "free", 3, 0.5, date(2026, 1, 2), datetime(2026, 1, 2, 9, tzinfo=UTC), "007",
    )  # fmt: skip


def test_parquet_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "accounts.parquet"
    pl.DataFrame({"plan": ["free"], "id": [7], "at": [datetime(2026, 1, 2)]}).write_parquet(path)

    accounts = read_accounts(path)

    assert accounts.table.columns == ["account", "account.plan", "account.at"]
    assert accounts.table["account"].to_list() == ["7"]


def test_requests_are_grouped_and_filtered_by_what_is_known_of_their_account(tmp_path: Path) -> None:
    path = written(tmp_path, CSV)

    by_plan = ask(path, by=("account.plan",), metrics=("requests", "error_rate"))
    large = ask(path, where=("account.seats >= 3 AND \"account\".plan <> 'pro'",), metrics=("requests",))
    errors = ask(path, metrics=("errors",), errors="status >= 500 AND account.plan = 'free'")

    assert by_plan.tables[0].rows.rows() == [("free", 2, 0.5), (None, 2, 0.5), ("pro", 1, 0.0)]
    assert large.tables[0].rows.rows() == [(2,)]
    assert errors.tables[0].rows.rows() == [(1,)]


def test_what_is_to_be_shown_stands_behind_the_account(tmp_path: Path) -> None:
    (table,) = ask(written(tmp_path, CSV), show=("name", "seats"), by=("account",), metrics=("requests",)).tables

    assert [field.name for field in table.fields] == table.rows.columns
    assert table.fields[1:3] == (Field("account.name"), Field("account.seats", "number"))
    assert table.rows.rows() == [
        ("acme", "Acme, Inc", 3, 2), ("globex", "Globex", None, 1), ("none", None, None, 1), (None, None, None, 1),
    ]  # fmt: skip


def test_what_stands_there_already_is_not_shown_twice(tmp_path: Path) -> None:
    accounts = read_accounts(written(tmp_path, CSV), ("plan",))
    there = Table(
        "t", (Field("account"), Field("account.plan")), pl.DataFrame({"account": ["a"], "account.plan": ["x"]})
    )

    assert accounts.shown(Result("k", "t", (there,))).tables == (there,)


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("name\na\n", ["1: no column `id`"]),
        ("id,My Plan\na,b\n,c\na,d\n", [
            "1: 'My Plan' cannot name a column: letters, digits and `_`, as in `plan`", "3: `id` is empty",
            "4: the same `id` as in line 2",
        ]),
        ("id,id\na,b\n", ["1: column `id` is there twice"]),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_line(tmp_path: Path, text: str, mistakes: list[str]) -> None:
    path = written(tmp_path, text)

    with pytest.raises(ConfigError) as caught:
        read_accounts(path)

    assert caught.value.message.splitlines() == [f"{path}:{mistake}" for mistake in mistakes]


def test_mistakes_in_parquet_are_named_with_their_row(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"id": ["a", None, "a"], "tags": [[1], [2], [3]]}).write_parquet(path)

    with pytest.raises(ConfigError) as caught:
        read_accounts(path)

    assert caught.value.message.splitlines() == [
        f"{path}: column `tags` is neither text, a number, a time nor a truth",
        f"{path}: row 2: `id` is empty",
        f"{path}: row 3: `id` is there before",
    ]
    for text, what in (("no parquet", "is no Parquet file"), (None, "No such file")):
        other = tmp_path / "b.parquet"
        other.write_text(text) if text else other.unlink()
        with pytest.raises(ConfigError, match=what):
            read_accounts(other)


def test_an_unknown_column_to_show_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no column `plna`") as caught:
        read_accounts(written(tmp_path, CSV), ("plna",))
    assert caught.value.hint == "did you mean `plan`?"


def test_without_accounts_the_dimension_says_what_to_do() -> None:
    with pytest.raises(UsageError) as caught:
        report(events_of(ROWS), ReportOptions(now=NOON, by=("account.plan",)))
    assert "accounts: FILE" in str(caught.value.hint)
