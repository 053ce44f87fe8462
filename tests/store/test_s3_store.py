"""A store on S3: as one on disk, and right when several write at once or die between two steps."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from apilens.config import ReadOptions, Settings
from apilens.engine import scan as scan_files
from apilens.errors import ConfigError, InputError, StoreBusy, StoreError, UsageError
from apilens.ingest import ingest
from apilens.ingested import Summary
from apilens.places import Place, place_of
from apilens.s3_path import S3Path
from apilens.store import Counts, Store, Writer, compact, verify, writing
from apilens.store.catalogue import catalogue_of, covered, seen_in
from apilens.store.data_files import by_day, data_files
from apilens.store.erase import rewrite
from apilens.store.registering import Register
from apilens.store.streams import Advance
from apilens.store.table import scan
from tests.object_store import Bucket, bucket, s3_address

from .conftest import KEY, Make

__all__ = ["bucket", "s3_address"]

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LINE = '10.0.0.1 - {who} [20/Nov/2026:10:00:00 +0000] "GET /items/{n} HTTP/1.1" 200 5 "-" "curl/8.5"\n'
REJECTS = pl.DataFrame({"line": [9], "reason": ["x"]})


@pytest.fixture
def place(bucket: Bucket) -> S3Path:
    found = place_of(f"{bucket.url}/team [1]/störe")
    assert isinstance(found, S3Path)
    return found


@pytest.fixture
def log(tmp_path: Path) -> Callable[..., str]:
    """Return log(name, lines): the path of a log with some lines, and an unreadable one at the end."""

    def write(name: str, count: int = 50, who: str = "acme") -> str:
        lines = "".join(LINE.format(who=who, n=n) for n in range(count))
        (tmp_path / name).write_text(f"{name}\n{lines}")
        return str(tmp_path / name)

    return write


def take_in(place: Place, *inputs: str, **options: Any) -> Summary:
    read = ReadOptions(input_format="combined")
    return ingest(list(inputs), place, settings=Settings(), options=read, key=KEY, now=NOW, **options)


def commit(writer: Writer, frame: pl.DataFrame, head: bytes, *, rejects: pl.DataFrame = REJECTS) -> None:
    counts = Counts(read=frame.height + rejects.height, stored=frame.height, rejected=rejects.height)
    advance = Advance(writer.position(head), head, len(head), frame.height)
    writer.commit(writer.write([by_day(frame)]), [advance], counts=counts, rejects=rejects, info={})


def rejected(place: S3Path) -> list[str]:
    """Return the names of files of rejects, those that wait as well."""
    return [str(item).removeprefix(f"{place}/rejects/") for item in (place / "rejects").rglob("*")]


def rows(place: Place) -> list[tuple[Any, ...]]:
    return scan(Store.open(place), ["account", "path", "line"]).collect().sort("line", "account").rows()


def test_urls_name_places_on_s3_and_all_else_folders() -> None:
    assert place_of("s3://b/x/y/") == S3Path("b", "x/y") == S3Path("b", "") / "x" / "y"
    assert str(S3Path("b", "x") / "y.json") == "s3://b/x/y.json"
    assert (S3Path("b", "x/y.json").name, S3Path("b", "x/y.json").parent) == ("y.json", S3Path("b", "x"))
    assert place_of("a/b") == Path("a/b")
    for text in ("gs://b/x", "s3://", "s3://*/x"):
        with pytest.raises(UsageError, match="a store is a folder, or s3://bucket/prefix"):
            place_of(text)
    for text in ("s3://b/50%25", "s3://b/a#b", "s3://b/a?b", "s3://b/a//b"):
        with pytest.raises(UsageError, match="a store's prefix has no %, # or"):
            place_of(text)


def test_an_object_is_spoken_to_as_a_file(place: S3Path, tmp_path: Path) -> None:
    for folder in (place, tmp_path):
        if isinstance(folder, Path):
            (folder / "b").mkdir()
        for name, data in (("a.json", b"{}"), ("b/c.txt", "é".encode())):
            (folder / name).write_bytes(data)

        assert (folder / "a.json").exists() and not (folder / "none").exists()
        assert (folder / "b/c.txt").read_text() == "é"
        assert (folder / "a.json").stat().st_size == 2
        assert [item.name for item in folder.iterdir() if item.is_file()] == ["a.json"]
        assert sorted(item.name for item in folder.rglob("*") if item.is_file()) == ["a.json", "c.txt"]
        assert [item.name for item in folder.glob("*.json")] == ["a.json"]
        (folder / "a.json").unlink()
        (folder / "a.json").unlink(missing_ok=True)
        for act in (Path.read_bytes, Path.stat, Path.unlink):
            with pytest.raises(FileNotFoundError):
                getattr(folder / "a.json", act.__name__)()


def test_a_store_on_s3_holds_what_one_on_disk_does(place: S3Path, tmp_path: Path, log: Callable[..., str]) -> None:
    logs = [log("a.log"), log("b.log", 30, who="bob")]
    first = [take_in(store, *logs) for store in (place, tmp_path / "store")]
    again = take_in(place, *logs)

    assert rows(place) == rows(tmp_path / "store")
    assert [done.counts for done in first] == [Counts(read=82, stored=80, rejected=2)] * 2
    assert again.counts == Counts()
    assert rejected(place) == ["0000000001.jsonl"]
    assert verify(Store.open(place)).tables[0].rows.is_empty()
    assert catalogue_of(Store.open(place)).of("account")["name"].to_list() == ["acme", "bob"]


def test_of_two_writers_of_different_logs_both_commit(place: S3Path, make: Make) -> None:
    with writing(place, key=KEY) as one, writing(place, key=KEY) as other:
        commit(one, make(3), b"log one\n")
        commit(other, make(4, first=4), b"log two\n")
        commit(one, make(2, first=8), b"log three\n", rejects=REJECTS.clear())

    store = Store.open(place)
    assert [line for _, _, line in rows(place)] == list(range(1, 10))
    assert [store.total(name) for name in ("read", "stored", "rejected")] == [11, 9, 2]
    assert rejected(place) == ["0000000001.jsonl", "0000000002.jsonl"]
    assert verify(store).tables[0].rows.is_empty()


def test_of_two_writers_of_the_same_log_the_later_one_has_to_read_again(place: S3Path, make: Make) -> None:
    with writing(place, key=KEY) as one, writing(place, key=KEY) as other:
        commit(one, make(3), b"the log\n")
        with pytest.raises(StoreBusy, match="written by another process"):
            commit(other, make(3), b"the log\n")

        assert other.position(b"the log\n").offset == len(b"the log\n")
    assert [line for _, _, line in rows(place)] == [1, 2, 3]
    assert rejected(place) == ["0000000001.jsonl"]
    # Nor is anything left of what it wrote.
    assert len(list((place / "events").rglob("*.parquet"))) == 1


def test_what_another_commits_right_behind_is_not_taken_for_its_own(
    place: S3Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = DeltaTable.create_write_transaction
    with writing(place, key=KEY) as one, writing(place, key=KEY) as other:

        def followed(self: DeltaTable, *arguments: Any, **options: Any) -> None:
            made(self, *arguments, **options)
            if self is one.delta:
                commit(other, make(3), b"the log\n")

        with monkeypatch.context() as racing:
            racing.setattr(DeltaTable, "create_write_transaction", followed)
            commit(one, make(2, first=4), b"another log\n")
        with pytest.raises(StoreBusy):
            commit(one, make(3), b"the log\n")

    store = Store.open(place)
    assert [line for _, _, line in rows(place)] == [1, 2, 3, 4, 5]
    assert store.total("stored") == 5


def test_the_catalogue_has_what_others_committed_in_between(place: S3Path, make: Make) -> None:
    with writing(place, key=KEY) as one, writing(place, key=KEY) as other:
        register = Register(one)
        for writer, who in ((one, "acme"), (other, "bob"), (one, "carl")):
            frame = make(1).with_columns(pl.lit(who).alias("account"))
            commit(writer, frame, f"log of {who}\n".encode())
            if writer is one:
                register.take(seen_in([frame]))
        register.keep()

    assert covered(place) == Store.open(place).delta.version()
    assert catalogue_of(Store.open(place)).of("account")["name"].to_list() == ["acme", "bob", "carl"]


def test_files_are_swapped_behind_another_commit_as_long_as_they_are_there(place: S3Path, make: Make) -> None:
    with writing(place, key=KEY) as one, writing(place, key=KEY) as other:
        for at in range(3):
            commit(one, make(2, first=1 + 2 * at), f"log {at}\n".encode())
        other.refresh()
        old = data_files(Store(place, other.delta).actions.select("path", "size_bytes", "num_records", "day").rows())
        commit(one, make(2, first=7), b"log 3\n")
        other.replace(old[:1], [], work="forget", forgotten=2)
        with pytest.raises(StoreBusy):
            one.replace(old[:2], [], work="forget", forgotten=4)

        # One that merges days meanwhile leaves them to the other, and its own files are gone.
        assert compact(one, today=NOW.date(), every_day=True).after == 1
        with pytest.raises(StoreBusy):
            compact(other, today=NOW.date(), every_day=True)
    store = Store.open(place)
    assert (len(rows(place)), store.total("forgotten"), store.actions.height) == (6, 2, 1)
    assert verify(store).tables[0].rows.is_empty()


def test_what_a_refresh_took_over_is_not_swapped_again(place: S3Path, make: Make) -> None:
    """One finds out about a commit on its first day; what another one has swapped of the second it must not add to."""
    with writing(place, key=KEY) as one, writing(place, key=KEY) as other:
        for at in range(2):
            commit(one, make(2, first=1 + 2 * at), f"log {at}\n".encode())
        other.refresh()
        first, second = data_files(
            Store(place, other.delta).actions.select("path", "size_bytes", "num_records", "day").sort("path").rows()
        )
        other.replace([second], [], work="forget", forgotten=2)
        one.replace([first], [rewrite(one, first, lambda rows: rows)])
        with pytest.raises(StoreBusy):
            one.replace([second], [rewrite(one, second, lambda rows: rows)])
    assert len(rows(place)) == 2
    assert verify(Store.open(place)).tables[0].rows.is_empty()


def test_what_may_be_doubles_is_read_again_after_another_commit(place: S3Path, make: Make) -> None:
    with writing(place, key=KEY) as one, writing(place, key=KEY) as other:
        commit(one, make(3), b"log one\n")
        files = other.write([by_day(make(2, first=4))])
        for _ in range(2):
            with pytest.raises(StoreBusy):
                other.commit(files, [], counts=Counts(2, 2), rejects=REJECTS.clear(), info={}, again=False)

    assert len(rows(place)) == 3


def test_an_ingest_that_is_overtaken_goes_on_behind_the_other(
    place: S3Path, log: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one reads the same log just before the first commit, and another log before the second try."""
    logs = [log("a.log"), log("b.log", 30, who="bob")]
    turns = iter(["a.log", "b.log"])
    attempt = Writer._try

    def later(self: Writer, *arguments: Any, **options: Any) -> Any:
        if turn := next(turns, None):
            with monkeypatch.context() as undisturbed:
                undisturbed.setattr(Writer, "_try", attempt)
                take_in(place, next(name for name in logs if name.endswith(turn)))
        return attempt(self, *arguments, **options)

    monkeypatch.setattr(Writer, "_try", later)
    monkeypatch.setattr("apilens.ingest.OVERTAKEN_S", 0)
    done = take_in(place, *logs, log("c.log", 20, who="carl"))

    assert done.counts == Counts(read=21, stored=20, rejected=1)
    store = Store.open(place)
    assert store.total("read") == 51 + 31 + 21
    assert len(rows(place)) == len(set(rows(place))) == 50 + 30 + 20
    assert catalogue_of(store).of("account")["name"].to_list() == ["acme", "bob", "carl"]
    assert rejected(place) == ["0000000001.jsonl", "0000000002.jsonl", "0000000003.jsonl"]


def test_it_gives_up_where_others_commit_all_the_time(
    place: S3Path, log: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(*_: Any, **__: Any) -> None:
        raise StoreBusy("x was written by another process")

    monkeypatch.setattr(Writer, "_try", overtaken)
    monkeypatch.setattr("apilens.store.racing.ATTEMPTS", 2)
    monkeypatch.setattr("apilens.ingest.OVERTAKEN_S", 0)
    with pytest.raises(StoreBusy):
        take_in(place, log("a.log"), wait_s=0)


def test_a_commit_whose_answer_was_lost_counts_once(place: S3Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made = DeltaTable.create_write_transaction

    def lost(self: DeltaTable, *arguments: Any, **options: Any) -> None:
        made(self, *arguments, **options)
        raise CommitFailedError("Failed to commit transaction: 0")

    with writing(place, key=KEY) as writer:
        with monkeypatch.context() as failing:
            failing.setattr(DeltaTable, "create_write_transaction", lost)
            commit(writer, make(3), b"log one\n")
        commit(writer, make(2, first=4), b"log two\n")

    assert [line for _, _, line in rows(place)] == [1, 2, 3, 4, 5]
    assert rejected(place) == ["0000000001.jsonl", "0000000002.jsonl"]


@pytest.mark.parametrize("landed", [True, False])
def test_rejects_of_a_killed_run_are_there_if_its_commit_is(
    place: S3Path, make: Make, monkeypatch: pytest.MonkeyPatch, landed: bool
) -> None:
    """It is killed behind its commit, or before, and somebody else then makes one of that version."""

    class Killed(BaseException):
        pass

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    with writing(place, key=KEY) as writer, monkeypatch.context() as dying:
        dying.setattr(
            "apilens.store.rejects.SharedRejects.after" if landed else "apilens.store.writer.Writer._commit", killed
        )
        with pytest.raises(Killed):
            commit(writer, make(3), b"log one\n")
    [waiting] = rejected(place)
    assert waiting.startswith("waiting/00000000000000000001-")

    with writing(place, key=KEY) as writer:
        # As long as nobody made that version, whose they are may be about to.
        assert rejected(place) == (["0000000001.jsonl"] if landed else [waiting])
        commit(writer, make(1, first=4), b"log two\n", rejects=REJECTS.clear())
    with writing(place, key=KEY):
        assert rejected(place) == (["0000000001.jsonl"] if landed else [])


def test_what_nobody_can_do_there_is_said(place: S3Path, bucket: Bucket, log: Callable[..., str]) -> None:
    address = bucket.environment["AWS_ENDPOINT_URL"]
    with pytest.raises(InputError, match=f"no store at {re.escape(str(place))}"):
        Store.open(place)
    nowhere = place_of("s3://nobody/store")
    for act in (lambda: Store.open(nowhere), lambda: take_in(nowhere, log("a.log"))):
        with pytest.raises(StoreError, match=f"s3://nobody/store: no bucket nobody at {address}"):
            act()
    with pytest.raises(ConfigError, match="has no group of users"), writing(place, key=KEY, group="users"):
        pass
    bucket.put(f"{place.key}/access.log", b"a log\n")
    with pytest.raises(StoreError, match="there are other things at"):
        take_in(place, log("a.log"))
    with pytest.raises(UsageError, match="duckdb reads no store on S3"):
        scan_files([f"{place}/events/day=2026-11-20/a.parquet"], engine="duckdb")


def test_files_that_were_listed_are_not_asked_for_one_by_one(
    place: S3Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing(place, key=KEY) as writer:
        commit(writer, make(3), b"log one\n")
    monkeypatch.setattr(S3Path, "exists", lambda _: pytest.fail("asked for"))

    files = [item for item in (place / "events").rglob("*.parquet") if item.is_file()]
    assert [item.stat().st_size for item in files] == Store.open(place).actions["size_bytes"].to_list()
    assert files == [S3Path(item.bucket, item.key) for item in files]


def test_a_store_of_another_key_is_refused(place: S3Path) -> None:
    with writing(place, key=KEY):
        pass

    with pytest.raises(StoreError, match="another hash key"), writing(place, key=b"z" * 32):
        pass
    assert json.loads((place / "state" / "store.json").read_bytes())["version"] == 1


def test_where_s3_cannot_be_reached_it_says_so(place: S3Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    with pytest.raises(StoreError, match=r"cannot reach http://127\.0\.0\.1:1"):
        Store.open(place)
