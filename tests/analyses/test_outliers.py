"""Who is far from the others: distances one can check, an oracle, and when there are none."""

from __future__ import annotations

import math
import statistics
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from apilens.analyses.outliers import OutliersOptions, outliers
from apilens.errors import UsageError
from apilens.result import Result
from apilens.schema import dtypes
from tests import oracle
from tests.event_frames import NOON, event, events_of
from tests.peer_events import EXTRA, Event, on_both, same

LATER = NOON + timedelta(days=3)


def calls(**counts: int) -> list[Event]:
    return [event(account=name, response_bytes=100) for name, count in counts.items() for _ in range(count)]


# Logarithms to the base 2: 2, 3, 3, 4, 4, 8 requests; their median is 3.5, and deviations 1.5, .5, .5, .5, .5, 4.5.
ROWS = [*calls(a=4, b=8, c=8, d=16, e=16, huge=256), *(event(account=None) for _ in range(9))]


def ask(events: list[Event] = ROWS, /, **options: Any) -> Result:
    return outliers(events_of(events), OutliersOptions(now=LATER, **{"least": 1, **options}))


def test_how_far_an_account_is_from_the_median() -> None:
    result = ask(metrics=("requests",))

    # 4.5 from the median of 3.5; the median deviation is 0.5, and 2^3.5 is 11.3.
    assert result.tables[0].rows.rows() == [
        ("huge", "requests", 256.0, 11.313708, 22.627417, round(4.5 / (1.4826 * 0.5), 6), 6)
    ]
    assert result.notes == (
        "huge has 22.6 times the median requests (z +6.1) → "
        "apilens report --by endpoint --metrics requests --where \"account = 'huge'\"",
        "97.1 % of requests have an account",
    )
    assert result.command == "apilens outliers --metric requests --min-requests 1"


def test_the_usual_metrics_and_every_configured_number() -> None:
    rows = [{**row, "tokens": 50 if row["account"] == "a" else 5 + len(row["account"] or "")} for row in ROWS]
    rows = [{**row, "tokens": row["tokens"] + ord((row["account"] or "z")[0]) % 7} for row in rows]

    result = outliers(events_of(rows, extra=EXTRA), OutliersOptions(now=LATER, least=1), columns=dtypes(EXTRA))

    assert set(result.tables[0].rows["metric"]) == {"requests", "mean(tokens)"}
    assert "no distances by mean(response_bytes): most accounts are alike" in result.notes
    assert "too few peers to compare by mean(request_bytes): fewer than 5 accounts have any" in result.notes


def test_a_higher_threshold_few_rows_and_small_accounts() -> None:
    assert ask(metrics=("requests",), threshold=7.0).tables[0].rows.is_empty()
    assert "nobody is far from the others" in ask(metrics=("requests",), threshold=7.0).notes[0]
    assert "--threshold 7" in ask(metrics=("requests",), threshold=7.0).command
    # Four accounts are no peers.
    assert ask(metrics=("requests",), least=8, threshold=2.5).notes[0].startswith("huge has")
    assert ask(metrics=("requests",), least=9).notes[0].startswith("too few peers to compare by requests")
    two = ask([*calls(a=4, b=8, c=8, d=16, e=16, huge=256, vast=512)], metrics=("requests",), threshold=1, limit=1)
    assert two.notes[1] == "and 2 more; --limit all shows them"


def test_a_small_difference_matters_to_nobody() -> None:
    result = ask(calls(a=100, b=101, c=100, d=101, e=100, f=120), metrics=("requests",))

    assert result.tables[0].rows.is_empty()


def test_nothing_to_compare_and_what_cannot_be() -> None:
    assert ask([]).notes == ("no request matches: widen --since, or loosen --where",)
    assert ask([event()]).tables[0].rows.is_empty()
    with pytest.raises(UsageError, match="is a time"):
        ask(metrics=("last_request",))
    with pytest.raises(UsageError, match="unknown metric"):
        ask(metrics=("reqests",))


def many() -> list[Event]:
    return [
        event(
            account=f"a{number}",
            duration_ms=5.0 + 7 * ((number * (call + 3)) % 11), response_bytes=3**(number % 7) * 10,
            status=500 if (number + call) % 5 == 0 else 200, weight=1 + number % 2,
        )
        for number in range(24)
        for call in range(1 + (number * 7) % 13)
    ]  # fmt: skip


@pytest.mark.parametrize("metric", ["requests", "mean_ms", "error_rate", "response_bytes"])
def test_the_distances_are_those_of_an_oracle(metric: str) -> None:
    rows = many()

    result = ask(rows, metrics=(metric,), least=2, threshold=0.0, limit=None)

    groups: dict[str, list[Event]] = {}
    for row in rows:
        groups.setdefault(row["account"], []).append(row)
    values = {
        name: oracle.METRICS[metric](group, rows) for name, group in groups.items() if oracle.requests(group) >= 2
    }
    logs = {name: math.log(value) for name, value in values.items() if value}
    middle = statistics.median(logs.values())
    spread = 1.4826 * statistics.median(abs(log - middle) for log in logs.values())
    far = {name: (log - middle) / spread for name, log in logs.items() if abs(log - middle) >= math.log(1.5) - 1e-9}
    made = dict(result.tables[0].rows.select("account", "z").rows())
    assert made.keys() == far.keys()
    assert len(made) > 2
    assert [made[name] for name in far] == pytest.approx(list(far.values()), abs=1e-4)


def test_duckdb_gives_the_same(tmp_path: Path) -> None:
    metrics = ("requests", "error_rate", "p95_ms", "response_bytes")

    one, other = on_both(
        many(), outliers, OutliersOptions(now=LATER, least=2, threshold=0.5, metrics=metrics), tmp_path
    )

    same(one, other)
    assert one.tables[0].rows["metric"].n_unique() == 4
    assert one.tables[0].rows.schema["peers"] == pl.Int64
