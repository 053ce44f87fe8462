"""Who waits longer than the others: against an oracle, what is persistent, and what goes with slowness."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apilens.analyses import latency as module
from apilens.analyses.latency import LatencyOptions, latency
from apilens.result import Result
from tests import oracle
from tests.event_frames import NOON, event, events_of
from tests.peer_events import Event, on_both, polars_of, same, traffic

LATER = NOON + timedelta(days=30)


def calls(account: str | None, hour: int, count: int, ms: float, **columns: Any) -> list[Event]:
    moment = NOON + timedelta(hours=hour)
    return [
        event(account=account, endpoint="GET /a", timestamp=moment, duration_ms=ms, **columns) for _ in range(count)
    ]


# Everybody else needs 10 ms. zeta is slow in each of four hours, burst in one of four.
ROWS = [
    *(row for hour in range(4) for row in calls("zeta", hour, 5, 100.0)),
    *(row for hour in range(4) for row in calls("burst", hour, 5, 80.0 if hour == 1 else 10.0)),
    *(row for hour in range(4) for row in calls(None, hour, 10, 10.0)),
    *calls("small", 0, 2, 500.0),
]  # fmt: skip


def ask(events: list[Event] = ROWS, /, **options: Any) -> Result:
    return latency(events_of(events), LatencyOptions(now=LATER, **options))


def test_percentiles_against_all_others_and_what_is_persistent() -> None:
    rows = ask().tables[0].rows

    assert rows.select("account", "p95_ms", "others_p95_ms", "persistent", "slow_periods", "periods").rows() == [
        ("zeta", 100.0, 80.0, True, 4, 4),
        ("burst", 80.0, 100.0, False, 1, 4),
        (None, 10.0, 100.0, False, 0, 4),
    ]
    # 2 calls are too few to be compared, but they are among the others.
    assert rows["others_p99_ms"].to_list() == [500.0, 500.0, 500.0]


def test_the_notes_say_who_is_slow_and_what_to_ask_next() -> None:
    [said, *_] = ask().notes

    assert said.startswith(
        "zeta waits 1.2 times as long as the others on GET /a (p95), and was slow in 4 of 4 hours → "
    )
    assert said.endswith("""--where "account = 'zeta' AND endpoint = 'GET /a'\"""")


def test_days_are_the_periods_of_long_windows() -> None:
    rows = [{**row, "timestamp": NOON + 25 * (row["timestamp"] - NOON)} for row in ROWS]

    assert ask(rows).tables[0].rows["periods"].to_list() == [4, 4, 4]
    assert " 4 of 4 days → " in ask(rows).notes[0]


def test_a_query_key_that_goes_with_slowness_is_named_and_chance_is_not() -> None:
    luck = random.Random(1)
    rows = [
        event(
            account=luck.choice(["acme", "globex", "zeta"]), endpoint="GET /a", query_keys=keys,
            query_values=luck.choice(["limit=10", None]), duration_ms=luck.uniform(10, 20) * slow,
        )
        for keys, slow in [("expand,page", 4), ("page", 1), (None, 1)] * 60
    ]  # fmt: skip

    slower = ask(rows).tables[1].rows

    # page is on half of the slow and half of the fast ones: its median lies between them, and so is named too.
    assert slower.row(0, named=True)["factor"] == "expand"
    assert slower.row(0, named=True)["accounts"] == 3
    assert slower.row(0, named=True)["requests"] == 60
    assert 3.3 < slower.row(0, named=True)["ratio"] < 4.7
    assert slower.row(0, named=True)["p"] < 1e-10
    assert "limit=10" not in slower["factor"].to_list()


def test_sizes_are_compared_with_other_sizes() -> None:
    rows = [
        event(account="acme", endpoint="GET /a", response_bytes=size, duration_ms=ms)
        for size, ms in ((500, 10.0), (2_000_000, 90.0), (None, 900.0))
        for _ in range(30)
    ]

    [slower] = ask(rows).tables[1].rows.iter_rows(named=True)

    assert (slower["kind"], slower["factor"], slower["ratio"]) == ("response size", "1 MB and more", 9.0)


def test_nothing_to_compare() -> None:
    assert ask([]).notes == ("no request matches: widen --since, or loosen --where",)
    assert "no request has a duration" in ask([event(account="acme")]).notes[0]
    alone = ask(calls("acme", 0, 50, 10.0))
    assert alone.tables[0].rows.is_empty()
    assert alone.notes[0].startswith("nobody to compare: no endpoint has 20 timed requests")
    assert ask(calls("acme", 0, 1, 1.0), least=1).tables[0].rows.is_empty()


def brute(rows: list[Event], least: int) -> dict[tuple[Any, Any], list[float | None]]:
    timed = [row for row in rows if row["kind"] == "request" and row["duration_ms"] is not None and row["endpoint"]]
    found = {}
    for account, endpoint in {(row["account"], row["endpoint"]) for row in timed}:
        own = [row for row in timed if (row["account"], row["endpoint"]) == (account, endpoint)]
        others = [row for row in timed if row["endpoint"] == endpoint and row["account"] != account]
        if min(oracle.requests(own), oracle.requests(others)) >= least:
            found[account, endpoint] = [
                oracle.quantile(group, "duration_ms", q) for group in (own, others) for q in (0.5, 0.95, 0.99)
            ]
    return found


NAMES = [f"{whose}{name}" for whose in ("", "others_") for name in ("p50_ms", "p95_ms", "p99_ms")]


@pytest.mark.parametrize("exact", [True, False])
def test_the_numbers_are_those_of_an_oracle(exact: bool) -> None:
    rows = traffic(8, 500, weights=(1,) if exact else (1, 1, 5))

    result = latency(polars_of(rows), LatencyOptions(now=LATER, least=5, limit=None))

    expected = brute(rows, 5)
    made = {(row["account"], row["endpoint"]): row for row in result.tables[0].rows.iter_rows(named=True)}
    assert made.keys() == expected.keys()
    assert len(made) > 5
    for place, numbers in expected.items():
        assert [made[place][name] for name in NAMES] == pytest.approx(numbers, rel=1e-6 if exact else 0.0201)
    assert any("within 1 %" in note for note in result.notes) is not exact


@pytest.mark.parametrize("weights", [(1,), (1, 4)])
def test_duckdb_gives_the_same(tmp_path: Path, weights: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    # As much as possible is shown.
    monkeypatch.setattr(module, "_EFFECT", 0.0)
    monkeypatch.setattr(module, "_CHANCE", 2.0)

    one, other = on_both(traffic(9, 400, weights=weights), latency, LatencyOptions(now=LATER, least=3), tmp_path)

    same(one, other)
    assert one.tables[1].rows["kind"].n_unique() == 4
