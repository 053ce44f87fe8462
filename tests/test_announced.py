"""What headers of responses say of endpoints: in all their spellings, learned at ingest, told by every question."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from apilens.analyses.deprecated import DeprecatedOptions, deprecated
from apilens.analyses.removal import RemovalOptions, removal
from apilens.analyses.report import ReportOptions, report
from apilens.announced import announced, from_json, latest, to_json
from apilens.config import ReadOptions, Settings
from apilens.endpoints import Endpoints
from apilens.forgetting import _without
from apilens.ingest import ingest
from apilens.reading import endpoints_of, events_of
from apilens.rebuild import Rebuild, rebuild
from apilens.store import Store
from apilens.things import thing_of
from apilens.today import TodayOptions, today
from apilens.window import Window

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = datetime(2026, 12, 1, tzinfo=UTC)
KEY = b"k" * 32


def said(*rows: tuple[str, str | None, str | None], **columns: Any) -> list[tuple[Any, ...]]:
    """Return what is announced by responses a second apart: endpoint, Deprecation, Sunset."""
    raw = pl.DataFrame(
        [row[1:] for row in rows], orient="row",
        schema={"raw_response_header.deprecation": pl.String, "raw_response_header.sunset": pl.String},
    )  # fmt: skip
    events = pl.DataFrame(
        {"endpoint": [row[0] for row in rows], "timestamp": [NOW.replace(second=at) for at in range(len(rows))]},
        schema_overrides={"timestamp": pl.Datetime("us", "UTC")},
    ).with_columns(kind=pl.lit(columns.get("kind", "request")), direction=pl.lit(columns.get("direction", "incoming")))
    return announced(raw, events).select("endpoint", "since", "sunset").rows()


@pytest.mark.parametrize(
    ("deprecation", "sunset", "expected"),
    [
        ("@1688169599", None, (datetime(2023, 6, 30, 23, 59, 59, tzinfo=UTC), None)),
        ("true", "Tue, 01 Dec 2026 00:00:00 GMT", (None, DAY)),
        (" True ", None, (None, None)),
        ("?1", None, (None, None)),
        ("Tue, 01 Dec 2026 00:00:00 GMT", None, (DAY, None)),
        (None, "Tue, 01 Dec 2026 01:00:00 +0100", (None, DAY)),
        (None, "2026-12-01", (None, DAY)),
        ("false", None, None),
        ("?0", "never", None),
        ("@99999999999999999999", "", None),
        ("9999-12-31T23:59:59-05:00", "Fri, 31 Dec 9999 23:59:59 -0500", None),
        (None, None, None),
    ],
)
def test_every_spelling_and_nothing_else(deprecation: str | None, sunset: str | None, expected: Any) -> None:
    assert said(("GET /a", deprecation, sunset)) == ([("GET /a", *expected)] if expected else [])


def test_the_last_response_that_says_anything_counts() -> None:
    rows = [
        ("GET /a", "true", "2026-12-01"),
        ("GET /b", None, None),
        ("GET /a", "true", "2027-01-01"),
        ("GET /a", None, None),
    ]

    assert said(*rows) == [("GET /a", None, datetime(2027, 1, 1, tzinfo=UTC))]
    assert said(*rows, direction="outgoing") == said(*rows, kind="action") == []


def test_what_is_kept_comes_back() -> None:
    rows = from_json([["GET /a", None, "2026-12-01T00:00:00+00:00", "2026-11-01T00:00:00+00:00"]])

    assert from_json(to_json(rows)).equals(rows)
    assert latest([rows, rows.with_columns(pl.lit(None, rows["sunset"].dtype).alias("sunset"))]).height == 1


def moesif(*calls: tuple[str, str, dict[str, str]]) -> str:
    """Return events of accounts that call paths, a minute apart, answered with headers."""
    return "".join(
        json.dumps(
            {
                "request": {"time": f"2026-11-23T0{at // 60}:{at % 60:02}:00", "verb": "GET", "uri": f"https://a.b{path}"},
                "response": {"time": "2026-11-23T10:00:00", "status": 200, "headers": headers},
                "company_id": account,
            }
        ) + "\n"
        for at, (account, path, headers) in enumerate(calls)
    )  # fmt: skip


SUNSET = {"Deprecation": "@1780272000", "Sunset": "Tue, 01 Dec 2026 00:00:00 GMT"}
CALLS = [
    ("acme", "/v1/a", SUNSET),
    ("acme", "/v2/a", {}),
    ("globex", "/v1/a", {}),
    ("globex", "/v1/b", {"deprecation": "true"}),
]


def take(folder: Path, text: str, settings: Settings | None = None, **options: Any) -> Path:
    store, log = folder / "store", folder / "log"
    log.write_text(text)
    ingest(
        [str(log)],
        store,
        settings=settings or Settings(),
        options=ReadOptions(**options),
        key=KEY,
        now=NOW,
        durable=False,
    )
    return store


def rows_of(store: Path, analysis: Any, options: Any) -> Any:
    events, columns = events_of(Store.open(store), Window(), None, options.texts())
    return analysis(events, options, columns=columns)


def test_every_question_about_what_goes_knows(tmp_path: Path) -> None:
    store = take(tmp_path, moesif(*CALLS))
    known = endpoints_of(Store.open(store))

    result = rows_of(store, deprecated, DeprecatedOptions(now=NOW, known=known))
    assert result.tables[0].rows.select("account", "thing", "days_left").rows() == [
        ("acme", "GET /v1/a", 7), ("globex", "GET /v1/a", 7), ("globex", "GET /v1/b", None)
    ]  # fmt: skip
    things = result.tables[1].rows.select("thing", "since", "sunset", "said_by").rows()
    assert things[0] == ("GET /v1/a", date(2026, 6, 1), DAY.date(), "response headers")
    assert "2 of 2 endpoints whose responses call them deprecated are used" in result.notes

    by = ReportOptions(now=NOW, by=("endpoint.deprecated", "endpoint.sunset"), metrics=("requests",))
    assert rows_of(store, report, by).tables[0].rows.sort("endpoint.sunset", "requests").rows() == [
        (False, None, 1), (True, None, 1), (True, "2026-12-01", 2)
    ]  # fmt: skip

    sentences = rows_of(
        store, today, TodayOptions(now=NOW, window=Window(datetime(2026, 11, 22, tzinfo=UTC)), known=known)
    )
    assert sentences.tables[0].rows.filter(kind="sunset")["sentence"].to_list() == [
        "acme: 1 requests to GET /v1/a, which ends on 2026-12-01, in 7 days",
        "globex: 1 requests to GET /v1/a, which ends on 2026-12-01, in 7 days",
    ]
    thing = thing_of("endpoint", "GET /v1/a")
    assert (
        "response headers: deprecated, until 2026-12-01"
        in rows_of(store, removal, RemovalOptions(now=NOW, thing=thing, known=known)).notes
    )


def test_apilens_yaml_goes_before_a_header_and_so_does_a_description(tmp_path: Path) -> None:
    spec = tmp_path / "api.yaml"
    spec.write_text("openapi: 3.0.0\npaths:\n  /v1/a: {get: {deprecated: true, x-sunset: '2027-03-01'}}\n")
    store = take(tmp_path, moesif(*CALLS), Settings(openapi=(str(spec),)))
    known = endpoints_of(Store.open(store))
    entry = thing_of("endpoint", "GET /v1/b", sunset=datetime(2026, 11, 30, tzinfo=UTC))

    things = rows_of(store, deprecated, DeprecatedOptions(now=NOW, known=known, things=(entry,))).tables[1].rows

    assert things.select("thing", "said_by", "sunset").sort("thing").rows() == [
        ("GET /v1/a", "OpenAPI", date(2027, 3, 1)), ("GET /v1/b", "apilens.yaml", date(2026, 11, 30)),
    ]  # fmt: skip


def test_logs_of_nginx_json_and_text_say_it_too(tmp_path: Path) -> None:
    line = {"time_iso8601": "2026-11-23T09:00:00+00:00", "request": "GET /a HTTP/1.1", "status": 200}
    text = json.dumps({**line, "remote_addr": "192.0.2.1", "sent_http_sunset": "Tue, 01 Dec 2026 00:00:00 GMT"})
    (tmp_path / "json").mkdir()
    (tmp_path / "text").mkdir()
    stores = [
        take(tmp_path / "json", text + "\n"),
        take(
            tmp_path / "text",
            '192.0.2.1 [23/Nov/2026:09:00:00 +0000] "GET /a HTTP/1.1" 200 "Tue, 01 Dec 2026 00:00:00 GMT"\n',
            log_format='$remote_addr [$time_local] "$request" $status "$sent_http_sunset"',
        ),
    ]  # fmt: skip

    for store in stores:
        assert endpoints_of(Store.open(store)).announced.select("endpoint", "sunset").rows() == [("GET /a", DAY)]


def test_a_slug_that_became_a_route_keeps_what_was_said_of_it(tmp_path: Path) -> None:
    slugs = [f"/genre/q{chr(97 + at // 26)}{chr(97 + at % 26)}-beat" for at in range(200)]
    calls = [("acme", slugs[0], SUNSET), *(("acme", path, {}) for path in slugs[1:])]
    take(tmp_path, moesif(calls[0]))
    assert endpoints_of(Store.open(tmp_path / "store")).announced["endpoint"].to_list() == [f"GET {slugs[0]}"]
    store = take(tmp_path, moesif(*calls))

    assert endpoints_of(Store.open(store)).announced["endpoint"].to_list() == ["GET /genre/{id}"]


def test_it_outlives_a_rebuild_and_is_read_again_from_logs(tmp_path: Path) -> None:
    store = take(tmp_path, moesif(*CALLS))
    rebuild(store, Rebuild(), settings=Settings(), options=ReadOptions(), key=KEY, now=NOW)
    assert endpoints_of(Store.open(store)).announced["endpoint"].to_list() == ["GET /v1/a", "GET /v1/b"]

    state = store / "state" / "endpoints.json"
    state.write_text(json.dumps({**json.loads(state.read_bytes()), "announced": []}))
    asked = Rebuild(files=[str(tmp_path / "log")])
    rebuild(store, asked, settings=Settings(), options=ReadOptions(), key=KEY, now=NOW)
    assert endpoints_of(Store.open(store)).announced.height == 2


def test_what_is_forgotten_is_announced_no_more() -> None:
    class Names:
        def within(self, text: str) -> bool:
            return "acme" in text

    saved = {"announced": [["GET /acme/a", None, None, "2026-11-01"], ["GET /b", None, None, "2026-11-01"]]}

    left = _without(saved, Names(), set())  # type: ignore[arg-type]
    assert [row[0] for row in left["announced"]] == ["GET /b"]


def test_without_any_there_is_no_dimension() -> None:
    assert Endpoints.of({}).dtypes() == {}
    assert list(Endpoints.of({"announced": [["GET /a", None, None, "2026-11-01"]]}).dtypes()) == [
        "endpoint.deprecated", "endpoint.sunset"
    ]  # fmt: skip
