"""A rebuilt store is the store that the same logs give under the settings of today, column by column."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import polars as pl
import pytest

from apilens.ageing import age_out
from apilens.config import ColumnRule, CustomFormat, ReadOptions, SdkRule, Settings
from apilens.endpoints import STATE, Endpoints
from apilens.errors import InputError
from apilens.identity_rule import IdentityRule
from apilens.ingest import ingest
from apilens.ingested import Summary
from apilens.rebuild import Rebuild, rebuild
from apilens.rebuilt import Rebuilt
from apilens.recognition import all_formats
from apilens.rederive import STATED
from apilens.shaping import older
from apilens.source_settings import SourceSettings
from apilens.store import Store, read_kept, verify, writing
from apilens.store.catalogue import catalogue_of
from apilens.store.data_files import data_files
from apilens.store.writer import Writer
from apilens.store_settings import AgeOut
from apilens.survey import fills

KEY = b"k" * 32
NOW = datetime(2026, 11, 23, tzinfo=UTC)
LINE = '10.0.0.{n} - {user} [{day}/Nov/2026:10:00:{n:02} +0000] "GET {path} HTTP/1.1" {status} 5 "-" "{agent}"\n'
PATHS = [
    "/tenants/acme/v1/orders/17",
    "/tenants/globex/v2/genre/rock",
    "/genre/jazz",
    "/tenants/acme/v1/orders/sk_live_0123456789abcdef0123",
]
AGENTS = ["acme-python/1.4.2", "AcmeApp/3.1 (iOS)", "curl/8.5.0"]
LOG = "".join(
    LINE.format(
        n=n, user="-" if n % 3 else "ann", day=20 + n % 2, path=PATHS[n % 4], status=401 if n % 5 == 0 else 200,
        agent=AGENTS[n % 3],
    )
    for n in range(40)
)  # fmt: skip
BEFORE = Settings(sdks=(SdkRule("old", "curl/(?P<version>[0-9.]+)"),))
AFTER = Settings(
    account=(IdentityRule(path="/tenants/{account}/*"), IdentityRule(column="user_agent", regex=r"^(?P<name>Acme\w+)")),
    endpoints=("/genre/{name}", "/tenants/{tenant}/v2/genre/{name}"),
    sdks=(SdkRule("acme-ios", "AcmeApp/(?P<version>[0-9.]+) .*iOS"),),
)  # fmt: skip


def run(store: Path, *logs: Path, settings: Settings = BEFORE, options: ReadOptions = ReadOptions()) -> Summary:  # noqa: B008
    return ingest(list(map(str, logs)), store, settings=settings, options=options, key=KEY, now=NOW, durable=False)


def again(store: Path, asked: Rebuild = Rebuild(), *, settings: Settings = AFTER) -> Rebuilt:  # noqa: B008
    return rebuild(store, asked, settings=settings, options=ReadOptions(), key=KEY, now=NOW)


def table(path: Path) -> pl.DataFrame:
    """Return all there is, endpoints as they are called."""
    store = Store.open(path)
    rows = pl.concat([store.rows(name).collect() for name in store.actions["path"]])
    names = Endpoints.of(read_kept(path, STATE)).names
    return rows.with_columns(pl.col("endpoint").replace(names)).sort("source", "line", "item")


def offsets(path: Path) -> list[tuple[str, int]]:
    delta = Store.open(path).delta
    return sorted((name, delta.transaction_version(name) or 0) for name in ("generation", "total/read", "total/stored"))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_text(LOG)
    return path


@pytest.fixture
def store(tmp_path: Path, log: Path) -> Path:
    run(tmp_path / "store", log)
    return tmp_path / "store"


@pytest.fixture
def fresh(tmp_path: Path, log: Path) -> pl.DataFrame:
    run(tmp_path / "fresh", log, settings=AFTER)
    return table(tmp_path / "fresh")


def test_what_is_stored_suffices_for_all_columns(store: Path, fresh: pl.DataFrame) -> None:
    before, counted = table(store), offsets(store)
    done = again(store)

    found = table(store)
    # A path in which a secret was hidden no longer says whose it is, so where it may come first its row stays.
    hidden = found["path"].str.contains("[R:", literal=True)
    assert done.left["account"] == hidden.sum() == 10
    for name in found.columns:
        expected = fresh[name].zip_with(~(hidden & pl.Series([name.startswith("account")])), before[name])
        assert found[name].to_list() == expected.to_list(), name
    assert (offsets(store), verify(Store.open(store)).tables[0].rows.height) == (counted, 0)
    assert not found.equals(before)


def test_with_the_logs_every_row_is_as_if_read_today(store: Path, log: Path, fresh: pl.DataFrame) -> None:
    again(store, Rebuild(files=[str(log)]))

    found = table(store)
    for name in fresh.columns:
        assert found[name].to_list() == fresh[name].to_list(), name
    assert older(Store.open(store), AFTER) is None
    assert list((store / "state").glob("rebuild-*")) == []


def test_a_second_rebuild_changes_nothing(store: Path, log: Path) -> None:
    again(store, Rebuild(files=[str(log)]))
    version = Store.open(store).delta.version()
    twice = again(store)

    assert sum(changed for _, changed in twice.days.values()) == 0
    assert Store.open(store).delta.version() == version


def test_a_dry_run_says_what_a_rebuild_then_does(store: Path, log: Path) -> None:
    # A column more than the store has.
    after = msgspec.structs.replace(AFTER, columns={"tokens": ColumnRule("usage.tokens", "int")})
    for asked in (Rebuild(), Rebuild(files=[str(log)]), Rebuild(files=[str(log)], parts=["columns"])):
        version, before = Store.open(store).delta.version(), table(store)
        dry = again(store, replace(asked, dry_run=True), settings=after)
        assert (Store.open(store).delta.version(), table(store).equals(before)) == (version, True)
        assert dry == again(store, asked, settings=after)
        assert dry.columns["sdk"] > 0 or asked.files


def test_only_the_parts_and_days_that_are_asked_for_change(store: Path) -> None:
    before = table(store)
    again(store, Rebuild(parts=["sdk"], since=date(2026, 11, 21)))

    after = table(store)
    changed = [name for name in after.columns if not after[name].equals(before[name])]
    assert changed == ["sdk"]
    assert after.filter(after["sdk"].ne_missing(before["sdk"]))["timestamp"].dt.date().unique().to_list() == [
        date(2026, 11, 21)
    ]
    assert older(Store.open(store), AFTER) == (
        "2 of 2 days were read with an older account rule, 2 with older endpoints, 1 with an older list of SDKs: "
        "apilens store rebuild"
    )


def test_some_columns_of_the_logs_leave_the_others(store: Path, log: Path, fresh: pl.DataFrame) -> None:
    before = table(store)
    with log.open("a") as file:
        file.write(LINE.format(n=41, user="bob", day=20, path="/late", status=200, agent="curl/8.5.0"))
    again(store, Rebuild(parts=["account"], files=[str(log)]))

    after = table(store)
    for name in after.columns:
        expected = fresh if name.startswith("account") else before
        assert after[name].to_list() == expected[name].to_list(), name
    assert "account" not in (older(Store.open(store), AFTER) or "")


HEADER = IdentityRule(header="x-account-id")
FORMAT = '$remote_addr - $remote_user [$time_local] "$request" $status "$http_x_account_id"'
STATED_LINE = '10.0.0.1 - {user} [20/Nov/2026:10:00:00 +0000] "GET {path} HTTP/1.1" 200 "{header}"\n'


@pytest.mark.parametrize(
    ("chain", "accounts", "left"),
    [
        # user, path, header of the three lines: ann /t/a/x h1 · - /t/b/x - · - /x -
        ((HEADER, IdentityRule(path="/t/{account}/*")), ["h1", "b", None], 0),
        ((IdentityRule(path="/t/{account}/*"), HEADER), ["a", "b", None], 0),
        ((IdentityRule(remote_user=True), HEADER), ["h1", None, None], 1),
        ((IdentityRule(header="x-other"),), ["h1", None, None], 3),
        ((), ["h1", None, None], 1),
    ],
)
def test_rules_are_known_by_the_rows_that_they_found(
    tmp_path: Path, chain: tuple[IdentityRule, ...], accounts: list[str | None], left: int
) -> None:
    log = tmp_path / "a.log"
    lines = [("ann", "/t/a/x", "h1"), ("-", "/t/b/x", "-"), ("-", "/x", "-")]
    log.write_text("".join(STATED_LINE.format(user=u, path=p, header=h) for u, p, h in lines))
    before, after = Settings(log_format=FORMAT, account=(HEADER,)), Settings(log_format=FORMAT, account=chain)
    run(tmp_path / "store", log, settings=before)
    done = again(tmp_path / "store", settings=after)

    assert (table(tmp_path / "store")["account"].to_list(), done.left["account"]) == (accounts, left)
    if not left:
        run(tmp_path / "fresh", log, settings=after)
        assert table(tmp_path / "store").equals(table(tmp_path / "fresh"))


def test_a_source_with_rules_of_its_own_is_left_to_its_logs(tmp_path: Path) -> None:
    logs = [tmp_path / "other.log", tmp_path / "own/a.log"]
    logs[1].parent.mkdir()
    for log in logs:
        log.write_text(STATED_LINE.format(user="-", path=f"/t/{log.stem}", header="-") * 2)
    own = SourceSettings(str(tmp_path / "own"), account=(IdentityRule(path=1),))
    before = Settings(log_format=FORMAT, sources={"own": own})
    run(tmp_path / "store", *logs, settings=before)
    done = again(tmp_path / "store", settings=msgspec.structs.replace(before, account=(IdentityRule(path=2),)))

    assert table(tmp_path / "store")["account"].to_list() == ["other", "other", "t", "t"]
    assert done.left["account"] == 2


def test_columns_come_from_the_log_and_rejects_become_rows(tmp_path: Path) -> None:
    log, store = tmp_path / "app.log", tmp_path / "store"
    time = "2026-11-20T10:00:0%d"
    line = '{"time":"%s","when":"%s","request":"GET /items/%d HTTP/1.1","status":200,"usage":{"tokens":%d}}\n'
    log.write_text("".join(line % (time % n if n else "soon", time % n, n, n) for n in range(4)))
    before, after = (
        Settings(
            formats={"app": CustomFormat(fields={"timestamp": at, "request": "request", "status": "status"})},
            columns=columns,
        )
        for at, columns in (("time", {}), ("when", {"tokens": ColumnRule("usage.tokens", "int")}))
    )
    run(store, log, settings=before, options=ReadOptions("app"))
    totals = [Store.open(store).total(name) for name in ("read", "stored", "rejected")]
    asked = Rebuild(files=[str(log)])
    done = rebuild(store, asked, settings=after, options=ReadOptions("app"), key=KEY, now=NOW)

    assert (totals, done.added) == ([4, 3, 1], 1)
    assert [Store.open(store).total(name) for name in ("read", "stored", "rejected")] == [4, 4, 0]
    assert table(store)["tokens"].to_list() == [0, 1, 2, 3]
    assert verify(Store.open(store)).tables[0].rows.height == 0


def test_what_age_took_away_is_not_made_of_nothing(store: Path, log: Path, fresh: pl.DataFrame) -> None:
    aging = Settings(age_out=AgeOut(path="1d", user_agent="1d"))
    with writing(store, key=KEY) as writer:
        age_out(writer, aging, key=KEY, today=NOW.date())
    before = table(store)
    done = again(store)

    after = table(store)
    for name in ("account", "path", "sdk", "sdk_version", "is_bot", "user_agent", "api_version"):
        assert after[name].to_list() == before[name].to_list(), name
    assert done.left == {"endpoint": 40, "api_version": 40, "sdk": 40, "account": 40}
    files = data_files(Store.open(store).actions.select("path", "size_bytes", "num_records", "day").iter_rows())
    assert {item.aged for item in files} == {frozenset({"path", "user_agent"})}
    again(store, Rebuild(files=[str(log)]))
    assert table(store).equals(fresh)


def test_the_catalogue_follows(store: Path) -> None:
    again(store)

    assert set(catalogue_of(Store.open(store)).of("account")["name"]) == set(table(store)["account"].drop_nulls())


def test_a_log_is_known_under_its_new_name_and_its_unread_rest_is_left(store: Path, log: Path) -> None:
    rotated = log.with_name("access.log.1")
    log.rename(rotated)
    with rotated.open("a") as file:
        file.write(LINE.format(n=41, user="bob", day=20, path="/late", status=200, agent="curl/8.5.0"))
    log.write_text(LINE.format(n=42, user="bob", day=20, path="/new", status=200, agent="curl/8.5.0"))
    run(store, log)
    again(store, Rebuild(files=[str(rotated)]))

    found = table(store)
    assert found.group_by("source").len().sort("source").rows() == [(str(log), 1), (str(rotated), 40)]
    run(store, rotated, log, settings=AFTER)
    assert table(store)["path"].value_counts().filter(pl.col("path") == "/late")["count"].to_list() == [1]
    assert table(store).height == 42


def test_logs_alike_of_two_machines_are_told_apart(tmp_path: Path) -> None:
    logs = [tmp_path / name for name in ("one.log", "two.log")]
    logs[0].write_text(LOG)
    # Every other line is the same request in the same second.
    logs[1].write_text(
        "".join(line if n % 2 else line.replace("/tenants", "/other") for n, line in enumerate(LOG.splitlines(True)))
    )
    run(tmp_path / "store", *logs)
    renamed = logs[0].rename(tmp_path / "one.log.1")
    again(tmp_path / "store", Rebuild(files=[str(renamed)]))
    run(tmp_path / "fresh", renamed, settings=AFTER)

    found = table(tmp_path / "store")
    assert found.group_by("source").len().sort("source").rows() == [(str(renamed), 40), (str(logs[1]), 40)]
    assert (
        found.filter(pl.col("source") == str(renamed))["account"].to_list()
        == table(tmp_path / "fresh")["account"].to_list()
    )


def test_lines_whose_time_is_read_otherwise_now_are_not_doubled(tmp_path: Path) -> None:
    log, store = tmp_path / "a.log", tmp_path / "store"
    log.write_text('{"time":"2026-11-20T10:00:00","request":"GET /items/1 HTTP/1.1","status":200}\n' * 3)
    run(store, log)

    with pytest.raises(InputError, match="other times"):
        again(store, Rebuild(files=[str(log)]), settings=Settings(source_tz="Asia/Tokyo"))
    assert table(store).height == 3


def test_a_log_that_was_never_read_is_refused(store: Path, log: Path) -> None:
    other = log.with_name("other.log")
    other.write_text(LOG.replace("orders", "invoices"))

    with pytest.raises(InputError, match="never read"):
        again(store, Rebuild(files=[str(other)]))


def test_learned_names_are_folded_in(tmp_path: Path) -> None:
    store, logs = tmp_path / "store", [tmp_path / name for name in ("1.log", "2.log")]
    genres = [f"/genre/q{chr(97 + n // 26)}{chr(97 + n % 26)}-music" for n in range(110)]
    for log, paths in zip(logs, (genres[:3], genres[3:]), strict=True):
        log.write_text(
            "".join(LINE.format(n=1, user="-", day=20, path=path, status=200, agent="curl/8") for path in paths)
        )
        run(store, log)
    aliases = Endpoints.of(read_kept(store, STATE)).learned["aliases"]
    before = table(store)["endpoint"].to_list()
    again(store, settings=BEFORE)

    opened = Store.open(store)
    stored = pl.concat([opened.rows(name).collect() for name in opened.actions["path"]]).sort("source", "line", "item")
    assert aliases and set(stored["endpoint"]) == {"GET /genre/{id}"}
    assert stored["endpoint"].to_list() == before


# Kills itself before or after the n-th commit; the first one with logs is that of the store that they are read into.
CHILD = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from tests.test_rebuild import AFTER, KEY, NOW, ReadOptions, Rebuild, rebuild
from apilens.store.writer import Writer
commit, left = Writer._commit, [int(sys.argv[3])]
def dying(self, *arguments, **options):
    if left[0] == 0 and sys.argv[4] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    commit(self, *arguments, **options)
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
if sys.argv[5:]:
    Writer._commit = dying
rebuild(Path(sys.argv[1]), Rebuild(files=sys.argv[2].split()), settings=AFTER, options=ReadOptions(), key=KEY, now=NOW)
"""


@pytest.mark.parametrize(("commits", "moment"), [(2, "before"), (0, "after")])
def test_a_killed_rebuild_leaves_each_day_old_or_new_and_is_run_again(
    store: Path, log: Path, fresh: pl.DataFrame, commits: int, moment: str
) -> None:
    before = table(store)
    child = [sys.executable, "-c", CHILD, str(store), str(log) if commits else "", str(commits), moment, "die"]
    assert subprocess.run(child, cwd=Path(__file__).parents[1], check=False).returncode == -9

    halfway = table(store)
    for day, expected in ((20, fresh), (21, before)):
        rows = pl.col("timestamp").dt.day() == day
        assert halfway.filter(rows)["sdk"].to_list() == expected.filter(rows)["sdk"].to_list()
    again(store, Rebuild(files=[str(log)]))
    assert table(store).equals(fresh)
    assert list((store / "state").glob("rebuild-*")) == []


def test_every_format_that_states_a_derived_column_is_known_to() -> None:
    for format in all_formats():
        if format.normalised:
            continue
        filled = set(fills(format))
        assert not {"sdk", "sdk_version"} & filled, format.name
        assert not [column for column, names in STATED.items() if column in filled and format.name not in names]


def test_a_failing_write_leaves_the_day_as_it_was(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = table(store)

    def fail(*arguments: object, **options: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Writer, "write_day", fail)
    with pytest.raises(OSError, match="disk full"):
        again(store)
    assert table(store).equals(before)
