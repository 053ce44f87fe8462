"""docs/metrics.md has every metric, and its SQL gives on DuckDB what the report gives."""

from __future__ import annotations

import math
import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from apilens import reading
from apilens.accounts import Accounts
from apilens.analyses import answers
from apilens.analyses.report import ReportOptions, report
from apilens.config import ReadOptions, Settings
from apilens.cost import priced
from apilens.ingest import ingest
from apilens.metrics import COST, EVER, METRICS, QUOTA_USE
from apilens.query import summarise
from apilens.schema import DTYPES
from apilens.store import Store
from apilens.window import Window
from tests.event_frames import DOCUMENTED, NOON, event, events_of

PAGE = (Path(__file__).parent.parent / "docs" / "metrics.md").read_text()
SECTIONS: dict[str, str] = dict(re.findall(r"^### `(\w+)`\n.*?^```sql\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
# Of no row but sampled ones is a quantile exact.
QUANTILES = ("p50_ms", "p95_ms", "p99_ms")
# Answers have six digits.
ROUNDED = 5.1e-7
# What the page says that a request costs.
[PRICE] = re.findall(r"^cost: (.*)", PAGE, re.MULTILINE)
QUOTAS = pl.DataFrame({"id": ["acme", "globex"], "quota_per_day": [100, None], "quota_per_month": [1000, 50]})
ENDPOINTS = ("GET /a", "GET /b", "POST /c")


def random_rows(seed: int, weights: tuple[int, ...]) -> list[dict[str, Any]]:
    """Return requests and actions in which everything that may be missing is missing here and there."""
    chance = random.Random(seed)

    def maybe(*values: Any) -> Any:
        return chance.choice((None, *values))

    def row(line: int) -> dict[str, Any]:
        began, endpoint = NOON + timedelta(seconds=chance.randrange(400)), maybe(*ENDPOINTS)
        ended = began + timedelta(days=chance.randrange(6))
        return event(
            line=line, started_at=began, timestamp=ended, weight=chance.choice(weights),
            kind=chance.choice(("request", "request", "action")), account=maybe("acme", "globex", "initech"),
            user=maybe("u1", "u2"), session=maybe("s1", "s2"), client_ip=maybe("10.0.0.1", "::1"), endpoint=endpoint,
            status=maybe(200, 204, 400, 401, 403, 429, 500, 503), duration_ms=maybe(0.0, 1.5, 12.25, 800.0),
            request_bytes=maybe(0, 10), response_bytes=maybe(0, 7, 2**40), sdk=maybe("curl"),
            api_version=maybe("v1", "v2"),
            request_fingerprint=maybe(7, 8), error_code=maybe("missing_field"), error_field=maybe("id"),
            response_shape=maybe("id:integer"),
            **{"#operation": endpoint if endpoint != "POST /c" else None, "#operations": 3},
        )  # fmt: skip

    return [row(line) for line in range(1, 600)]


def by_sql(rows: list[dict[str, Any]], name: str) -> dict[str | None, Any]:
    """Return what the page's query gives by account."""
    events_frame = pl.DataFrame([{column: row[column] for column in DTYPES} for row in rows], schema=dict(DTYPES))
    documented_frame = pl.DataFrame({"endpoint": ["GET /a", "GET /b", "DELETE /d"]})
    with duckdb.connect() as database:
        # Not UTC: no query may depend on where it runs.
        database.execute("SET TimeZone = 'Asia/Kolkata'")
        database.register("all_events", events_frame.to_arrow())
        database.register("documented", documented_frame.to_arrow())
        database.register("accounts", QUOTAS.to_arrow())
        database.execute("CREATE VIEW events AS SELECT * FROM all_events WHERE kind = 'request'")
        return dict(database.execute(SECTIONS[name]).fetchall())


def test_the_page_has_every_metric() -> None:
    assert sorted(SECTIONS) == sorted(metric.name for metric in (*METRICS, *EVER, COST, QUOTA_USE))


@pytest.mark.parametrize("weights", [(1,), (1, 1, 3)], ids=["whole", "sampled"])
@pytest.mark.parametrize("name", [metric.name for metric in (*METRICS, COST, QUOTA_USE)])
def test_the_sql_of_the_page_gives_what_the_report_gives(name: str, weights: tuple[int, ...]) -> None:
    if name in QUANTILES and weights != (1,):
        pytest.skip("quantiles of sampled rows come from buckets")
    rows = random_rows(len(weights), weights)
    events, columns = priced(events_of(rows, extra=DOCUMENTED), {**DTYPES, **DOCUMENTED}, PRICE)
    known = Accounts(
        QUOTAS.rename({column: f"account.{column}" for column in QUOTAS.columns}).rename({"account.id": "account"})
    )
    events, columns = known.beside(events, [name]), {**columns, **known.dtypes()}
    [answer] = answers([summarise(events, metrics=[name], by=["account"], dtypes=columns)])
    ours = dict(answer.rows.select("account", name).iter_rows())

    theirs = by_sql(rows, name)

    assert ours.keys() == {None, "acme", "globex", "initech"}
    for account, number in ours.items():
        other = theirs.get(account)
        close = (
            isinstance(number, float)
            and other is not None
            and math.isclose(number, other, rel_tol=1e-9, abs_tol=ROUNDED)
        )
        assert close or number == other, (name, account, number, other)


def test_the_views_of_the_page_read_a_store_and_the_catalogue_says_what_they_do(tmp_path: Path) -> None:
    log, place = tmp_path / "a.log", tmp_path / ".apilens"
    log.write_text(
        "".join(
            f'10.0.0.1 - {account} [{day:02}/Nov/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8.5"\n'
            for account, day in (("acme", 1), ("acme", 20), ("globex", 19), ("globex", 2))
        )
    )
    now = datetime(2026, 11, 23, tzinfo=UTC)
    ingest([str(log)], place, settings=Settings(), options=ReadOptions(), key=b"k" * 32, now=now)
    store = Store.open(place)
    window = Window(since=datetime(2026, 11, 18, tzinfo=UTC))
    asked = ReportOptions(by=("account",), metrics=("first_seen", "last_seen"), window=window, now=now)
    events, columns = reading.events_of(store, window, None, asked.texts())
    ours = report(events, asked, columns=columns).tables[0].rows.sort("account").rows()

    [views] = re.findall(r"^```sql views\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        database.execute(views.replace(".apilens", str(place)))
        first, last = (dict(database.execute(SECTIONS[name]).fetchall()) for name in ("first_seen", "last_seen"))

    assert ours == [(account, first[account], last[account]) for account in ("acme", "globex")]
    assert first["acme"] == datetime(2026, 11, 1, 12, tzinfo=UTC)
