"""Which limit a plan would have, and whom it would throttle: by hand, by an oracle, on both engines."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from apilens.analyses.limits import LimitsOptions, limits
from apilens.errors import UsageError
from apilens.result import Result
from apilens.schema import dtypes
from tests.event_frames import NOON, event, events_of
from tests.oracle import quantile
from tests.peer_events import Event, on_both, same, traffic

LATER = NOON + timedelta(days=3)
PLANS = {"account.plan": pl.String()}


def calls(account: str | None, plan: str | None, *counts: int) -> list[Event]:
    """Return so many requests in one minute after the other."""
    return [
        {**event(account=account, timestamp=NOON + timedelta(minutes=minute, seconds=second)), "account.plan": plan}
        for minute, count in enumerate(counts)
        for second in range(count)
    ]


# Peaks: free 4, 6 and 10; pro 20. Nobody's requests count for nobody.
ROWS = [
    *calls("a", "free", 4, 1), *calls("b", "free", 2, 6), *calls("c", "free", 10, 7, 8),
    *calls("d", "pro", 20), *calls("e", None, 1), *calls(None, None, 50),
]  # fmt: skip


def ask(events: list[Event] = ROWS, /, **options: Any) -> Result:
    return limits(events_of(events, extra=PLANS), LimitsOptions(now=LATER, **options), columns=dtypes(PLANS))


def test_the_quantile_of_the_peaks_of_each_plan() -> None:
    result = ask(quantile=0.5)
    plans, throttled = (table.rows for table in result.tables)

    assert plans.rows() == [("free", 6, 3, 6, 10, 1), ("pro", 20, 1, 20, 20, 0), (None, 1, 1, 1, 1, 0)]
    # Three minutes of c have 4, 1 and 2 requests beyond 6.
    assert throttled.rows() == [("c", "free", 10, 6, 3, 7)]
    assert plans.columns[0] == "account.plan"
    assert result.notes[0].startswith("fewer than 10 accounts in free, pro, (none): ")
    assert result.command == "apilens outliers --quantile 0.5 --suggest-limits"
    for table in result.tables:
        assert table.rows.columns == [field.name for field in table.fields]


def test_a_limit_is_rounded_up_to_two_digits() -> None:
    rows = [{**calls("a", "pro", 1)[0], "weight": 1234}]

    assert ask(rows).tables[0].rows["limit"].to_list() == [1300]


def test_one_limit_for_all_where_no_plan_is_known() -> None:
    result = limits(events_of(ROWS), LimitsOptions(now=LATER, quantile=1.0))

    assert result.tables[0].rows.rows() == [("(all)", 20, 5, 6, 20, 0)]
    assert result.notes[0].startswith("one limit for all: --plan DIM")


def test_nothing_to_limit_and_what_cannot_be() -> None:
    assert ask([]).notes == ("no request matches: widen --since, or loosen --where",)
    assert ask(calls(None, None, 3)).notes[0] == "nobody to limit: a limit is one of accounts"
    with pytest.raises(UsageError, match="throttles nobody"):
        ask(plan="account")
    with pytest.raises(UsageError, match="unknown dimension"):
        ask(plan="plann")


def test_the_numbers_are_those_of_an_oracle() -> None:
    rows = [{**row, "timestamp": NOON + (row["timestamp"] - NOON) / 200} for row in traffic(2, 500, weights=(1, 3))]

    result = limits(events_of(rows), LimitsOptions(now=LATER, plan="sdk", quantile=0.6, limit=None))

    minutes: dict[Any, dict[Any, int]] = {}
    for row in rows:
        if row["kind"] == "request" and row["account"]:
            own = minutes.setdefault((row["account"], row["sdk"]), {})
            minute = row["timestamp"].replace(second=0, microsecond=0)
            own[minute] = own.get(minute, 0) + row["weight"]
    expected = {}
    for sdk in {key[1] for key in minutes}:
        peaks = [{"peak": max(own.values()), "weight": 1} for key, own in minutes.items() if key[1] == sdk]
        whole = math.ceil(round(quantile(peaks, "peak", 0.6) or 0, 6))
        expected[sdk] = whole if whole < 100 else -(-whole // 10) * 10
    assert dict(result.tables[0].rows.select("sdk", "limit").rows()) == expected
    beyond = {
        key: (sum(count > expected[key[1]] for count in own.values()),
              sum(max(count - expected[key[1]], 0) for count in own.values()))
        for key, own in minutes.items()
    }  # fmt: skip
    made = {row[:2]: row[4:] for row in result.tables[1].rows.rows()}
    assert made == {key: numbers for key, numbers in beyond.items() if numbers[0]}
    assert len(made) > 2


def test_duckdb_gives_the_same(tmp_path: Path) -> None:
    options = LimitsOptions(now=LATER, plan="sdk", quantile=0.5)
    rows = [{**row, "timestamp": NOON + (row["timestamp"] - NOON) / 200} for row in traffic(2, 300, weights=(1, 3))]

    one, other = on_both(rows, limits, options, tmp_path)

    same(one, other)
    assert one.tables[1].rows.height
