"""Endpoints through the store: learned before the first commit, renamed at query time, documented or not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from apilens.analyses.report import ReportOptions, report
from apilens.config import ReadOptions, Settings
from apilens.endpoints import Endpoints
from apilens.ingest import ingest
from apilens.reading import endpoints_of, events_of
from apilens.result import Result
from apilens.store import Store
from apilens.window import Window

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SPEC = "openapi: 3.0.0\npaths:\n  /genre/{genre}: {get: {deprecated: true}}\n  /quiet: {get: {}}\n"


def lines(*calls: tuple[str, int]) -> str:
    return "".join(
        f'192.0.2.1 - acme [20/Nov/2026:10:00:00 +0000] "GET {path} HTTP/1.1" {status} {at} "-" "t/1"\n'
        for at, (path, status) in enumerate(calls)
    )


def take(store: Path, log: Path, settings: Settings | None = None) -> None:
    settings = settings or Settings()
    ingest([str(log)], store, settings=settings, options=ReadOptions(), key=b"k" * 32, now=NOW, durable=False)


def asked(store: Path, *by: str, where: tuple[str, ...] = ()) -> list[tuple[object, ...]]:
    opened = Store.open(store)
    options = ReportOptions(now=NOW, by=by, metrics=("requests",), where=where, limit=None)
    events, columns = events_of(opened, Window(), None, options.texts())
    return sorted(report(events, options, columns=columns).tables[0].rows.rows(), key=str)


def slugs(count: int, start: int = 0) -> list[tuple[str, int]]:
    return [(f"/genre/q{chr(97 + at // 26 % 26)}{chr(97 + at % 26)}-beat", 200) for at in range(start, start + count)]


def test_the_first_commit_is_stored_with_what_it_shows(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(lines(*slugs(200), ("/genre/list", 200), ("/.env", 404), ("/.git", 404), ("/genre/zz-none", 404)))
    take(tmp_path / "store", log)
    stored = pl.read_parquet(tmp_path / "store" / "events" / "*" / "*.parquet")["endpoint"].unique().sort().to_list()
    assert stored == ["GET (no route) /.env", "GET (no route) /.git", "GET /genre/list", "GET /genre/{id}"]
    expected = [("GET (no route)", 2), ("GET /genre/list", 1), ("GET /genre/{id}", 201)]
    assert asked(tmp_path / "store", "endpoint") == expected


def test_what_is_shown_unasked_has_the_names_of_today_too(tmp_path: Path) -> None:
    store, log = tmp_path / "store", tmp_path / "access.log"
    log.write_text(lines(("/a", 200), ("/.env", 404), ("/.git", 404)))
    take(store, log)

    def found(**question: Any) -> Result:
        options = ReportOptions(now=NOW, **question)
        return report(*events_of(Store.open(store), Window(), None, options.texts())[:1], options)

    assert found().tables[3].rows["endpoint"].sort().to_list() == ["GET (no route)", "GET /a"]
    assert found(by=("account",)).tables[0].rows["endpoints"].to_list() == [2]


def test_earlier_events_are_called_by_the_name_of_today(tmp_path: Path) -> None:
    store, log = tmp_path / "store", tmp_path / "access.log"
    text = lines(*slugs(20), ("/late", 404))
    log.write_text(text)
    take(store, log)
    assert len(asked(store, "endpoint")) == 21
    text += lines(*slugs(200, start=20), ("/late", 200))
    log.write_text(text)
    take(store, log)
    assert asked(store, "endpoint") == [("GET /genre/{id}", 220), ("GET /late", 2)]
    assert asked(store, where=("endpoint = 'GET /genre/{id}'",)) == [(220,)]


def test_a_description_takes_effect_with_the_next_ingest_though_nothing_is_new(tmp_path: Path) -> None:
    store, log, spec = tmp_path / "store", tmp_path / "access.log", tmp_path / "api.yaml"
    log.write_text(lines(("/genre/rock", 200), ("/other", 200)))
    spec.write_text(SPEC)
    take(store, log)
    take(store, log, Settings(openapi=(str(spec),)))
    assert asked(store, "endpoint", "endpoint.deprecated") == [
        ("GET /genre/{genre}", True, 1),
        ("GET /other", False, 1),
    ]
    assert asked(store, where=("endpoint.documented",)) == [(1,)]
    assert endpoints_of(Store.open(store)).documented.height == 4


@pytest.mark.parametrize("size", [1, 3])
def test_many_small_runs_come_to_what_one_does(tmp_path: Path, size: int) -> None:
    calls = [*slugs(120), ("/genre/list", 200), ("/x", 404), ("/y", 405), ("/y", 200)]
    log, whole = tmp_path / "access.log", tmp_path / "whole.log"
    for end in [*range(40 * size, len(calls), 40 * size), len(calls)]:
        log.write_text(lines(*calls[:end]))
        take(tmp_path / "runs", log)
    whole.write_text(lines(*calls))
    take(tmp_path / "once", whole)
    assert asked(tmp_path / "runs", "endpoint") == asked(tmp_path / "once", "endpoint")


def test_head_is_documented_where_get_is_and_counts_only_where_it_is_described_itself() -> None:
    known = Endpoints.of({"documented": [["GET /a", False, None], ["GET /b", True, None], ["HEAD /b", False, None]]})
    assert known.operations.height == 3
    said = {name: deprecated for name, _, deprecated, *_ in known.documented.iter_rows()}
    assert said == {"GET /a": False, "HEAD /a": False, "GET /b": True, "HEAD /b": False}


def test_operations_of_graphql_are_documented_where_their_path_is() -> None:
    saved = {
        "documented": [["POST /graphql", True, None], ["GET /a", False, None]],
        "learned": {"routes": {"/graphql#Order": {"POST": 3, "PUT": 1}, "/b#Order": {"POST": 1}, "/a": {"GET": 1}}},
    }

    known = Endpoints.of(saved).documented

    assert known.select("endpoint", "endpoint.deprecated").rows() == [
        ("POST /graphql", True), ("GET /a", False), ("HEAD /a", False), ("POST /graphql#Order", True),
    ]  # fmt: skip
