"""Named sources: which logs are theirs, what holds for them, and every mistake with its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from apilens.config import ReadOptions, load
from apilens.errors import ConfigError, UsageError
from apilens.file_pattern import FilePattern, pattern_problems
from apilens.ingest import ingest
from apilens.ingested import Summary
from apilens.store import Store

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LINE = '10.0.0.1 - acme [20/Nov/2026:10:00:00 +0000] "GET /items/1 HTTP/1.1" 200 5 "-" "curl/8.5"\n'
HOOK = (
    '{"time":"2026-11-20T10:00:00Z","method":"POST","path":"/hook","status":500,'
    '"to":"h.example","try":2,"who":"globex"}\n'
)

SETTINGS = """
account: [{field: who}]
columns:
  size: {from: n, type: int}
sources:
  gateway:
    path: logs/{environment}/{service}-{node}/access.log*
    format: combined
    account: [{column: remote_user}]
  hooks:
    path: hooks
    direction: outgoing
    service: sender
    fields: {destination: to, attempt: try, size: try}
  none:
    path: nowhere/*.log
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "logs/production/shop-eu-1").mkdir(parents=True)
    (tmp_path / "logs/production/shop-eu-1/access.log").write_text(LINE)
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks/today.jsonl").write_text(HOOK)
    (tmp_path / "apilens.yaml").write_text(SETTINGS.replace("column: remote_user", "remote_user: true"))
    return tmp_path


def run(folder: Path, *inputs: str, **options: object) -> Summary:
    return ingest(
        inputs, folder / "store", settings=load(folder / "apilens.yaml"), options=ReadOptions(), key=b"k" * 32,
        now=NOW, **options,  # type: ignore[arg-type]
    )  # fmt: skip


def stored(folder: Path) -> pl.DataFrame:
    store = Store.open(folder / "store")
    return pl.scan_parquet(
        store.files(), schema=store.dtypes, missing_columns="insert", hive_partitioning=False
    ).collect().sort("source")  # fmt: skip


@pytest.mark.parametrize(
    ("path", "file", "values"),
    [
        ("/l/{environment}/{service}/a.log*", "/l/prod/shop/a.log.1", {"environment": "prod", "service": "shop"}),
        ("/l/{service}-{node}.log", "/l/shop-eu-1.log", {"service": "shop", "node": "eu-1"}),
        ("/l/{service}/a.log", "/l/shop/deep/a.log", None),
        ("/l/{service}.log", "/l/.log", None),
        ("/l/**/{node}.log", "/l/a/b/n1.log", {"node": "n1"}),
        ("/l/**/{node}.log", "/l/n1.log", {"node": "n1"}),
        ("/l/[ab]?.log", "/l/bx.log", {}),
        ("/l/[!ab].log", "/l/a.log", None),
        ("/l/a.log", "/l/axlog", None),
        ("/l/{service}/", "/l/shop/deep/a.log", {"service": "shop"}),
    ],
)
def test_a_path_says_whose_a_file_is(path: str, file: str, values: dict[str, str] | None) -> None:
    assert FilePattern.of(path).values(file) == values


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/l/{team}.log", "`{team}` is no placeholder (known: {service}, {environment}, {node})"),
        ("/l/{node}/{node}", "`{node}` stands in it twice"),
        ("/l/{node", "a brace without its other one"),
        ("/l/{service}{node}", "two placeholders side by side: nothing tells where one ends"),
    ],
)
def test_a_path_that_cannot_be_meant_is_named(path: str, problem: str) -> None:
    assert list(pattern_problems(path)) == [problem]


def test_without_inputs_all_sources_are_read(folder: Path) -> None:
    done = run(folder)

    assert (done.counts.stored, done.problems) == (2, [])
    assert done.warnings == [f"source none: no file matches {folder}/nowhere/*.log"]
    hook, request = stored(folder).iter_rows(named=True)
    assert [request[name] for name in ("environment", "service", "node", "account", "direction", "destination")] == [
        "production", "shop", "eu-1", "acme", "incoming", None,
    ]  # fmt: skip
    assert [hook[name] for name in ("service", "account", "direction", "destination", "attempt", "size")] == [
        "sender", "globex", "outgoing", "h.example", 2, 2,
    ]  # fmt: skip


def test_a_file_that_is_named_belongs_to_its_source_and_is_the_same_log(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "other.log").write_text(LINE.replace("acme", "initech"))
    run(folder, "logs/production/shop-eu-1/access.log", "other.log")
    run(folder)

    rows = stored(folder).filter(pl.col("format") == "combined").select("source", "service", "account").rows()
    assert rows == [(f"{folder}/logs/production/shop-eu-1/access.log", "shop", "acme"), ("other.log", None, "initech")]


def test_every_mistake_in_sources_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "apilens.yaml").write_text(
        "sources:\n  a:\n    path: /l/{team}\n    settle: soon\n    source_tz: Mars\n    format: x\n    log_format: y\n"
        "  b:\n    path: /l/{service}\n    service: shop\n    fields: {size: n}\n    account: [{path: 0}]\n"
        "    colour: red\n  c: {path: 'gs://bucket/x', direction: up}\n"
    )

    with pytest.raises(ConfigError) as error:
        load(tmp_path / "apilens.yaml")

    found = [line.removeprefix(f"{tmp_path}/apilens.yaml:") for line in error.value.message.split("\n")]
    assert [line.removeprefix(" ") for line in found] == [
        "3: sources.a.path: '/l/{team}': `{team}` is no placeholder (known: {service}, {environment}, {node})",
        "4: sources.a.settle: `soon` is no duration",
        "5: sources.a.source_tz: unknown time zone `Mars`",
        "7: sources.a.log_format: goes without `format`: give one of them",
        "10: sources.b.service: the path says it already, by `{service}`",
        "11: sources.b.fields.size: no column `size` (known: destination, attempt, delivery_id; others are declared "
        "under `columns`)",
        "12: sources.b.account[0]: segments of a path count from 1",
        "13: sources.b.colour: unknown key (known: path, format, log_format, source_tz, account, user, api_key, "
        "session, service, environment, node, direction, fields, settle, "
        "dedupe)",
        "14: sources.c.direction: expected one of incoming, outgoing, internal, got the text 'up'",
        "14: sources.c.path: of URLs only s3://bucket/… is read, and the bucket has no wildcards",
    ]


def test_a_format_that_there_is_not_names_the_source(folder: Path) -> None:
    (folder / "apilens.yaml").write_text("sources: {web: {path: logs/*, format: combind}}\n")

    with pytest.raises(UsageError, match=r"sources\.web: no format 'combind'"):
        run(folder)


def test_what_is_older_is_read_counted_and_not_read_again(folder: Path) -> None:
    log = folder / "logs/production/shop-eu-1/access.log"
    log.write_text(LINE.replace("20/Nov", "10/Nov") + LINE + "no log line\n")
    first = run(folder, str(log), since=datetime(2026, 11, 15, tzinfo=UTC))
    again = run(folder, str(log))

    assert (first.counts.read, first.counts.stored, first.counts.older, first.counts.rejected) == (3, 1, 1, 1)
    assert first.counts.balances and again.counts.read == 0
    assert Store.open(folder / "store").total("older") == 1


def test_files_that_were_not_written_to_since_are_not_opened(folder: Path) -> None:
    done = run(folder, since=datetime(2099, 1, 1, tzinfo=UTC))

    assert (done.untouched, done.counts.read, done.logs) == (2, 0, [])
