"""The steps as a whole: what runs for which columns, defaults, times, versions, configured columns."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apilens.config import ColumnRule, IdentityRule, RedactSettings, Settings
from apilens.enrich import STEPS, configured_dtypes, enrich, needed_columns
from apilens.enrich.base import Context
from apilens.enrich.mapping import (
    map_distinct,
    map_distinct_python,
    pick,
    split_distinct,
)
from apilens.enrich.version import VERSION
from apilens.schema import DTYPES, EVENTS

CONTEXT = Context(Settings(), b"k" * 32, labels={"source": "a.log", "format": "combined"})
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def raw(**columns: object) -> pl.DataFrame:
    """Return two events as a format yields them."""
    base = {
        "line": pl.Series([1, 2], dtype=pl.Int64),
        "item": pl.Series([0, 0], dtype=pl.Int32),
        "timestamp": pl.Series([NOON, NOON], dtype=pl.Datetime("us", "UTC")),
        "status": pl.Series([200, 499], dtype=pl.Int16),
    }
    return pl.DataFrame({**base, **columns})


FULL = raw(
    method=["GET", "POST"],
    raw_target=["/v1/users/7?page=2&token=abc", "/healthz"],
    protocol=["1.1", "2"],
    duration_ms=[1500.0, None],
    raw_agent=["acme-python/1.4.2", "kube-probe/1.27"],
    raw_referrer=["https://x.io/a?b=c", None],
    raw_peer=["203.0.113.9", "203.0.113.10"],
    raw_remote_user=["acme", "-"],
)


def test_every_column_of_the_event_table_is_made() -> None:
    events = enrich(FULL, CONTEXT)

    assert dict(events.schema) == dict(DTYPES)
    for column in EVENTS:
        assert column.nullable or not events[column.name].has_nulls(), column.name
    first = events.row(0, named=True)
    assert first["endpoint"] == "GET /v1/users/{id}"
    assert (first["api_version"], first["path"], first["account"]) == (
        "v1",
        "/v1/users/7",
        "acme",
    )
    assert (first["sdk"], first["sdk_version"], first["client_ip"]) == (
        "acme-python",
        "1.4.2",
        "203.0.113.9",
    )
    assert events["is_health_check"].to_list() == [False, True]
    assert events["failure_reason"].to_list() == [None, "client_closed"]
    assert events["account"].to_list() == ["acme", None]


def test_the_least_a_format_yields_is_enough() -> None:
    events = enrich(raw(), CONTEXT)

    for column in EVENTS:
        assert column.nullable or not events[column.name].has_nulls(), column.name
    assert events.select("kind", "direction", "weight", "is_bot", "source", "format").row(0) == (
        "request", "incoming", 1, False, "a.log", "combined",
    )  # fmt: skip


def test_no_rows_are_fine() -> None:
    assert enrich(FULL.clear(), CONTEXT).height == 0
    assert enrich(raw().clear(), CONTEXT).height == 0


@pytest.mark.parametrize("column", sorted(DTYPES))
def test_one_column_alone_is_the_same_as_among_all(column: str) -> None:
    needed = needed_columns([column], CONTEXT.settings)
    assert needed is not None

    alone = enrich(
        FULL.select(name for name in FULL.columns if name in needed),
        CONTEXT,
        columns=[column],
    )

    assert alone.equals(enrich(FULL, CONTEXT).select(column))


def test_needed_columns_are_no_more_than_the_steps_read() -> None:
    required = {"line", "item", "timestamp", "status"}

    assert needed_columns(None, Settings()) is None
    assert needed_columns(["method"], Settings()) == required | {"method"}
    assert "raw_agent" in (needed_columns(["sdk"], Settings()) or ())
    assert "raw_target" not in (needed_columns(["sdk", "day"], Settings()) or ())


def test_a_step_reads_only_what_comes_before_it() -> None:
    made: set[str] = set()
    first_made_by = {name: number for number, step in reversed(list(enumerate(STEPS))) for name in step.makes}
    for number, step in enumerate(STEPS):
        assert all(first_made_by.get(name, number) <= number for name in step.reads), step.name
        made |= set(step.makes)
    # What later steps alone read is raw: it is never written.
    assert {name for name in made if not name.startswith("raw_")} <= set(DTYPES) | {"route"}


@pytest.mark.parametrize(("time_is", "seconds"), [("start", 0.0), ("end", 1.5)])
def test_a_request_began_before_its_end(time_is: str, seconds: float) -> None:
    context = Context(Settings(), b"k", time_is=time_is)  # type: ignore[arg-type]

    events = enrich(FULL, context, columns=["timestamp", "started_at", "day"])

    assert (events["timestamp"][0] - events["started_at"][0]).total_seconds() == seconds
    assert events["started_at"][1] == NOON
    assert events["day"].to_list() == [date(2026, 11, 1)] * 2


def test_durations_that_cannot_be_do_not_move_the_start() -> None:
    context = Context(Settings(), b"k", time_is="end")
    for impossible in (-1.0, float("nan"), float("inf"), 1e300):
        assert enrich(raw(duration_ms=[impossible, 0.0]), context, columns=["started_at"])["started_at"][0] == NOON


def test_labels_fill_what_the_source_does_not_state() -> None:
    context = Context(Settings(), b"k", labels={"service": "billing", "source": "a", "format": "x"})

    events = enrich(raw(service=["own", None], weight=[10, None], kind=["action", None]), context)

    assert events["service"].to_list() == ["own", "billing"]
    assert events["weight"].to_list() == [10, 1]
    assert events["kind"].to_list() == ["action", "request"]


@pytest.mark.parametrize(
    ("endpoint", "version"),
    [
        ("GET /v1/users", "v1"), ("GET /api/v2.1", "v2.1"), ("GET /V3/x", "V3"), ("GET /v1beta1/x", "v1beta1"),
        ("GET /x/v1/v2", "v1"), ("GET /2024-01-31/x", "2024-01-31"), ("GET /admin/api/2024-01/x", "2024-01"),
        ("GET /api/1.0/x", "1.0"), ("GET /1.1/x", "1.1"), ("GET /reports/1.0", None), ("GET /video/x", None),
        ("GET /vat", None), ("GET /v1.json", None), (None, None),
    ],
)  # fmt: skip
def test_versions_in_endpoints(endpoint: str | None, version: str | None) -> None:
    frame = pl.DataFrame({"endpoint": [endpoint]}, schema={"endpoint": pl.String})

    assert VERSION.apply(frame, CONTEXT)["api_version"].to_list() == [version]


def test_a_stated_version_comes_first_and_a_route_without_one_leaves_the_path() -> None:
    frame = pl.DataFrame(
        {
            "api_version": ["7", None, ""],
            "endpoint": ["GET /v1/a", "GET /:v/a", "GET /v3/a"],
            "path": ["/v1/a", "/v2/a", "/v3/a"],
            "route": [None, "/:v/a", None],
        }
    )

    assert VERSION.apply(frame, CONTEXT)["api_version"].to_list() == ["7", "v2", "v3"]


def test_equal_requests_have_equal_fingerprints_and_another_key_gives_others() -> None:
    frame = raw(method=["GET", "GET"], raw_target=["/a?x=1", "/a?x=2"])

    def fingerprints(frame: pl.DataFrame, key: bytes = b"k") -> list[int | None]:
        return enrich(frame, Context(Settings(), key), columns=["request_fingerprint"])["request_fingerprint"].to_list()

    first = fingerprints(frame)
    assert first[0] != first[1]
    assert fingerprints(frame.reverse()) == first[::-1]
    assert not set(first) & set(fingerprints(frame, b"j"))
    assert not set(first) & set(fingerprints(frame.with_columns(method=pl.lit("POST"))))
    assert fingerprints(frame.with_columns(raw_target=pl.lit(None, dtype=pl.String))) == [None, None]


def test_fingerprints_are_the_same_in_the_next_process() -> None:
    script = (
        "import polars as pl; from apilens.enrich.defaults import FINGERPRINT; from apilens.enrich.base import Context;"
        "from apilens.config import Settings;"
        "f = pl.DataFrame({'method': ['GET'], 'raw_target': ['/a?x=1']});"
        "print(FINGERPRINT.apply(f, Context(Settings(), b'k'))['request_fingerprint'][0])"
    )

    printed = {subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout for _ in range(2)}

    assert len(printed) == 1 and int(printed.pop())


def test_configured_columns_are_typed_and_redacted() -> None:
    settings = Settings(
        columns={
            "tokens": ColumnRule("usage.tokens", "int"),
            "cost": ColumnRule("usage.cost", "float"),
            "cached": ColumnRule("cached", "bool"),
            "plan": ColumnRule("plan"),
            "absent": ColumnRule("nowhere", "float"),
        }
    )
    columns = {
        "raw_field.usage.tokens": ["9007199254740993", "12.0"],
        "raw_field.usage.cost": ["1e3", "NaN"],
        "raw_field.cached": ["true", "maybe"],
        "raw_field.plan": ["pro", "bob@example.com"],
    }

    events = enrich(raw(**columns), Context(settings, b"k"))

    assert configured_dtypes(settings)["tokens"] == pl.Int64
    assert events.columns[-5:] == ["tokens", "cost", "cached", "plan", "absent"]
    assert events["tokens"].to_list() == [9007199254740993, 12]
    assert events["cost"].to_list() == [1000.0, None]
    assert events["cached"].to_list() == [True, None]
    assert events["plan"].to_list() == ["pro", "[R:email]"]
    assert events["absent"].to_list() == [None, None]
    assert "raw_field.plan" in (needed_columns(["plan"], settings) or ())


def test_no_secret_of_any_place_is_left() -> None:
    settings = Settings(
        account=(IdentityRule(header="authorization"),),
        user=(IdentityRule(query="api_key"),),
        redact=RedactSettings(names=("ticket",)),
    )
    secrets = [f"Sup3rS3cretV4lue{number:02}" for number in range(6)]
    frame = raw(
        **{"raw_header.authorization": [secrets[0], None]},
        raw_target=[
            f"/a?api_key={secrets[1]}&ticket={secrets[2]}",
            f"/b?session={secrets[3]}",
        ],
        raw_referrer=[f"https://x.io/?token={secrets[4]}", None],
        session=[secrets[5], None],
        method=["GET", "GET"],
    )

    text = enrich(frame, Context(settings, b"k")).write_json()

    assert [secret for secret in secrets if secret in text] == []


@hypothesis_settings(max_examples=100)
@given(st.lists(st.none() | st.text(max_size=5), max_size=60))
def test_mapping_distinct_values_is_mapping_values(texts: list[str | None]) -> None:
    values = pl.Series("x", texts, dtype=pl.String)
    upper = [text and text.upper() for text in texts]

    distinct, index = split_distinct(values)

    assert distinct.gather(index).to_list() == texts
    assert distinct.n_unique() == distinct.len() and not distinct.has_nulls()
    assert map_distinct(values, lambda some: some.str.to_uppercase()).to_list() == [
        pl.Series([text]).str.to_uppercase()[0] if text else text for text in texts
    ]
    assert map_distinct_python(values, str.upper).to_list() == upper
    assert pick(values, distinct, distinct.str.len_chars()).to_list() == [
        None if text is None else len(text) for text in texts
    ]
