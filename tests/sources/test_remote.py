"""Logs in S3: found and read as those on disk, in pieces, and what is wrong said with bucket and key."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pyarrow  # type: ignore[import-untyped, unused-ignore]
import pytest

from apilens.config import ReadOptions, Settings
from apilens.errors import InputError
from apilens.ingest import ingest
from apilens.ingested import Summary
from apilens.objects import Object
from apilens.source_settings import SourceSettings
from apilens.sources import Nothing, Reader, Source, expand
from apilens.sources.remote import PIECE, RemoteFile
from apilens.store import Store
from apilens.store.table import scan
from tests.object_store import KEYS, Bucket, bucket, s3_address

__all__ = ["bucket", "s3_address"]

KEY = b"k" * 32
NOW = datetime(2026, 11, 23, tzinfo=UTC)
LINE = '10.0.0.1 - acme [20/Nov/2026:10:00:00 +0000] "GET /items/{n} HTTP/1.1" 200 5 "-" "curl/8.5"\n'
COMPRESS = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: bytes(pyarrow.compress(data, codec="zstd", asbytes=True)),
}


def lines(count: int, first: int = 0) -> bytes:
    return "".join(LINE.format(n=n) for n in range(first, first + count)).encode()


def names(*inputs: str) -> list[str]:
    sources, errors = expand(inputs)
    assert errors == []
    return [source.name for source in sources]


def problem(text: str) -> InputError:
    sources, [error] = expand([text])
    assert sources == []
    return error


def read(source: Source, **limits: int) -> bytes:
    with Reader(source, **limits) as reader:
        return b"".join(block.data for block in reader.blocks(final=False))


def take_in(store: Path, *inputs: str, settings: Settings = Settings()) -> Summary:  # noqa: B008 - it is frozen
    return ingest(
        list(inputs), store, settings=settings, options=ReadOptions(), key=KEY, now=NOW, durable=False,
        block_bytes=1 << 18,
    )  # fmt: skip


def stored(store: Path, *columns: str) -> list[tuple[object, ...]]:
    return sorted(scan(Store.open(store), columns).collect().rows(), key=repr)


def test_keys_prefixes_and_globs_find_what_they_mean(bucket: Bucket) -> None:
    for key in ("top.log", "a/1.log", "a/b/2.log", "a/b/2.gz", "a/.hidden/3.log", "a/.4.log", "ab/5.log", "a/x[1].log"):
        bucket.put(key, b"x\n")

    def keys(text: str) -> list[str]:
        return sorted(name.removeprefix(f"{bucket.url}/") for name in names(f"{bucket.url}/{text}"))

    assert keys("a/1.log") == ["a/1.log"]
    assert keys("a") == keys("a/") == ["a/1.log", "a/b/2.gz", "a/b/2.log", "a/x[1].log"]
    assert keys("") == ["a/1.log", "a/b/2.gz", "a/b/2.log", "a/x[1].log", "ab/5.log", "top.log"]
    assert keys("a/*.log") == ["a/1.log", "a/x[1].log"]
    assert keys("a/*/?.log") == ["a/b/2.log"]
    assert keys("**/2.*") == ["a/b/2.gz", "a/b/2.log"]
    assert keys("a*/[15].log") == ["a/1.log", "ab/5.log"]
    # What matches a prefix means all below, as with folders; and a name may hold wildcards.
    assert keys("a/b*") == ["a/b/2.gz", "a/b/2.log"]
    assert keys("a/x[1].log") == keys("a/x[[]1].log") == ["a/x[1].log"]


def test_the_oldest_comes_first_and_nothing_twice(bucket: Bucket) -> None:
    bucket.put("b.log", b"x\n")
    time.sleep(1.1)  # S3 has times in whole seconds
    bucket.put("a.log", b"x\n")

    every = names(f"{bucket.url}/*.log", f"{bucket.url}/a.log", bucket.url + "/")

    assert every == [f"{bucket.url}/b.log", f"{bucket.url}/a.log"]


def test_what_is_not_there_is_told_with_its_url(bucket: Bucket) -> None:
    bucket.put("a.log", b"x\n")

    for key in ("none.log", "none/", "*.gz", "none/*.gz", "**/x.gz"):
        error = problem(f"{bucket.url}/{key}")
        assert isinstance(error, Nothing) and error.message == f"{bucket.url}/{key}: no object matches"
    for key in ("none.log", "*.gz", ""):
        error = problem(f"s3://nobody/{key}")
        assert error.message == f"s3://nobody/{key}: no bucket nobody at {bucket.environment['AWS_ENDPOINT_URL']}"
        assert error.hint and "AWS_ENDPOINT_URL" in error.hint
    assert problem("gs://bucket/a.log").message == "gs://bucket/a.log: only s3:// is read"
    assert problem("s3://*/a.log").message == "s3://*/a.log: names no bucket"


@pytest.mark.parametrize("kind", COMPRESS)
def test_an_object_is_read_as_a_file_with_its_bytes(bucket: Bucket, tmp_path: Path, kind: str) -> None:
    text = lines(3000)
    data = COMPRESS[kind](text)
    url = bucket.put("a.log", data)
    (tmp_path / "a.log").write_bytes(data)
    (remote, local), _ = expand([url, str(tmp_path / "a.log")])

    assert read(remote) == read(local) == text
    with Reader(remote) as one, Reader(local) as other:
        assert (one.head, one.sample, one.compression) == (other.head, other.sample, other.compression)
        assert [(item.start, item.first_line) for item in one.blocks(offset=200, first_line=3, final=True)] == [
            (200, 3)
        ]


def test_parquet_is_read_as_the_file_would_be(bucket: Bucket, tmp_path: Path) -> None:
    frame = pl.DataFrame({"time": [f"2026-11-20T10:00:{n % 60:02}Z" for n in range(45_000)], "status": [200] * 45_000})
    made = io.BytesIO()
    frame.write_parquet(made, row_group_size=10_000)
    (tmp_path / "a.parquet").write_bytes(made.getvalue())
    (remote, local), _ = expand([bucket.put("a.parquet", made.getvalue()), str(tmp_path / "a.parquet")])

    assert read(remote) == read(local)
    (broken,), _ = expand([bucket.put("b.parquet", b"PAR1 nonsense")])
    with pytest.raises(InputError, match=r"b\.parquet: Parquet is damaged"):
        read(broken)


def test_the_last_line_of_an_object_is_whole(bucket: Bucket) -> None:
    (source,), _ = expand([bucket.put("a.log", b"one\ntwo")])

    assert read(source) == b"one\ntwo"


def test_a_large_object_is_read_in_pieces(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"%099d\n" * 200_000 % tuple(range(200_000))
    asked: list[tuple[int, int]] = []
    fetch = RemoteFile._fetch
    monkeypatch.setattr(RemoteFile, "_fetch", lambda self, at, size: asked.append((at, size)) or fetch(self, at, size))
    (plain, packed), _ = expand([bucket.put("1.log", text), bucket.put("2.gz", gzip.compress(text, 0))])

    assert read(plain, block_bytes=5 << 20) == text
    assert max(size for _, size in asked) <= 5 << 20
    asked.clear()
    assert read(packed, block_bytes=5 << 20) == text
    # Each piece once, in order, and the end.
    assert list(dict.fromkeys(asked)) == [(at, PIECE) for at in (*range(0, packed.size or 0, PIECE), packed.size)]


def test_an_object_that_is_put_anew_meanwhile_is_left_for_another_run(bucket: Bucket) -> None:
    url = bucket.put("a.log", b"x" * (PIECE + 1))
    file = RemoteFile(Object(bucket.name, "a.log"))
    assert file.unchanged(b"x", 0)

    bucket.put("a.log", b"x" * (PIECE + 2))

    assert not file.unchanged(b"x", 0)
    (source,), _ = expand([url])
    bucket.client.delete_object(Bucket=bucket.name, Key="a.log")
    with pytest.raises(InputError, match=r"s3://bucket-\d+/a\.log: no such object"):
        Reader(source)


def test_every_object_lands_once_whatever_it_is_called(bucket: Bucket, tmp_path: Path) -> None:
    store = tmp_path / "store"
    bucket.put("logs/1.gz", gzip.compress(lines(50)))
    bucket.put("logs/2.gz", gzip.compress(lines(50, 50)))
    inputs = f"{bucket.url}/logs/*.gz"

    first, again = take_in(store, inputs), take_in(store, inputs)
    bucket.put("logs/3.gz", gzip.compress(lines(50, 100)))
    bucket.put("logs/copy.gz", gzip.compress(lines(50), 1))
    (tmp_path / "2.log").write_bytes(lines(50, 50))
    third = take_in(store, inputs, str(tmp_path / "2.log"))

    assert [done.counts.stored for done in (first, again, third)] == [100, 0, 50]
    assert [done.problems for done in (first, again, third)] == [[], [], []]
    assert len(stored(store, "path")) == 150 == len(set(stored(store, "path")))


def test_what_was_read_to_its_end_is_not_opened_again(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("1.log", lines(5))
    time.sleep(2.1)  # what is younger may be written again under the same time
    take_in(tmp_path / "store", bucket.url + "/")
    monkeypatch.setattr(RemoteFile, "__init__", lambda self, place: pytest.fail(f"{place} was opened"))

    again = take_in(tmp_path / "store", bucket.url + "/")

    assert (again.counts.read, again.problems) == (0, [])


def test_placeholders_in_the_key_of_a_source_fill_columns(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("logs/prod/billing/a.log", lines(1))
    bucket.put("logs/test/search/b/c.log", lines(1, 1))
    settings = Settings(sources={"edge": SourceSettings(bucket.url + "/logs/{environment}/{service}/**/*.log")})

    take_in(tmp_path / "store", settings=settings)

    assert stored(tmp_path / "store", "environment", "service", "source") == [
        ("prod", "billing", f"{bucket.url}/logs/prod/billing/a.log"),
        ("test", "search", f"{bucket.url}/logs/test/search/b/c.log"),
    ]


def test_the_command_line_reports_on_objects(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("a.gz", gzip.compress(lines(2)))
    environment = {**bucket.environment, "APILENS_NOW": "2026-11-23T12:00:00Z", "APILENS_HASH_KEY": "x"}
    command = f"report {bucket.url}/*.gz s3://nobody/a.gz --by path --metrics requests -q"

    done = subprocess.run(
        [sys.executable, "-m", "apilens", *command.split()], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env={"PATH": os.environ["PATH"], **environment},
    )  # fmt: skip

    assert done.stdout == "path\trequests\n/items/0\t1\n/items/1\t1\n"
    assert done.returncode == 3 and "s3://nobody/a.gz: no bucket nobody at http://127.0.0.1:" in done.stderr


def test_an_unreachable_store_is_said_so(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    error = problem("s3://logs/a.gz")

    assert error.message == "s3://logs/a.gz: cannot reach http://127.0.0.1:9"
    assert error.hint == "check the network, AWS_REGION and AWS_ENDPOINT_URL"


class _Refusing(BaseHTTPRequestHandler):
    """A store that answers every request with the same error."""

    code = "AccessDenied"

    def do_GET(self) -> None:
        body = f"<Error><Code>{self.code}</Code><Message>no</Message></Error>".encode()
        self.send_response(403)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Refusing]]:
    for name, text in KEYS.items():
        monkeypatch.setenv(name, text)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    yield _Refusing
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("url", ["s3://logs/a.gz", "s3://logs/*.gz", "s3://logs/"])
def test_who_may_not_read_learns_what_to_do(
    refusing: type[_Refusing], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str
) -> None:
    known = problem(url)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    nobody = problem(url)

    assert known.message == f"{url}: access denied"
    assert known.hint == "are these the right credentials? They need s3:GetObject on logs/*, and s3:ListBucket on logs"
    assert nobody.message == f"{url}: access denied, and there are no AWS credentials"
    assert nobody.hint and nobody.hint.startswith("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"])
def test_credentials_that_are_wrong_are_said_so(
    refusing: type[_Refusing], monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(refusing, "code", code)

    assert problem("s3://logs/*.gz").message == "s3://logs/*.gz: the AWS credentials are refused"
