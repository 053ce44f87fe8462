"""First and last sight of every name: exact after kills, repeats and retention, and small."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from apilens.store import Counts, Store, compact, verify, writing
from apilens.store import catalogue as module
from apilens.store.catalogue import EVENT, FILE, Catalogue, catalogue_of, covered, rebuilt, seen_in
from apilens.store.data_files import by_day
from apilens.store.erase import erase_days
from apilens.store.registering import Register, rebuild_catalogue

from .conftest import KEY, START, Make


def fill(path: Path, frame: pl.DataFrame, *, register: bool = True) -> None:
    with writing(path, key=KEY) as writer:
        known = Register(writer)
        writer.commit(
            writer.write([by_day(frame)]), [], counts=Counts(frame.height, frame.height), rejects=pl.DataFrame(),
            info={},
        )  # fmt: skip
        if register:
            known.take(seen_in([frame]))
            known.keep()


def sights(known: Catalogue) -> dict[tuple[str, str], tuple[datetime, datetime]]:
    return {(row[0], row[1]): (row[2], row[3]) for row in known.rows.iter_rows()}


def by_hand(frame: pl.DataFrame) -> dict[tuple[str, str], tuple[datetime, datetime]]:
    """Return what the catalogue of these events is, found the slow way."""
    found: dict[tuple[str, str], list[datetime]] = {}
    for row in frame.iter_rows(named=True):
        names = {EVENT: "", **{name: row[name] for name in module.DIMENSIONS if row[name] is not None}}
        for key in names.items():
            found.setdefault(key, []).append(row["timestamp"])
    return {key: (min(times), max(times)) for key, times in found.items()}


def test_it_says_when_each_name_was_first_and_last_seen(path: Path, make: Make) -> None:
    first = make(5).with_columns(pl.lit("GET /a").alias("endpoint"))
    second = make(3, first=6, day=2).with_columns(pl.lit("gone").alias("error_code"))
    fill(path, first)
    fill(path, second)

    assert sights(catalogue_of(Store.open(path))) == by_hand(pl.concat([first, second]))
    assert covered(path) == Store.open(path).delta.version()


def test_what_a_killed_run_did_not_write_is_caught_up_with(path: Path, make: Make) -> None:
    fill(path, make(5))
    before = (path / "state" / FILE).read_bytes()
    fill(path, make(2, first=6, day=3), register=False)
    expected = by_hand(pl.concat([make(5), make(2, first=6, day=3)]))

    assert (path / "state" / FILE).read_bytes() == before
    assert sights(catalogue_of(Store.open(path))) == expected
    with writing(path, key=KEY) as writer:
        Register(writer).keep()
    assert covered(path) == Store.open(path).delta.version()
    assert sights(catalogue_of(Store.open(path))) == expected


def test_catching_up_reads_only_what_came_since(path: Path, make: Make) -> None:
    fill(path, make(5))
    fill(path, make(2, first=6, day=3), register=False)
    for file in (path / "events").glob(f"day={START.date()}/*.parquet"):
        file.unlink()

    assert ("account", "account-2") in sights(catalogue_of(Store.open(path)))


@pytest.mark.parametrize("damage", [b"", b"{", b'{"version": 1, "names": 9, "full": []}\n["account","x",1,2]\n', None])
def test_a_lost_or_damaged_one_is_made_again(path: Path, make: Make, damage: bytes | None) -> None:
    fill(path, make(5))
    file = path / "state" / FILE
    file.unlink() if damage is None else file.write_bytes(damage)

    assert sights(catalogue_of(Store.open(path))) == by_hand(make(5))
    named = verify(Store.open(path)).tables[0].rows["file"].to_list()
    assert named == ([] if damage is None else ["state/catalogue.jsonl"])


def test_it_outlives_the_events(path: Path, make: Make) -> None:
    old = make(3).with_columns(pl.lit("left-long-ago").alias("account"))
    fill(path, pl.concat([old, make(3, first=4, day=5)]))
    with writing(path, key=KEY) as writer:
        erase_days(writer, START.date() + timedelta(days=5))
        rebuild_catalogue(writer)

    known = catalogue_of(Store.open(path))
    assert sights(known) == by_hand(pl.concat([old, make(3, first=4, day=5)]))
    assert known.first == START


def test_made_anew_it_forgets_what_no_event_says_within_the_time_that_events_cover(path: Path, make: Make) -> None:
    fill(path, make(3))
    with writing(path, key=KEY) as writer:
        wrong = make(1).with_columns(pl.lit("misattributed").alias("account"))
        known = catalogue_of(Store.open(path)).merged([seen_in([wrong])], writer.delta.version())
        writer.keep(FILE, known.to_bytes())

    assert ("account", "misattributed") in sights(catalogue_of(Store.open(path)))
    assert sights(rebuilt(Store.open(path))) == by_hand(make(3))


def test_compaction_changes_nothing(path: Path, make: Make) -> None:
    for number in range(3):
        fill(path, make(3, first=1 + 3 * number))
    with writing(path, key=KEY) as writer:
        compact(writer, today=date(2026, 12, 1), every_day=True)

    assert sights(catalogue_of(Store.open(path))) == by_hand(make(3))


def test_a_log_that_was_cut_means_reading_all(path: Path, make: Make) -> None:
    fill(path, make(2))
    fill(path, make(2, first=3, day=1), register=False)
    with writing(path, key=KEY) as writer:
        writer.checkpoint()
    for entry in (path / "events" / "_delta_log").glob("*.json"):
        entry.unlink()

    assert sights(catalogue_of(Store.open(path))) == by_hand(pl.concat([make(2), make(2, first=3, day=1)]))


def test_too_many_names_are_cut_to_those_seen_first(path: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    fill(path, make(3))

    known = catalogue_of(Store.open(path))
    assert known.of("account")["name"].to_list() == ["account-0", "account-1"]
    assert known.full == {"account"}


def test_merging_is_idempotent_and_in_any_order(make: Make) -> None:
    parts = [seen_in([make(4, day=day)]) for day in (3, 0, 2)]
    none = Catalogue(parts[0].clear(), 0)

    once = none.merged(parts, 1).rows
    assert once.equals(none.merged([*reversed(parts), *parts], 1).rows)
    assert Catalogue(once, 1).first == datetime(2026, 11, 20, tzinfo=UTC)
