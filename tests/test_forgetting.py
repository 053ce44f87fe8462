"""Forgetting: nothing of the account is left in any file, decoded; all else is; a killed run is completed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import polars as pl
import pytest

from apilens.cohort_state import STATE as COHORTS
from apilens.cohort_state import Remembered, remembered
from apilens.config import IdentityRule, ReadOptions, SdkRule, Settings
from apilens.enrich.keyed_hash import key_id
from apilens.errors import StoreError
from apilens.forgetting import Wanted, forget
from apilens.ingest import ingest
from apilens.mentions import Names, find
from apilens.rebuild import Rebuild, rebuild
from apilens.result import Result
from apilens.store import Store, verify, writing
from apilens.store.catalogue import catalogue_of
from apilens.store.writer import Writer

KEY = b"k" * 32
NOW = datetime(2026, 11, 23, tzinfo=UTC)
COMBINED = ReadOptions(input_format="combined")
LINE = '10.0.0.1 - {account} [{day:02}/Nov/2026:{hour:02}:00:00 +0000] "GET {path} HTTP/1.1" 200 5 "-" "{agent}"\n'


def lines(account: str, days: range, path: str = "/items/7", agent: str = "curl/8.5") -> str:
    return "".join(LINE.format(account=account, day=day, hour=day % 24, path=path, agent=agent) for day in days)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of logs and `store`: a few accounts over six days, one of them in paths and rejects too."""
    folder = tmp_path_factory.mktemp("made")
    parts = [
        lines("umbra", range(10, 14), "/tenants/umbra/orders"),
        lines("globex", range(10, 13), "/tenants/globex/orders"),
        lines("umbra", range(12, 16), "/items/9", "umbra/2.0") + "umbra says nothing readable\n",
        lines("hooli", range(14, 16)) + lines("globex", range(15, 16)) + lines("umbra.eu", range(15, 16)),
    ]
    for number, part in enumerate((parts[0] + parts[1], parts[2] + parts[3])):
        log = folder / f"{number}.log"
        log.write_text(part)
        ingest([str(log)], folder / "store", settings=Settings(), options=COMBINED, key=KEY, now=NOW)
    return folder


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Path:
    """Return a copy of that store."""
    return shutil.copytree(made / "store", tmp_path / "store")


def run(path: Path, wanted: Wanted, **options: bool) -> Result:
    with writing(path, key=KEY) as writer:
        return forget(writer, wanted, key=KEY, now=NOW, **options)


def everything(path: Path) -> str:
    """Return all that a store holds, as text: raw and decoded."""
    files = [item for item in path.rglob("*") if item.is_file()]
    raw = "".join(file.read_bytes().decode("latin-1") for file in files)
    decoded = "".join(pl.read_parquet(file).write_ndjson() for file in files if file.suffix == ".parquet")
    return raw + decoded


def events(path: Path) -> pl.DataFrame:
    frames = [pl.read_parquet(file, hive_partitioning=False) for file in Store.open(path).files()]
    return pl.concat(frames, how="diagonal")


def test_nothing_of_the_account_is_left_in_any_file(store: Path) -> None:
    others = events(store).filter(pl.col("account") != "umbra").sort("timestamp", "account")
    assert "umbra/orders" in everything(store) and '"umbra"' in everything(store)

    result = run(store, Wanted(accounts=("umbra",)))

    left = everything(store).replace("umbra.eu", "")
    assert "umbra" not in left
    assert events(store).sort("timestamp", "account").select(others.columns).equals(others)
    done = result.tables[0].rows.row(0, named=True)
    assert (done["rows_removed"], done["files_rewritten"], done["files_removed"]) == (8, 5, 3)
    assert result.tables[1].rows.is_empty()
    assert verify(Store.open(store)).tables[0].rows.is_empty()
    assert Store.open(store).total("forgotten") == 8


def cohort(at: int, *accounts: str) -> Remembered:
    return Remembered(datetime(2026, 11, at, tzinfo=UTC), "requests > 1", accounts)


def test_cohorts_forget_who_was_in_them(store: Path) -> None:
    with writing(store, key=KEY) as writer:
        writer.keep(COHORTS, msgspec.json.encode({"big": cohort(20, "globex", "umbra", "umbra.eu")}))
    result = run(store, Wanted(accounts=("umbra",)))

    assert remembered(Store.open(store)) == {"big": cohort(20, "globex", "umbra.eu")}
    assert result.tables[1].rows.height == 0


def test_cohorts_forget_a_time_and_who_was_last_seen_in_it(store: Path) -> None:
    with writing(store, key=KEY) as writer:
        writer.keep(COHORTS, msgspec.json.encode({"old": cohort(9, "hooli"), "big": cohort(20, "umbra", "hooli")}))
        forget(writer, Wanted(accounts=("globex",)), key=KEY, now=NOW)
    run(store, Wanted(before=datetime(2026, 11, 16, tzinfo=UTC)))

    assert remembered(Store.open(store)) == {"big": cohort(20)}


def test_what_a_killed_rebuild_left_goes(store: Path, made: Path) -> None:
    shutil.copytree(made / "store", store / "state" / "rebuild-x" / "store")

    assert run(store, Wanted(accounts=("umbra",))).tables[1].rows.height == 0
    assert "umbra/orders" not in everything(store)


def test_what_was_learned_of_others_stays(store: Path) -> None:
    run(store, Wanted(accounts=("umbra",)))

    known = catalogue_of(Store.open(store))
    assert known.of("account")["name"].to_list() == ["globex", "hooli", "umbra.eu"]
    assert known.of("endpoint")["name"].to_list() == ["GET /items/{id}", "GET /tenants/globex/orders"]
    assert known.of("sdk")["name"].to_list() == ["curl"]
    learned = json.loads((store / "state" / "endpoints.json").read_bytes())["learned"]
    assert set(learned["routes"]) == {"/items/{id}", "/tenants/globex/orders"}


def test_logs_that_were_read_are_not_read_again(store: Path, made: Path) -> None:
    run(store, Wanted(accounts=("umbra",)))
    inputs = [str(made / f"{number}.log") for number in range(2)]
    again = ingest(inputs, store, settings=Settings(), options=COMBINED, key=KEY, now=NOW)

    assert again.counts.read == 0
    assert "umbra" not in everything(store).replace("umbra.eu", "")


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (Wanted(accounts=("umbra",)), {"globex": 4, "hooli": 2, "umbra.eu": 1}),
        (Wanted(users=("umbra",)), {"globex": 4, "hooli": 2, "umbra": 8, "umbra.eu": 1}),
        (Wanted(before=datetime(2026, 11, 13, 13, tzinfo=UTC)), {"globex": 1, "hooli": 2, "umbra": 4, "umbra.eu": 1}),
    ],
    ids=lambda value: "",
)
def test_logs_that_are_read_again_bring_nothing_back(
    store: Path, made: Path, wanted: Wanted, left: dict[str, int]
) -> None:
    run(store, wanted)
    names = Names([*wanted.accounts, *wanted.users])
    again = Rebuild(files=[str(made / "0.log"), str(made / "1.log")])
    rebuild(store, again, settings=Settings(), options=COMBINED, key=KEY, now=NOW)

    assert dict(sorted(events(store)["account"].value_counts().iter_rows())) == left
    if wanted.accounts:
        assert find(store, names).is_empty()


def test_who_comes_back_is_a_customer_again(store: Path, tmp_path: Path) -> None:
    run(store, Wanted(accounts=("umbra",)))
    log = tmp_path / "new.log"
    log.write_text(lines("umbra", range(22, 25)))
    ingest([str(log)], store, settings=Settings(), options=COMBINED, key=KEY, now=NOW + timedelta(days=3))
    named = Settings(sdks=(SdkRule("tool", "curl/(?P<version>[0-9.]+)"),))
    rebuild(store, Rebuild(files=[str(log)]), settings=named, options=COMBINED, key=KEY, now=NOW + timedelta(days=3))

    # The row of the 22nd stays as it was stored.
    assert events(store).filter(account="umbra").sort("timestamp")["sdk"].to_list() == ["curl", "tool", "tool"]


def test_a_dry_run_says_the_same_and_changes_nothing(store: Path) -> None:
    before = everything(store)
    dry = run(store, Wanted(accounts=("umbra",)), dry_run=True)

    assert everything(store) == before
    assert dry.notes == ("dry run: nothing was changed",)
    assert dry.tables[0].rows.equals(run(store, Wanted(accounts=("umbra",))).tables[0].rows)


def test_names_in_rows_of_others_are_told_and_replaced_when_asked(store: Path, tmp_path: Path) -> None:
    log = tmp_path / "more.log"
    log.write_text(lines("globex", range(16, 18), "/Umbra/umbra/x") + lines("globex", range(18, 19), "/umbrage"))
    ingest([str(log)], store, settings=Settings(), options=COMBINED, key=KEY, now=NOW)

    found = run(store, Wanted(accounts=("umbra",))).tables[1].rows
    places = {place: count for place, count, _ in found.iter_rows()}
    assert places["column path"] == 2 and places["column endpoint"] == 2
    assert found.filter(place="column path")["first"].item() == f"{log}:1"
    assert {"file state/catalogue.jsonl", "file state/endpoints.json"} <= set(places)

    result = run(store, Wanted(accounts=("umbra",), mentions=True))
    assert result.tables[1].rows.is_empty()
    assert "umbra" not in everything(store).replace("umbra.eu", "").replace("umbrage", "").lower()
    assert max(events(store)["path"].unique()) == "/umbrage"
    assert "/[R:forgotten]/[R:forgotten]/x" in events(store)["path"]


def test_sources_that_are_called_like_it_are_found_in_rejects(store: Path, tmp_path: Path) -> None:
    log = tmp_path / "umbra" / "a.log"
    log.parent.mkdir()
    log.write_text(lines("hooli", range(16, 17)) + "unreadable\n")
    ingest([str(log)], store, settings=Settings(), options=COMBINED, key=KEY, now=NOW)

    found = run(store, Wanted(accounts=("umbra",))).tables[1].rows["place"].to_list()
    assert "column source" in found and any(place.startswith("file rejects/") for place in found)
    assert run(store, Wanted(accounts=("umbra",), mentions=True)).tables[1].rows.is_empty()
    assert Store.open(store).total("rejected") == 2


@pytest.mark.parametrize("wanted", [Wanted(accounts=("ann@example.com",)), Wanted(users=("ann@example.com",))])
def test_who_was_stored_as_a_hash_is_found_by_the_name_that_logs_have(tmp_path: Path, wanted: Wanted) -> None:
    path, log = tmp_path / "store", tmp_path / "a.log"
    log.write_text(lines("ann@example.com", range(10, 12)) + lines("globex", range(10, 11)))
    named = Settings(user=(IdentityRule(remote_user=True),))
    ingest([str(log)], path, settings=named, options=COMBINED, key=KEY, now=NOW)
    hashed = key_id("ann@example.com", KEY)
    assert hashed in everything(path)

    result = run(path, wanted)

    assert result.tables[0].rows["rows_removed"].item() == 2
    assert hashed not in everything(path)


def test_a_user_who_is_called_like_an_account_leaves_it_alone(store: Path) -> None:
    run(store, Wanted(users=("umbra",)))

    assert "umbra" in catalogue_of(Store.open(store)).of("account")["name"]
    assert Store.open(store).total("forgotten") == 0


def test_a_file_that_is_damaged_is_said(store: Path) -> None:
    Path(Store.open(store).files()[0]).write_bytes(b"PAR1 nonsense")

    with pytest.raises(StoreError, match="cannot be read"):
        run(store, Wanted(accounts=("umbra",)))


def test_whole_days_go_without_being_read(store: Path) -> None:
    for file in (store / "events").glob("day=2026-11-1[012]/*"):
        file.write_bytes(b"no parquet")

    result = run(store, Wanted(before=datetime(2026, 11, 13, tzinfo=UTC)))

    assert events(store)["timestamp"].min() == datetime(2026, 11, 13, 13, tzinfo=UTC)
    assert result.tables[0].rows["files_rewritten"].item() == 0
    assert not list((store / "events").glob("day=2026-11-1[012]/*.parquet"))
    assert verify(Store.open(store)).tables[0].rows.is_empty()


def test_part_of_a_day_is_rewritten(store: Path) -> None:
    expected = events(store).filter(pl.col("timestamp") >= datetime(2026, 11, 15, 15, tzinfo=UTC)).height

    result = run(store, Wanted(before=datetime(2026, 11, 15, 15, tzinfo=UTC)))

    assert events(store).height == expected == 5 - 1
    assert result.tables[1].rows.is_empty()


def test_who_was_last_seen_before_that_is_forgotten_by_the_catalogue(store: Path) -> None:
    run(store, Wanted(before=datetime(2026, 11, 15, 16, tzinfo=UTC)))
    assert catalogue_of(Store.open(store)).of("account").is_empty()


def test_rejects_that_were_read_before_that_go(store: Path) -> None:
    tomorrow = datetime.fromtimestamp((store / "state" / "store.json").stat().st_mtime + 86400, UTC)

    assert run(store, Wanted(before=tomorrow)).tables[0].rows["rejects_removed"].item() == 1
    assert not list((store / "rejects").iterdir())


def test_a_short_name_is_searched_for_as_a_whole_value(tmp_path: Path) -> None:
    path, log = tmp_path / "store", tmp_path / "a.log"
    log.write_text(lines("7", range(10, 12)) + lines("8", range(10, 12)))
    ingest([str(log)], path, settings=Settings(), options=COMBINED, key=KEY, now=NOW)

    assert run(path, Wanted(accounts=("7",))).tables[1].rows.is_empty()
    assert events(path)["account"].unique().to_list() == ["8"]
    assert catalogue_of(Store.open(path)).of("account")["name"].to_list() == ["8"]


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it happens."""


STEPS = ("replace", "write_day", "keep", "checkpoint")


@pytest.mark.parametrize("nth", range(1, 10))
def test_a_run_that_was_killed_anywhere_is_completed_by_the_same_command(
    store: Path, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = events(store).filter(pl.col("account") != "umbra").height
    calls = 0

    def killing(step: Callable[..., object]) -> Callable[..., object]:
        def called(*args: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == nth:
                raise Killed
            return step(*args, **options)

        return called

    with monkeypatch.context() as patch:
        for name in STEPS:
            patch.setattr(Writer, name, killing(getattr(Writer, name)))
        with pytest.raises(Killed):
            run(store, Wanted(accounts=("umbra",)))
    # Whoever reads meanwhile sees whole days.
    assert verify(Store.open(store)).tables[0].rows.is_empty()

    assert run(store, Wanted(accounts=("umbra",))).tables[1].rows.is_empty()
    assert "umbra" not in everything(store).replace("umbra.eu", "")
    assert events(store).height == others
    assert Store.open(store).total("forgotten") == 8


def test_the_search_finds_what_is_planted_anywhere(store: Path) -> None:
    run(store, Wanted(accounts=("umbra",)))
    names = Names(["umbra"])
    assert find(store, names).is_empty()

    (store / "state" / "other.json").write_text(json.dumps({"Umbra": 1}))
    (store / "rejects" / "0000000009.jsonl").write_text('{"source": "/logs/umbra/a.log"}\n')
    stray = store / "events" / "day=2026-11-15" / "stray.parquet"
    pl.DataFrame({"source": ["x.log"], "line": [3], "host": ["umbra.example.com"]}).write_parquet(stray)
    found = {place: first for place, _, first in find(store, names).iter_rows()}
    assert found == {
        "column host": "x.log:3", "file rejects/0000000009.jsonl": "line 1", "file state/other.json": "line 1",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["Zoë & co", 'a"b\\c', "x/y z", "k_abc", "$1.*"])
def test_hostile_names_are_found_and_replaced(name: str) -> None:
    names = Names([name])
    frame = pl.DataFrame({"path": [f"/t/{name}/x", "/t/other"], "line": [1, 2]})
    assert names.pattern is not None

    assert frame["path"].str.contains(names.pattern).to_list() == [True, False]
    assert names.within(json.dumps({"p": f"/t/{name}"})) and names.within(json.dumps({"p": name}, ensure_ascii=False))
    assert names.replaced(f"/{name}/", "R") == "/R/"
