"""One dimension against another: cells, what stands together as (other), and how it looks on terminals of any width."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apilens.analyses.heatmap import HeatmapOptions, heatmap
from apilens.errors import UsageError
from apilens.render import RENDERERS, Style
from apilens.render.terminal import to_table
from apilens.result import Result
from tests import oracle
from tests.event_frames import NOON, event, events_of
from tests.peer_events import Event, on_both, polars_of, same, traffic

LATER = NOON + timedelta(days=3)
# Errors: acme 3 × 422 and 1 × 404, globex 1 × 404, nobody 1 × 500; zeta has requests alone.
ROWS = [
    *(event(account="acme", status=422, duration_ms=10.0) for _ in range(3)),
    event(account="acme", status=404, duration_ms=40.0, timestamp=NOON + timedelta(hours=1)),
    event(account="globex", status=404, duration_ms=20.0, timestamp=NOON + timedelta(hours=1)),
    event(account="globex", status=200, timestamp=NOON + timedelta(hours=2)),
    event(account="zeta", status=200),
    event(account="zeta", status=200),
    event(account=None, status=500),
]


def ask(events: list[dict[str, Any]] = ROWS, /, **options: Any) -> Result:
    return heatmap(events_of(events), HeatmapOptions(now=LATER, **options))


def cells(result: Result) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = result.tables[0].rows.rows()
    return found


def test_errors_by_account_and_status_without_rows_and_columns_that_have_none() -> None:
    result = ask()

    assert cells(result) == [
        ("acme", "404", 1), ("acme", "422", 3), ("globex", "404", 1), (None, "500", 1),
    ]  # fmt: skip
    assert result.tables[0].spread.order == ("404", "422", "500")  # type: ignore[union-attr]
    assert result.notes == (
        "88.8 % of requests have an account",
        "the hottest cell → apilens report --by endpoint --where \"account = 'acme' AND status = 422\"",
    )
    assert result.command == "apilens heatmap"


def test_what_is_beyond_the_limits_stands_together_and_the_sum_stays() -> None:
    result = ask(limit=1, columns=1)

    # Nobody is no account among others.
    assert cells(result) == [
        ("acme", "422", 3), ("acme", "(other)", 1), (None, "(other)", 1), ("(other)", "(other)", 1),
    ]  # fmt: skip
    assert "(other): every account beyond the first 1; --limit all shows them" in result.notes
    assert "(other): every status beyond the first 1; --columns all shows them" in result.notes


def test_counts_rates_and_percentiles() -> None:
    assert ("zeta", "200", 2) in cells(ask(value="count"))
    assert cells(ask(value="rate"))[:2] == [("acme", "404", 0.25), ("acme", "422", 0.75)]
    # The same the other way round: part of the requests of each account.
    assert ("404", "acme", 0.25) in cells(ask(rows="status", cols="account", value="rate"))
    assert ask(cols="method", value="rate").tables[0].fields[-1].name == "error_rate"
    assert ("acme", "404", 40.0) in cells(ask(value="p95"))
    assert ask(value="p95").tables[0].fields[-1].unit == "ms"


def test_the_newest_hours_are_shown_in_their_order() -> None:
    result = ask(cols="hour", columns=2, value="count")

    assert [(row, hour.hour, count) for row, hour, count in cells(result)] == [
        ("acme", 13, 1), ("globex", 13, 1), ("globex", 14, 1)
    ]  # fmt: skip
    assert "the newest 2 by hour; --columns all shows all" in result.notes
    assert len(cells(ask(cols="hour", value="count"))) == 6


def test_names_that_cannot_be_meant() -> None:
    for options, words in (
        ({"rows": "acount"}, "unknown dimension `acount`"),
        ({"rows": "status"}, "named twice"),
        ({"value": "eror"}, "unknown metric `eror`"),
    ):
        with pytest.raises(UsageError, match=words):
            ask(**options)


def test_nothing_to_show() -> None:
    assert ask([]).notes == ("no request matches: widen --since, or loosen --where",)
    assert ask([event(account="acme")]).notes == ("no cell has any errors: --value count shows all requests",)
    for empty in (ask([]), ask([event()])):
        for render in RENDERERS.values():
            render(empty, Style())


def label(key: Any, shown: list[Any]) -> Any:
    return key if key is None or key in shown else "(other)"


def brute(rows: list[Event], down: str, across: str, metric: str, limit: int) -> dict[tuple[Any, Any], Any]:
    """Return the cells, by loops: what is not among the first by requests stands together."""
    requests = [row for row in rows if row["kind"] == "request"]

    def key(row: Event, name: str) -> Any:
        value = oracle.DIMENSIONS[name](row)
        return None if value is None else str(value)

    def first(name: str) -> list[Any]:
        counts: dict[Any, int] = {}
        for row in requests:
            counts[key(row, name)] = counts.get(key(row, name), 0) + row["weight"]
        return sorted((one for one in counts if one is not None), key=lambda one: (-counts[one], _order(one)))[:limit]

    shown = first(down), first(across)
    groups: dict[tuple[Any, Any], list[Event]] = {}
    for row in requests:
        place = label(key(row, down), shown[0]), label(key(row, across), shown[1])
        groups.setdefault(place, []).append(row)
    return {place: oracle.METRICS[metric](group, requests) for place, group in groups.items()}


def _order(key: str) -> Any:
    return (int(key), "") if key.isdecimal() else (0, key)


@pytest.mark.parametrize(
    ("down", "across", "metric"),
    [("account", "status", "requests"), ("sdk", "status_class", "p95_ms"), ("account", "endpoint", "volume_cv"),
     ("account", "hour_of_day", "mean_ms"), ("endpoint", "account", "users")],
)  # fmt: skip
def test_the_cells_are_those_of_an_oracle(down: str, across: str, metric: str) -> None:
    rows = traffic(3, 500)

    result = heatmap(
        polars_of(rows), HeatmapOptions(now=LATER, rows=down, cols=across, value=metric, limit=2, columns=2)
    )

    expected = brute(rows, down, across, metric, 2)
    made = {(row, column): value for row, column, value in cells(result)}
    assert made.keys() == expected.keys()
    for place, value in made.items():
        assert value == pytest.approx(expected[place], abs=1e-6), place


@pytest.mark.parametrize(
    "options", [{}, {"value": "rate"}, {"cols": "hour", "value": "p95"}, {"value": "wasted_bytes"}]
)
def test_duckdb_gives_the_same(tmp_path: Path, options: dict[str, Any]) -> None:
    asked = HeatmapOptions(now=LATER, limit=2, columns=3, **options)

    same(*on_both(traffic(4, 300, weights=(1, 5)), heatmap, asked, tmp_path))


def test_columns_that_do_not_fit_go_on_below_and_no_number_is_cut() -> None:
    rows = [
        event(account=f"a-rather-long-account-name-{number}", status=400 + number, weight=1_234_567)
        for number in range(9)
    ]
    result = ask(rows)

    for width in (40, 80, 200):
        shown = to_table(result, Style(width=width))
        assert shown.count("1,234,567") == 9
        assert all(str(400 + number) in shown for number in range(9))
        body = [line for line in shown.splitlines() if "1,234,567" in line]
        assert max(map(len, body)) <= width


def test_cells_are_coloured_by_how_great_they_are_and_numbers_always_stand() -> None:
    result = ask()

    plain, coloured = to_table(result, Style()), to_table(result, Style(color=True))

    assert "\x1b[" not in plain
    # The greatest is in the deepest colour, the least ones are paler.
    assert "48;5;203m" in coloured and "48;5;216m" in coloured
    assert all(f"{count}" in plain for count in (3, 1))


def test_hostile_keys_are_shown_as_text() -> None:
    rows = [
        event(account="account", status=500),
        event(account="\x1b[31m", status=500),
        event(account=None, status=500),
    ]
    result = ask(rows, rows="status", cols="account")

    shown = to_table(replace(result, notes=()), Style())

    assert "\x1b" not in shown and "\\x1b[31m" in shown and "(unattributed)" in shown
