"""The short form of day_of_cron.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from .alerts.making import MINUTE
from .day_of_cron import Day, run


def test_every_minute_of_cron_tells_a_beginning_reminders_and_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APILENS_HASH_KEY", "x")
    day = Day(minutes=16, busy_from=1, busy_to=11, repeat=4 * MINUTE)

    told = run(tmp_path, day)

    assert [(reason, accounts) for _, reason, accounts in told.messages] == day.expected()
    assert [reason for _, reason, _ in told.messages] == ["firing", "repeat", "resolved"]
    assert len(set(told.ids)) == 3
    assert told.codes == {0, 1}
