"""Actions from a CSV file, and registrations from the file of accounts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from apilens.accounts import Accounts
from apilens.actions import read_actions, registrations
from apilens.errors import ConfigError, UsageError


def test_times_are_iso_8601_and_utc_unless_they_say_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "actions.csv"
    path.write_text(
        "action,time,account,user\n"
        "a,2026-11-01,acme,u1\n"
        "b,2026-11-01T10:00,,u2\n"
        "c,2026-11-01 10:00:00.5+02:00,acme,\n"
        "d,2026-11-01T10:00:00Z,acme,u1\n"
    )

    found = read_actions(path)

    assert found.select("action", "account", "user", "kind", "line").rows() == [
        ("a", "acme", "u1", "action", 1), ("b", None, "u2", "action", 2),
        ("c", "acme", None, "action", 3), ("d", "acme", "u1", "action", 4),
    ]  # fmt: skip
    assert found["started_at"].to_list() == found["timestamp"].to_list()
    assert found["timestamp"].to_list() == [
        datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 1, 10, tzinfo=UTC),
        datetime(2026, 11, 1, 8, 0, 0, 500_000, tzinfo=UTC), datetime(2026, 11, 1, 10, tzinfo=UTC),
    ]  # fmt: skip


@pytest.mark.parametrize("time", ["yesterday", "2026-13-01", "2026-11-01T25:00", "1762000000", "2026-11-01T10:00:00Zx"])
def test_what_is_no_time_is_named_with_its_line(tmp_path: Path, time: str) -> None:
    path = tmp_path / "actions.csv"
    path.write_text(f"account,time,action\nacme,2026-11-01,a\nacme,{time},b\n")

    with pytest.raises(ConfigError, match=r"actions.csv:3: `time` is '"):
        read_actions(path)


def test_registrations_are_times_of_any_kind() -> None:
    dates = pl.Series("account.since", [datetime(2026, 11, 1).date(), None])
    texts = pl.Series("account.mixed", ["2026-11-01", "2026-11-02T10:00:00Z"])
    accounts = Accounts(pl.DataFrame([pl.Series("account", ["a", "b"]), dates, texts]))

    assert registrations(accounts, "account.since").select("account", "action", "timestamp").rows() == [
        ("a", "account.since", datetime(2026, 11, 1, tzinfo=UTC))
    ]
    assert registrations(accounts, "account.mixed")["timestamp"].dt.day().to_list() == [1, 2]
    with pytest.raises(UsageError, match="no column `sinse`"):
        registrations(accounts, "account.sinse")
    with pytest.raises(UsageError, match="other things than times"):
        registrations(Accounts(pl.DataFrame({"account": ["a"], "account.n": [1]})), "account.n")
