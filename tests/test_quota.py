"""The part of its quota that an account uses: by hand, on both engines, in reports and outliers, and without quotas."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from apilens.accounts import Accounts, accounts_of, read_accounts
from apilens.analyses import answers
from apilens.analyses.outliers import OutliersOptions, outliers
from apilens.cli import cli
from apilens.engine import Engine, scan
from apilens.errors import UsageError
from apilens.query import summarise
from apilens.schema import DTYPES
from tests.event_frames import NOON, event, events_of

DAY = timedelta(days=1)
ACCOUNTS = Accounts(
    pl.DataFrame(
        {
            "account": ["acme", "globex", "hooli", "zero"],
            "account.quota_per_day": [4, None, None, 0],
            "account.quota_per_month": [100, 8, None, None],
        }
    )
)


def calls(account: str | None, *days: int) -> list[dict[str, Any]]:
    """Return a request on each of these days (0: that of NOON)."""
    return [event(account=account, endpoint="GET /a", timestamp=NOON + day * DAY) for day in days]


# NOON is early in November: three requests on the busiest day of acme; globex has four in October, six in November.
ROWS = [
    *calls("acme", 0, 0, 0, 1), *calls("globex", *[-30] * 4, *range(6)), *calls("hooli", 0), *calls("zero", 0),
    *calls(None, 0, 0),
]  # fmt: skip


def used(rows: list[dict[str, Any]], *by: str, known: Accounts = ACCOUNTS, **options: Any) -> dict[Any, float | None]:
    events, columns = known.beside(events_of(rows), ["quota_use"]), {**DTYPES, **known.dtypes()}
    [answer] = answers([summarise(events, metrics=["quota_use"], by=by or ["account"], dtypes=columns, **options)])
    return dict(answer.rows.select(pl.first(), "quota_use").iter_rows())


def test_the_busiest_day_or_month_by_the_quota() -> None:
    assert used(ROWS) == {"acme": 0.75, "globex": 0.75, "hooli": None, "zero": None, None: None}
    assert used([*ROWS, *calls("acme", *[1] * 4)])["acme"] == 1.25
    heavy = [event(account="acme", weight=8)]
    assert used(heavy) == {"acme": 2.0}


def test_only_of_one_account_at_a_time() -> None:
    assert used(ROWS, "endpoint") == {"GET /a": None}
    assert used(calls("acme", 0), "endpoint") == {"GET /a": 0.25}
    assert used([*calls("acme", 0), *calls(None, 0)], "endpoint") == {"GET /a": None}


def test_one_kind_of_quota_is_enough_and_none_is_said(tmp_path: Path) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text("id,quota_per_day\nacme,4\nglobex,\n")
    assert used(ROWS, known=read_accounts(file)) == {
        "acme": 0.75,
        "globex": None,
        "hooli": None,
        "zero": None,
        None: None,
    }
    file.write_text("id,quota_per_day,quota_per_month\nacme,4,\nglobex,,\n")
    assert used(ROWS, known=read_accounts(file))["acme"] == 0.75
    assert used(ROWS, known=accounts_of({"acme": {"quota_per_day": 4}}))["acme"] == 0.75
    for text in ("id,plan\nacme,pro\n", "id,quota_per_day\nacme,many\n"):
        file.write_text(text)
        with pytest.raises(UsageError, match="nothing says what an account may use") as raised:
            used(ROWS, known=read_accounts(file))
        assert "quota_per_month" in str(raised.value.hint)


def test_duckdb_says_the_same(tmp_path: Path) -> None:
    path = str(tmp_path / "part.parquet")
    pl.DataFrame(ROWS, schema=dict(DTYPES)).drop("day").write_parquet(path)

    def answered(engine: Engine) -> dict[Any, float | None]:
        events = ACCOUNTS.beside(scan([path], engine=engine), ["quota_use"])
        columns = {**DTYPES, **ACCOUNTS.dtypes()}
        [answer] = answers([summarise(events, metrics=["quota_use"], by=["account"], dtypes=columns)])
        return dict(answer.rows.select("account", "quota_use").iter_rows())

    assert answered("duckdb") == answered("polars") == used(ROWS)


def test_outliers_look_at_it_where_there_are_quotas() -> None:
    names = ["a", "b", "c", "d", "e", "f"]
    rows = [row for at, name in enumerate(names) for row in calls(name, *[0] * (9 + at % 3))]
    quotas = pl.DataFrame({"account": names, "account.quota_per_day": [100, 100, 100, 100, 100, 10]})
    quotas = quotas.with_columns(pl.lit(None, pl.Int64).alias("account.quota_per_month"))
    known = Accounts(quotas)
    options = OutliersOptions(now=NOON, least=5)
    events = known.beside(events_of(rows), options.texts())

    found = outliers(events, options, columns={**DTYPES, **known.dtypes()}).tables[0].rows

    assert found.select("account", "metric", "value").rows() == [("f", "quota_use", 1.1)]
    assert "quota_use" not in str(outliers(events_of(rows), options).notes)


def test_a_report_and_a_mistake_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    line = '192.0.2.1 - acme [20/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 5\n'
    Path("a.log").write_text(line * 3)
    Path("accounts.csv").write_text("id,quota_per_day\nacme,4\n")
    Path("apilens.yaml").write_text("accounts: accounts.csv\n")
    asked = ["report", "a.log", "-q", "--by", "account", "--metrics", "requests", "--having", "quota_use > 0.5"]

    assert CliRunner().invoke(cli, asked).stdout == "account\trequests\nacme\t3\n"
    Path("accounts.csv").write_text("id,plan\nacme,pro\n")
    wrong = CliRunner().invoke(cli, ["report", "a.log", "-q", "--by", "account", "--metrics", "quota_use"])
    assert isinstance(wrong.exception, UsageError)


def test_a_rule_and_a_cohort_may_name_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    line = '192.0.2.1 - acme [20/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 5\n'
    Path("a.log").write_text(line * 3)
    Path("accounts.csv").write_text("id,quota_per_month\nacme,4\n")
    Path("apilens.yaml").write_text("accounts: accounts.csv\ncohorts: {full: {when: quota_use > 0.7}}\n")
    Path("rules.yaml").write_text("rules: [{name: full, by: [account], window: 30d, when: quota_use > 0.7}]\n")
    now = ["--now", "2026-11-20T10:30:00Z"]

    report = CliRunner().invoke(
        cli, ["report", "a.log", "-q", "--by", "account", "--metrics", "requests", "--cohort", "full"]
    )
    check = CliRunner().invoke(cli, ["check", "a.log", "--rules", "rules.yaml", *now])

    assert report.stdout == "account\trequests\nacme\t3\n"
    assert "full" in check.stdout and "acme" in check.stdout, check.output
