"""Exports that overlap: an event with an id counts once, whatever the files, their order and the runs."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apilens import dedupe
from apilens.config import ReadOptions, Settings
from apilens.ingest import ingest
from apilens.ingested import Summary
from apilens.rebuild import Rebuild, rebuild
from apilens.source_settings import SourceSettings
from apilens.store import Store

START = datetime(2026, 11, 20, 22, tzinfo=UTC)
# Eight hours in a dozen events, so that they lie on two days; the ids of two look like secrets.
IDS = [*(f"e{number}" for number in range(10)), "4111111111111111", "ann@example.com"]
NGINX = '10.0.0.1 - acme [20/Nov/2026:10:00:00 +0000] "GET /items/7 HTTP/1.1" 200 5 "-" "curl/8.5"\n'


def line(at: int, *, id: str | None = "") -> str:
    event = {
        "request": {
            "time": (START + timedelta(minutes=40 * at)).isoformat(), "uri": f"/items/{at}", "verb": "GET",
            "headers": {"x-request-id": f"r{at}"},
        },
        "response": {"status": 200}, "company_id": f"c{at % 3}", "transaction_id": IDS[at] if id == "" else id,
    }  # fmt: skip
    return json.dumps(event) + "\n"


def run(store: Path, *texts: str, options: ReadOptions = ReadOptions(), configured: Settings = Settings()) -> Summary:  # noqa: B008
    """Ingest each text as a file of its own, all in one run."""
    files = []
    for text in texts:
        files.append(store.with_name(f"{store.name}-{len(list(store.parent.iterdir()))}.log"))
        files[-1].write_text(text)
    return ingest(
        [str(file) for file in files], store, settings=configured, options=options, key=b"k" * 32,
        now=datetime(2026, 11, 23, tzinfo=UTC), durable=False,
    )  # fmt: skip


def paths(store: Path) -> Counter[str]:
    found = pl.read_parquet(Store.open(store).files(), columns=["path"], hive_partitioning=False)
    return Counter(found["path"].to_list())


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.sampled_from(range(len(IDS))), min_size=1, max_size=12), min_size=1, max_size=4),
    st.booleans(),
    st.sampled_from([0, 20_000_000]),
)
def test_overlapping_exports_in_any_order_are_the_export_once(
    tmp_path: Path, exports: list[list[int]], at_once: bool, most_hashes: int
) -> None:
    store = tmp_path / str(len(list(tmp_path.iterdir())))
    texts = ["".join(map(line, export)) for export in exports]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dedupe, "MOST_HASHES", most_hashes)
        runs = [run(store, *texts)] if at_once else [run(store, text) for text in texts]

    assert paths(store) == Counter(f"/items/{at}" for at in {at for export in exports for at in export})
    assert all(done.counts.balances for done in runs)


def test_doubles_are_counted_and_no_request_of_theirs_is_attributed(tmp_path: Path) -> None:
    store = tmp_path / "store"
    run(store, line(0) + line(1))
    again = run(store, line(1) + line(2) + line(2))

    assert (again.counts.read, again.counts.stored, again.counts.duplicates) == (3, 1, 2)
    assert sum(again.sources.values()) == 1
    assert [Store.open(store).total(name) for name in ("read", "stored", "duplicates")] == [5, 3, 2]


def test_events_without_an_id_are_never_doubles(tmp_path: Path) -> None:
    done = run(tmp_path / "store", line(0, id=None) * 3 + line(1, id="-") * 2)

    assert (done.counts.stored, done.counts.duplicates) == (5, 0)


def test_equal_lines_of_an_access_log_stay_as_many(tmp_path: Path) -> None:
    done = run(tmp_path / "store", NGINX * 50, options=ReadOptions(dedupe="request_id"))

    assert (done.counts.stored, done.counts.duplicates) == (50, 0)


def test_another_id_counts_by_flag_and_by_setting_and_a_flag_goes_before(tmp_path: Path) -> None:
    double = line(0) + line(0, id="another")
    by_flag = run(tmp_path / "a", double, options=ReadOptions(dedupe="request_id"))
    by_setting = run(tmp_path / "b", double, configured=Settings(dedupe="request_id"))
    neither = run(
        tmp_path / "c", line(0) * 2, options=ReadOptions(dedupe="none"), configured=Settings(dedupe="event_id")
    )

    assert [done.counts.stored for done in (by_flag, by_setting, neither)] == [1, 1, 2]


def test_a_source_may_say_otherwise(tmp_path: Path) -> None:
    sources = {"all": SourceSettings(str(tmp_path / "store-0.log"), dedupe="none")}
    done = run(tmp_path / "store", line(0) * 2, line(1) * 2, configured=Settings(sources=sources))

    assert (done.counts.read, done.counts.stored, done.counts.duplicates) == (4, 3, 1)


def test_a_log_that_is_read_again_brings_no_double(tmp_path: Path) -> None:
    store = tmp_path / "store"
    monday = run(store, line(0) + line(1)).logs[0].source.name
    tuesday = run(store, line(1) + line(2)).logs[0].source.name
    for logs in ([tuesday], [tuesday, monday], [monday]):
        done = rebuild(
            store, Rebuild(files=logs), settings=Settings(), options=ReadOptions(), key=b"k" * 32,
            now=datetime(2026, 11, 23, tzinfo=UTC),
        )  # fmt: skip
        assert done.added == 0
        assert paths(store) == Counter({"/items/0": 1, "/items/1": 1, "/items/2": 1})


def test_ids_whose_hashes_collide_are_different_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hash(ids: pl.Series) -> pl.Series:
        return pl.repeat(7, len(ids), dtype=pl.UInt64, eager=True)

    store = tmp_path / "store"
    run(store, line(0))
    monkeypatch.setattr(dedupe, "_hashed", hash)
    done = run(store, line(1) + line(0))

    assert (done.counts.stored, done.counts.duplicates) == (1, 1)


def test_hashes_of_the_day_asked_for_longest_ago_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "store"
    monkeypatch.setattr(dedupe, "MOST_HASHES", 3)
    run(store, "".join(map(line, range(6))))
    done = run(store, line(0) + line(5), line(1) + line(4), line(6))

    assert (done.counts.stored, done.counts.duplicates) == (1, 4)
