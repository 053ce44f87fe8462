"""age_out: what of a day is left at which age, done once per file and rule, and again without effect."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from apilens.ageing import Aged, age_out
from apilens.config import ReadOptions, Settings
from apilens.enrich.keyed_hash import key_id
from apilens.ingest import ingest
from apilens.ingested import Summary
from apilens.store import Counts, Store, compact, verify, writing
from apilens.store.catalogue import catalogue_of
from apilens.store.data_files import DataFile, by_day, files_by_day
from apilens.store_settings import AgeOut

KEY = b"k" * 32
TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
COMBINED = ReadOptions(input_format="combined")
LINE = '{ip} - acme [{time}] "GET {path} HTTP/1.1" {status} 5 "https://shop.example/cart/7" "curl/8.5"\n'


def line(days_ago: int, *, ip: str = "203.0.113.9", path: str = "/users/17", status: int = 200) -> str:
    moment = NOW - timedelta(days=days_ago)
    return LINE.format(ip=ip, time=f"{moment:%d/%b/%Y:%H:%M:%S +0000}", path=path, status=status)


def read(path: Path, text: str, rules: AgeOut = AgeOut()) -> Summary:  # noqa: B008 - it is frozen
    log = path.parent / f"{abs(hash(text))}.log"
    log.write_text(text)
    return ingest([str(log)], path, settings=Settings(age_out=rules), options=COMBINED, key=KEY, now=NOW)


def age(path: Path, rules: AgeOut, *, most_rows: int | None = None) -> Aged:
    with writing(path, key=KEY) as writer:
        return age_out(writer, Settings(age_out=rules), key=KEY, today=TODAY, most_rows=most_rows)


def events(path: Path) -> pl.DataFrame:
    files = Store.open(path).files()
    frames = [pl.read_parquet(file, hive_partitioning=False) for file in files]
    return pl.concat(frames, how="diagonal").sort("timestamp", "line") if frames else pl.DataFrame()


def versions(path: Path) -> int:
    return Store.open(path).delta.version()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def test_an_old_address_is_a_network_and_a_hash(store: Path) -> None:
    read(store, line(9) + line(9, ip="203.0.113.10") + line(9, ip="2001:db8:1:2::3") + line(7))
    age(store, AgeOut(client_ip="7d"))

    assert events(store)["client_ip"].to_list() == [
        f"203.0.113.0/24#{key_id('203.0.113.9', KEY, 'ip')}",
        f"203.0.113.0/24#{key_id('203.0.113.10', KEY, 'ip')}",
        f"2001:db8:1::/48#{key_id('2001:db8:1:2::3', KEY, 'ip')}",
        "203.0.113.9",
    ]
    assert events(store)["client_ip"].n_unique() == 4


def test_an_old_path_is_its_template_or_nothing(store: Path) -> None:
    read(store, line(40) + line(40, path="/wp-admin/x.php", status=404) + line(30))
    age(store, AgeOut(path="30d"))

    rows = events(store)
    assert rows["path"].to_list() == ["/users/{id}", None, "/users/17"]
    assert rows["referrer"].to_list() == [None, None, "https://shop.example/cart/7"]
    assert rows["client_ip"].to_list() == ["203.0.113.9"] * 3


def test_an_old_user_agent_leaves_the_sdk(store: Path) -> None:
    read(store, line(100) + line(1))
    age(store, AgeOut(user_agent="90d"))

    assert events(store).select("user_agent", "sdk", "sdk_version").rows() == [
        (None, "curl", "8.5"), ("curl/8.5", "curl", "8.5"),
    ]  # fmt: skip


def test_old_rows_go_and_the_catalogue_remembers(store: Path) -> None:
    read(store, line(401) + line(400) + line(2))
    done = age(store, AgeOut(rows="400d"))

    assert (done.removed, events(store).height) == (1, 2)
    assert verify(Store.open(store)).tables[0].rows.is_empty()
    first = catalogue_of(Store.open(store)).of("account")["first"].item()
    assert (NOW - first).days == 401


def test_each_file_goes_through_each_rule_once(store: Path) -> None:
    rules = AgeOut(client_ip="7d", path="30d", user_agent="90d")
    read(store, line(100) + line(40) + line(9) + line(1))
    assert age(store, rules).files == 3
    before = versions(store)

    assert age(store, rules) == Aged()
    assert versions(store) == before
    marks = {file.day: file.aged for _, files in files_by_day(Store.open(store).actions) for file in files}
    assert marks[TODAY - timedelta(days=100)] == {"client_ip", "path", "user_agent"}
    assert marks[TODAY - timedelta(days=40)] == {"client_ip", "path"}
    assert marks[TODAY - timedelta(days=1)] == frozenset()


def test_late_lines_of_an_old_day_age_as_well_and_nothing_else_is_touched(store: Path) -> None:
    rules = AgeOut(client_ip="7d")
    read(store, line(9), rules)
    [first] = Store.open(store).files()

    summary = read(store, line(9, path="/late/1"), rules)

    assert summary.aged == Aged(files=1)
    assert first in Store.open(store).files()
    assert events(store)["client_ip"].str.starts_with("203.0.113.0/24#").all()


def test_ageing_twice_changes_nothing(store: Path) -> None:
    rules = AgeOut(client_ip="7d", path="30d", user_agent="90d")
    read(store, line(100) + line(100, path="/wp-admin/x.php", status=404))
    age(store, rules)
    once = events(store)
    with writing(store, key=KEY) as writer:
        # As after a rebuild, which gives files names without marks.
        written = writer.write([by_day(once.with_columns(pl.col("timestamp").dt.date().alias("day")))])
        writer.commit(written, [], counts=Counts(2, 2), rejects=pl.DataFrame(), info={})
    assert age(store, rules).files == 1

    assert events(store).unique().sort("line").equals(once.select(events(store).columns).sort("line"))


def test_merged_files_remember_what_all_of_them_went_through(store: Path) -> None:
    read(store, line(9))
    age(store, AgeOut(client_ip="7d", user_agent="8d"))
    read(store, line(9, path="/a"))
    age(store, AgeOut(client_ip="7d"))
    with writing(store, key=KEY) as writer:
        compact(writer, today=TODAY, every_day=True)

    [file] = Store.open(store).files()
    assert DataFile(file, NOW.date(), 0, 0).aged == {"client_ip"}


def test_a_run_of_ingest_does_a_part_and_the_next_goes_on(store: Path) -> None:
    rules = AgeOut(client_ip="7d")
    read(store, line(12) * 3 + line(11) * 3 + line(10) * 3)

    assert [age(store, rules, most_rows=4) for _ in range(4)] == [
        Aged(1, left=True), Aged(1, left=True), Aged(1), Aged(),
    ]  # fmt: skip


def test_files_that_are_read_directly_are_read_whole(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(line(500))
    settings = Settings(age_out=AgeOut(rows="30d"))

    for durable in (False, True):
        path = tmp_path / f"store-{durable}"
        ingest([str(log)], path, settings=settings, options=COMBINED, key=KEY, now=NOW, durable=durable)
        assert events(path).height == (0 if durable else 1)


def test_old_rejects_go_with_the_rows(store: Path) -> None:
    read(store, line(2) + "unreadable\n")
    [rejects] = (store / "rejects").iterdir()

    for days, left in ((29, True), (31, False)):
        read_at = (NOW - timedelta(days=days)).timestamp()
        os.utime(rejects, (read_at, read_at))
        age(store, AgeOut(rows="30d"))
        assert rejects.exists() == left
