"""Following: what comes through a pipe in pieces is one log, nothing is lost at the end, a busy store is waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from apilens import follow as module
from apilens.config import ReadOptions, Settings
from apilens.errors import InputError
from apilens.followed_pipe import FollowedPipe
from apilens.ingest import take_in
from apilens.ingested import Summary
from apilens.pipeline import Pipeline
from apilens.store import Store, writing
from apilens.store.lock import locked

NOW = datetime(2026, 11, 23, tzinfo=UTC)
KEY = b"k" * 32
LINE = '10.0.0.1 - acme [20/Nov/2026:10:00:00 +0000] "GET /items/{number} HTTP/1.1" 200 5 "-" "curl/8.5"\n'
W3C = "#Software: IIS\n#Fields: date time cs-method cs-uri-stem sc-status\n"


@pytest.fixture
def ends() -> Iterator[tuple[FollowedPipe, int]]:
    reader, writer = os.pipe()
    yield FollowedPipe(reader), writer
    os.close(reader)


def pipeline() -> Pipeline:
    return Pipeline(Settings(), ReadOptions(), key=KEY, now=NOW)


def one_pass(pipe: FollowedPipe, runs: Pipeline, store: Path, *, final: bool = False) -> Summary | None:
    pipe.drain()
    chunk = pipe.take()
    if chunk is None:
        return None
    runs.begin(NOW, chunk)
    summary = take_in(runs, ["-"], store, durable=False)
    return summary if pipe.taken(chunk, final=final) else None


def stored(store: Path) -> pl.DataFrame:
    opened = Store.open(store)
    return pl.scan_parquet(
        opened.files(), schema=opened.dtypes, missing_columns="insert", hive_partitioning=False
    ).collect().sort("line")  # fmt: skip


def test_pieces_of_a_pipe_are_one_log(ends: tuple[FollowedPipe, int], tmp_path: Path) -> None:
    pipe, writer = ends
    runs = pipeline()
    os.write(writer, (W3C + "2026-11-20 10:00:00 GET /a 200\n2026-11-20 10:00:01 GET /b").encode())
    one_pass(pipe, runs, tmp_path / "store")
    os.write(writer, b" 404\n2026-11-20 10:00:02 GET /c 500\n")
    one_pass(pipe, runs, tmp_path / "store")
    os.write(writer, b"2026-11-20 10:00:03 GET /d 201")
    os.close(writer)
    one_pass(pipe, runs, tmp_path / "store")

    assert pipe.ended
    rows = stored(tmp_path / "store").select("source", "line", "path", "status", "format").rows()
    assert rows == [
        ("stdin", 3, "/a", 200, "w3c"), ("stdin", 4, "/b", 404, "w3c"), ("stdin", 5, "/c", 500, "w3c"),
        ("stdin", 6, "/d", 201, "w3c"),
    ]  # fmt: skip


def test_lines_that_no_format_reads_wait_for_some_that_one_does(ends: tuple[FollowedPipe, int], tmp_path: Path) -> None:
    pipe, writer = ends
    runs = pipeline()
    os.write(writer, b"Listening on 8080\n")
    early = one_pass(pipe, runs, tmp_path / "store")
    os.write(writer, "".join(LINE.format(number=number) for number in range(3)).encode())
    later = one_pass(pipe, runs, tmp_path / "store")
    os.close(writer)

    assert early is None
    assert later and (later.counts.read, later.counts.stored, later.problems) == (4, 3, [])


def test_what_no_format_reads_is_said_in_the_end(ends: tuple[FollowedPipe, int], tmp_path: Path) -> None:
    pipe, writer = ends
    os.write(writer, b"Listening on 8080\n")
    last = one_pass(pipe, pipeline(), tmp_path / "store", final=True)
    os.close(writer)

    assert last and "no format reads this log" in last.problems[0].message


def test_a_chunk_is_the_same_until_it_is_taken(ends: tuple[FollowedPipe, int]) -> None:
    pipe, writer = ends
    os.write(writer, b"one\ntwo\nthr")
    pipe.drain()
    first = pipe.take()
    os.write(writer, b"ee\n")
    pipe.drain()
    again = pipe.take()
    os.close(writer)

    assert first and again
    assert os.read(first.fd, 99) == os.read(again.fd, 99) == b"one\ntwo\n"


def test_a_compressed_pipe_is_refused(ends: tuple[FollowedPipe, int]) -> None:
    pipe, writer = ends
    os.write(writer, b"\x1f\x8b\x08\0")
    os.close(writer)

    with pytest.raises(InputError, match="gzip cannot be followed"):
        pipe.read(1)


def test_a_busy_store_is_waited_for(tmp_path: Path) -> None:
    log, store = tmp_path / "a.log", tmp_path / "store"
    log.write_text(LINE.format(number=1))
    with writing(store, key=KEY, durable=False):
        pass
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(store / "lock", wait_s=0):
            held.set()
            free.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(20)
    passes: list[Summary] = []

    def pause(seconds: float) -> bool:
        time.sleep(seconds)
        free.set()
        return bool(passes)

    following = module.follow(
        pipeline(), [str(log)], store, pause=pause, clock=lambda: NOW, wait_s=9, durable=False, look_s=0.05, commit_s=0
    )
    for done in following:
        passes.append(done)  # noqa: PERF402 - pause looks at it meanwhile
    holder.join()

    assert [done.counts.stored for done in passes] == [1]


def test_sigterm_commits_what_came_and_exits_with_0(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "apilens", "ingest", "--follow", "--store", str(tmp_path / "store"), "-"]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "APILENS_HASH_KEY": "k"}
    )
    assert child.stdin
    child.stdin.write((LINE.format(number=1) + LINE.format(number=2) + "half a li").encode())
    child.stdin.flush()
    # Until it reads the pipe it has not begun to hold signals.
    waiting = Path(f"/proc/{child.pid}/status")
    while not int(waiting.read_text().partition("SigBlk:")[2].split()[0], 16) & (1 << (signal.SIGTERM - 1)):
        time.sleep(0.05)
    child.send_signal(signal.SIGTERM)
    # stdin stays open: this is no end of the pipe.
    child.wait(timeout=30)
    said = child.communicate()[1].decode()

    assert (child.returncode, said.split("\n")[-2].partition(" = ")[0]) == (0, "2 read")
    assert stored(tmp_path / "store")["path"].to_list() == ["/items/1", "/items/2"]
