"""Deliveries by destination and by attempt, dead letters, logs without ids; both engines against plain Python."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from apilens.analyses.webhooks import WebhookOptions, webhooks
from apilens.engine import ENGINES, scan
from apilens.result import Result
from apilens.schema import dtypes
from tests.event_frames import NOON, event, events_of

EXTRA = {"destination": pl.String(), "attempt": pl.Int64(), "delivery_id": pl.String()}
COLUMNS = dtypes(EXTRA)


def sent(minute: int, account: str | None, name: str | None, attempt: int | None, status: int | None, **columns: Any):  # type: ignore[no-untyped-def]
    moment = NOON + timedelta(minutes=minute)
    return event(
        **{
            "started_at": moment, "timestamp": moment, "account": account, "delivery_id": name, "attempt": attempt,
            "status": status, "direction": "outgoing", "destination": f"{account}.example", "line": minute, **columns,
        }
    )  # fmt: skip


ROWS = [
    sent(0, "acme", "d-1", 1, 200, duration_ms=10.0),
    sent(1, "acme", "d-2", 1, 503, duration_ms=20.0),
    sent(2, "acme", "d-2", 2, 200, duration_ms=30.0),
    sent(3, "globex", "d-2", 1, 500),
    sent(4, "globex", "d-2", 2, None),
    sent(5, "acme", "d-9", 1, 200, direction="incoming"),
]


def ask(rows: list[dict[str, Any]] = ROWS, *, extra: dict[str, Any] = EXTRA, **options: Any) -> Result:
    return webhooks(events_of(rows, extra=extra), WebhookOptions(now=NOON, **options), columns=dtypes(extra))


def test_deliveries_by_destination_and_attempt() -> None:
    result = ask()

    assert result.tables[0].rows.rows() == [
        ("globex", "globex.example", 1, 2, 0.0, 0.0, 1, None, None, NOON + timedelta(minutes=4)),
        ("acme", "acme.example", 2, 3, 1.0, 0.5, 0, 20.0, 29.0, NOON + timedelta(minutes=2)),
    ]
    assert result.tables[1].rows.rows() == [(1, 3, 1, 0.333333), (2, 2, 1, 0.666667)]
    assert result.notes == ("what did not arrive: apilens webhooks --dead",)


def test_dead_letters_with_their_last_status_the_latest_first() -> None:
    rows = [*ROWS, sent(9, "acme", "d-7", 1, 410), sent(8, "acme", "d-7", 2, 200), sent(7, None, None, None, 404)]

    result = ask(rows, dead=True)

    assert result.tables[0].rows.select("account", "last_status", "attempts", "delivery_id").rows() == [
        (None, 404, 1, None),
        ("globex", None, 2, "d-2"),
    ]
    assert ask(rows, dead=True, limit=1).notes[0] == "and older ones; --limit all shows them"
    assert ask(dead=True, where=("account = 'acme'",)).notes == ("no dead letters",)
    assert result.command == "apilens webhooks --dead"


def test_a_log_without_ids_has_a_delivery_per_attempt_to_the_host() -> None:
    result = ask([{**row, "host": "h.example"} for row in ROWS], extra={})

    assert [row[1:4] for row in result.tables[0].rows.rows()] == [("h.example", 2, 2), ("h.example", 3, 3)]
    assert result.notes[0].startswith("every attempt counts as a delivery")


def test_nothing_sent_is_a_sentence() -> None:
    for result in (ask([]), ask(ROWS[-1:]), ask(where=("status = 418",)), ask([], dead=True)):
        assert all(table.rows.is_empty() for table in result.tables)
        assert len(result.notes) == 1
        assert result.notes[0].startswith("nothing was sent")


def test_engines_agree_with_the_oracle(tmp_path: Path) -> None:
    chance = random.Random(11)
    rows = [
        sent(
            minute,
            chance.choice(["acme", "globex", None]),
            chance.choice([None, *(f"d-{number}" for number in range(40))]),
            chance.choice([None, 1, 2, 3]),
            chance.choice([200, 200, 500, None]),
            destination="x",
            duration_ms=chance.random(),
        )
        for minute in range(200)
    ]
    path = str(tmp_path / "events.parquet")
    pl.DataFrame(rows, schema=COLUMNS).drop("day").write_parquet(path)
    groups: dict[Any, list[dict[str, Any]]] = {}
    for one in sorted(rows, key=lambda one: (one["attempt"] or 0, one["started_at"])):
        name = one["delivery_id"]
        groups.setdefault((one["account"], name or one["line"]), []).append(one)

    for options in (WebhookOptions(now=NOON), WebhookOptions(now=NOON, dead=True, limit=None)):
        ours, theirs = (webhooks(scan([path], COLUMNS, engine=engine), options, columns=COLUMNS) for engine in ENGINES)
        for one, other in zip(ours.tables, theirs.tables, strict=True):
            assert_frame_equal(other.rows, one.rows, rel_tol=1e-9)
        assert theirs.notes == ours.notes

    assert ours.tables[0].rows.height == sum(tries[-1]["status"] != 200 for tries in groups.values())
    found = webhooks(scan([path], COLUMNS), WebhookOptions(now=NOON), columns=COLUMNS)
    for account, _, deliveries, attempts, delivered, first, dead, *_ in found.tables[0].rows.rows():
        mine = [[try_["status"] == 200 for try_ in tries] for (whose, _), tries in groups.items() if whose == account]
        assert (deliveries, attempts) == (len(mine), sum(map(len, mine)))
        assert delivered == round(sum(map(any, mine)) / len(mine), 6)
        assert first == round(sum(tries[0] for tries in mine) / len(mine), 6)
        assert dead == sum(not tries[-1] for tries in mine)
