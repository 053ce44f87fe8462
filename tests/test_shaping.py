"""Which settings shaped what is stored: said by part, true through compaction, checkpoints and a cleaned log."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from apilens.config import ReadOptions, SdkRule, Settings
from apilens.identity_rule import IdentityRule
from apilens.ingest import ingest
from apilens.shaping import PARTS, older, shape_of
from apilens.source_settings import SourceSettings
from apilens.store import Store, compact, writing

KEY = b"k" * 32
NOW = datetime(2026, 11, 23, tzinfo=UTC)
LINE = '10.0.0.1 - acme [{day}/Nov/2026:10:00:00 +0000] "GET /items/{n} HTTP/1.1" 200 5 "-" "curl/8.5"\n'
OLD, NEW = Settings(), Settings(account=(IdentityRule(path=1),))


def run(store: Path, number: int, *, day: int, settings: Settings) -> None:
    log = store.with_name(f"{number}.log")
    log.write_text(LINE.format(day=day, n=number))
    ingest([str(log)], store, settings=settings, options=ReadOptions(), key=KEY, now=NOW, durable=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "store"
    for number in range(3):
        run(path, number, day=20, settings=OLD)
        run(path, 10 + number, day=20 + number, settings=NEW)
    return path


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "store")


def test_days_with_older_rows_are_counted_by_part(store: Path) -> None:
    opened = Store.open(store)

    assert older(opened, NEW) == "1 of 3 days were read with an older account rule: apilens store rebuild"
    assert older(opened, OLD) == "3 of 3 days were read with an older account rule: apilens store rebuild"
    assert older(opened, Settings(account=NEW.account, sdks=(SdkRule("a", "b"),))) == (
        "1 of 3 days were read with an older account rule, 3 with an older list of SDKs: apilens store rebuild"
    )


def test_a_question_is_told_of_the_columns_it_names(store: Path) -> None:
    opened = Store.open(store)

    assert older(opened, NEW, ["status", "count(account = 'a')"]) is not None
    assert older(opened, NEW, ["status", "accounts_of_mine"]) is None
    # An overview names nothing and shows accounts.
    assert older(opened, NEW, []) is not None


def test_compaction_keeps_rows_of_other_settings_apart_and_a_cleaned_log_forgets_nothing(store: Path) -> None:
    said = older(Store.open(store), NEW)
    with writing(store, key=KEY, durable=False) as writer:
        done = compact(writer, today=date(2026, 11, 23), every_day=True)
        writer.delta.alter.set_table_properties({"delta.logRetentionDuration": "interval 0 days"})
        writer.delta.update_incremental()
        writer.checkpoint()

    assert (done.before, done.after) == (3, 1)
    assert len(list((store / "events" / "_delta_log").glob("*.json"))) < 3
    assert older(Store.open(store), NEW) == said


def test_settings_that_nobody_kept_are_unknown(store: Path) -> None:
    (store / "state" / "settings.json").unlink()

    assert older(Store.open(store), NEW) == (
        "3 of 3 days were read with settings that are not known: apilens store rebuild"
    )


def test_what_is_asked_at_query_time_shapes_nothing(tmp_path: Path) -> None:
    table = tmp_path / "keys.csv"
    table.write_text("key,account\na,b\n")
    rules = Settings(account=(IdentityRule(api_key=str(table)),))
    elsewhere = Settings(account=(IdentityRule(api_key=f"/mnt/{table.name}"),))
    before = shape_of(rules)
    table.write_text("key,account\na,c\n")

    assert shape_of(Settings(tz="Asia/Tokyo", accounts="a.csv", store="x")) == shape_of(Settings())
    assert {name for name, said in shape_of(rules).items() if said != before[name]} == {"account files"}
    # The same rule in another folder is the same rule.
    assert shape_of(elsewhere)["account"] == before["account"]


def test_what_sources_say_shapes_what_is_stored() -> None:
    def changed(**said: Any) -> set[str]:
        now = shape_of(Settings(sources={"a": SourceSettings("/l/a.log"), "b": SourceSettings("/l/*.log", **said)}))
        return {name for name, hash in now.items() if hash != before[name]}

    before = shape_of(Settings())
    assert changed() == changed(settle="1h") == changed(dedupe="none") == set()
    assert changed(account=(IdentityRule(path=1),)) == {"account"}
    assert changed(user=(IdentityRule(field="u"),)) == {"user"}
    assert changed(format="json") == changed(source_tz="Asia/Tokyo") == {"formats"}
    assert changed(service="shop") == {"sources"}
    assert changed(fields={"attempt": "try"}) == {"columns"}
    assert changed(account=(IdentityRule(users="users.csv"),)) == {"account", "account files"}


def test_a_note_on_one_day_is_singular(tmp_path: Path) -> None:
    run(tmp_path / "store", 1, day=20, settings=OLD)

    said = older(Store.open(tmp_path / "store"), NEW)
    assert said == "1 of 1 days was read with an older account rule: apilens store rebuild"
    assert older(Store.open(tmp_path / "store"), OLD) is None


def test_every_part_is_hashed() -> None:
    assert {part.name for part in PARTS} < set(shape_of(Settings()))
