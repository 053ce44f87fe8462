"""Series of bounded number: the largest groups by name, the others computed as one; and their text for Prometheus."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from apilens.analyses.series import OTHER, SeriesOptions, series
from apilens.errors import UsageError
from apilens.render.prometheus import to_prometheus
from apilens.result import Field, Result, Table
from tests import oracle
from tests.event_frames import NOON, event, events_of

NOW = NOON + timedelta(hours=1)


def asked(**options: Any) -> SeriesOptions:
    return SeriesOptions(now=NOW, **options)


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge" and family.documentation
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found and sample.timestamp is None
            found[key] = sample.value
    return found


def test_the_largest_keep_their_names_and_the_others_are_one() -> None:
    rows = [
        event(account=name, status=status) for name, status in zip("aaabbcd", [500, *[200] * 4, 500, 200], strict=True)
    ]

    result = series(events_of(rows), asked(top=2, metrics=("requests", "errors", "error_rate")))

    assert result.tables[0].rows.rows() == [("a", 3, 1, 0.333333), (OTHER, 2, 1, 0.5), ("b", 2, 0, 0.0)]


def test_unattributed_requests_are_a_group_of_their_own_while_they_are_many() -> None:
    rows = [event(account=name) for name in (None, None, "a")]

    assert series(events_of(rows), asked(top=1, metrics=("requests",))).tables[0].rows.rows() == [
        (None, 2), (OTHER, 1)
    ]  # fmt: skip


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "account": st.sampled_from([None, "a", "b", "c", "d", OTHER]),
                "endpoint": st.sampled_from(["GET /", None]),
                "status": st.sampled_from([200, 500]), "duration_ms": st.sampled_from([None, 1.0, 5.0, 9.0]),
            }
        ),
        max_size=20,
    ),
    st.integers(1, 6),
    st.sampled_from([("account",), ("account", "endpoint"), ("status_class",)]),
)  # fmt: skip
def test_series_are_what_a_loop_over_the_events_finds(
    drawn: list[dict[str, Any]], top: int, by: tuple[str, ...]
) -> None:
    rows = [event(**one) for one in drawn]
    derived = [{**one, "status_class": oracle.status_class(one)} for one in rows]
    counts: dict[tuple[Any, ...], int] = {}
    for one in derived:
        key = tuple(one[name] for name in by)
        counts[key] = counts.get(key, 0) + 1
    order = sorted(counts, key=lambda key: (-counts[key], [(value is None, value or "") for value in key]))
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for one in derived:
        key = tuple(one[name] for name in by)
        groups.setdefault(key if key in order[:top] else (OTHER,) * len(by), []).append(one)

    result = series(events_of(rows), asked(by=by, top=top, metrics=("requests", "errors", "p50_ms", "accounts")))

    found = {row[: len(by)]: row[len(by) :] for row in result.tables[0].rows.iter_rows()}
    assert found == {
        key: (
            oracle.requests(group), oracle.errors(group), oracle.quantile(group, "duration_ms", 0.5),
            oracle.distinct(group, "account"),
        )
        for key, group in groups.items()
    }  # fmt: skip


def test_a_dimension_is_needed() -> None:
    with pytest.raises(UsageError, match="dimension"):
        series(events_of([event()]), asked(by=()))


def test_both_engines_agree() -> None:
    duckdb = pytest.importorskip("duckdb")
    rows = [
        event(account=name, duration_ms=ms) for name, ms in zip("aaabbc", [1.0, 2.0, None, 4.0, 5.0, 6.0], strict=True)
    ]
    events = events_of(rows)
    frame = nw.to_native(events).collect()
    relation = nw.from_native(duckdb.from_arrow(frame.to_arrow()))

    options = asked(top=1, metrics=("requests", "error_rate", "p95_ms"))
    for one in (options, asked(top=1, metrics=("requests",), where=("account = 'nobody'",))):
        assert series(relation, one).tables[0].rows.equals(series(events, one).tables[0].rows)


def test_prometheus_can_parse_what_is_exported() -> None:
    rows = [event(account="initech", duration_ms=12.5), event(account=None, status=500)]
    result = series(events_of(rows), asked(metrics=("requests", "p95_ms", "last_request", "count(status = 500)")))

    found = samples(to_prometheus(result))

    initech, nobody = (("account", "initech"),), (("account", "(unattributed)"),)
    assert found == {
        ("apilens_requests", initech): 1, ("apilens_requests", nobody): 1, ("apilens_p95_ms", initech): 12.5,
        ("apilens_last_request_timestamp_seconds", initech): NOON.timestamp(),
        ("apilens_last_request_timestamp_seconds", nobody): NOON.timestamp(),
        ("apilens_count_status_500", initech): 0, ("apilens_count_status_500", nobody): 1,
        ("apilens_newest_event_timestamp_seconds", ()): NOON.timestamp(),
        ("apilens_last_success_timestamp_seconds", ()): NOW.timestamp(), ("apilens_series_limit", ()): 50,
    }  # fmt: skip


def test_an_empty_window_still_says_that_the_export_ran() -> None:
    found = samples(to_prometheus(series(events_of([]), asked())))

    assert set(found) == {("apilens_last_success_timestamp_seconds", ()), ("apilens_series_limit", ())}


@given(
    st.lists(st.one_of(st.none(), st.text(max_size=6), st.sampled_from(["(unattributed)", "\x1b", "\\x1b", "a #2"])))
)
def test_any_names_give_distinct_series(names: list[str | None]) -> None:
    names = [None if name is None else name.encode("utf-8", "replace").decode() for name in names]
    rows = pl.DataFrame(
        {"account": names, "requests": range(len(names))}, schema={"account": pl.String, "requests": int}
    )
    query = {"by": ["account"], "now": "2026-11-03T13:00:00Z", "newest": None, "top": 5}
    table = Table("series", (Field("account"), Field("requests", "count")), rows)

    text = to_prometheus(Result("series", "", (table,), query=query))

    assert not set(text) & {"\x1b", "\r", "\u2028"}
    assert sorted(value for (name, _), value in samples(text).items() if name == "apilens_requests") == list(
        range(len(names))
    )
