"""Who comes back: what is counted, what is honest about it, and how people and machines see it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from apilens.analyses.retention import RetentionOptions, retention
from apilens.errors import UsageError
from apilens.render import Style
from apilens.render.json import to_json
from apilens.render.terminal import to_table
from apilens.result import Result
from apilens.window import Window
from tests.event_frames import event, events_of


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


# Mondays are 2, 9 and 16 November. Four accounts begin in the first week, two in the second.
ROWS = [
    event(timestamp=at(2), account="acme", endpoint="POST /signup", user="ann"),
    event(timestamp=at(4), account="globex", endpoint="POST /signup"),
    event(timestamp=at(4), account="hooli", endpoint="GET /a", status=500),
    event(timestamp=at(8, 23), account="initech", endpoint="GET /a"),
    event(timestamp=at(9, 0), account="acme", endpoint="GET /a", user="ann"),
    event(timestamp=at(10), account="umbrella", endpoint="GET /a"),
    event(timestamp=at(10), account="hooli", kind="action", action="signed_in", status=None),
    event(timestamp=at(11), account="wonka", endpoint="GET /a"),
    event(timestamp=at(11), account="globex", direction="outgoing"),
    event(timestamp=at(16), account="acme", endpoint="GET /a"),
    event(timestamp=at(17), account="globex", endpoint="GET /a"),
    event(timestamp=at(17), account="wonka", endpoint="GET /a"),
    event(timestamp=at(17), account=None, endpoint="GET /a"),
]


def ask(rows: list[dict[str, Any]] = ROWS, **options: Any) -> Result:
    return retention(events_of(rows), RetentionOptions(now=at(18), **options))


def triangle(result: Result) -> dict[str, list[tuple[int, float | None]]]:
    found: dict[str, list[tuple[int, float | None]]] = {}
    for cohort, _, _, returned, rate, _ in result.tables[0].rows.rows():
        found.setdefault(f"{cohort:%m-%d}", []).append((returned, rate))
    return found


def test_cohorts_by_week_and_who_was_there_in_each_week_after() -> None:
    result = ask()

    # A webhook is no activity of globex; the action is one of hooli. The third week is not over.
    assert triangle(result) == {"11-02": [(4, 1.0), (2, 0.5), (2, None)], "11-09": [(2, 1.0), (1, None)]}
    assert result.tables[1].rows.rows() == [(0, 2, 6, 6, 1.0), (1, 1, 4, 2, 0.5)]
    assert result.header[-2:] == (
        "cohorts: each account by the week of its first event ever",
        "returned: any event in exactly that week",
    )
    assert result.notes == (
        "no rate for periods that are not over: events are known until 2026-11-17 12:00 (UTC)",
        "the events begin on 2026-11-02: whoever was there before counts as new in the first cohort",
        "91.6 % of requests have an account; the others are nobody's",
    )
    assert result.command == "apilens retention"
    for table in result.tables:
        assert table.rows.columns == [field.name for field in table.fields]


def test_unbounded_counts_a_return_for_the_weeks_before_it() -> None:
    assert triangle(ask(unbounded=True))["11-02"] == [(4, 1.0), (3, 0.75), (2, None)]


@pytest.mark.parametrize(
    ("first", "returning", "expected"),
    [
        ("POST /signup", None, {"11-02": [(2, 1.0), (1, 0.5), (2, None)]}),
        ("/signup", "GET /*", {"11-02": [(0, 0.0), (1, 0.5), (2, None)]}),
        ("status >= 500", "signed_in", {"11-02": [(0, 0.0), (1, 1.0), (0, None)]}),
        ("signed_in", "endpoint = 'GET /a'", {"11-09": [(0, 0.0), (0, None)]}),
    ],
)
def test_what_begins_and_what_counts_as_coming_back(
    first: str, returning: str | None, expected: dict[str, list[tuple[int, float | None]]]
) -> None:
    assert triangle(ask(first=first, returning=returning)) == expected


def test_a_window_is_about_first_events_and_makes_nobody_new() -> None:
    window = Window(at(9, 0), at(11, 0))

    assert triangle(ask(window=window)) == {"11-09": [(1, 1.0), (0, None)]}
    # acme, hooli and umbrella, whenever they began; what came after the window is a return.
    assert triangle(ask(window=window, window_only=True)) == {"11-09": [(3, 1.0), (1, None)]}
    assert ask(window=window).notes[1:] == ()


def test_days_months_and_other_units() -> None:
    days = ask(every="1d", unit="user", periods=2)

    assert triangle(days) == {"11-02": [(1, 1.0), (0, 0.0), (0, 0.0)]}
    assert triangle(ask(every="1M")) == {"11-01": [(6, None)]}
    assert ask(every="1M").tables[1].rows.is_empty()
    assert "16.6 % of requests have a user; the others are nobody's" in days.notes
    assert days.command == "apilens retention --every 1d --unit user --periods 2"


def test_the_newest_cohorts_are_shown_and_the_curve_has_all() -> None:
    result = ask(limit=1)

    assert list(triangle(result)) == ["11-09"]
    assert result.tables[1].rows.rows() == ask().tables[1].rows.rows()
    assert result.notes[0] == "and 1 earlier cohort, which the curve has; --limit all shows them"


def test_what_is_known_ends_with_the_newest_event_when_that_is_old() -> None:
    late = RetentionOptions(now=at(30), newest=at(17))

    assert triangle(retention(events_of(ROWS), late)) == triangle(ask())


def test_people_see_a_triangle_and_machines_its_cells() -> None:
    result = ask(where=("account <> 'wonka'",))
    lines = to_table(result, Style(width=80)).splitlines()

    assert [line.split() for line in lines if line.startswith("2026-")] == [
        ["2026-11-02", "4", "100.0", "%", "50.0", "%", "·"],
        ["2026-11-09", "1", "100.0", "%", "·", "·"],
    ]
    assert '"period": 1,\n      "returned": 2,\n      "rate": 0.5,\n      "complete": true' in to_json(result, Style())


def test_nobody_is_no_error() -> None:
    assert ask(unit="api_key").notes == (
        "no API key began in the window: widen --since, or loosen --where and --first",
        "0.0 % of requests have an API key; the others are nobody's",
    )
    for result in (ask([]), ask(where=("status = 418",)), ask(window=Window(at(20), None))):
        assert result.tables[0].rows.is_empty()
        assert result.notes == ("no account began in the window: widen --since, or loosen --where and --first",)
        assert "retention" not in to_table(replace(result, header=()), Style(width=80))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"every": "2w"}, "--every '2w' is no period"),
        ({"unit": "ip"}, "--unit 'ip' is nobody to count"),
        ({"first": "stauts = 200"}, "unknown column `stauts`"),
        ({"returning": "status"}, None),
        ({"returning": "status +"}, "no SQL condition"),
    ],
)
def test_mistakes_are_named(options: dict[str, str], words: str | None) -> None:
    with pytest.raises(UsageError, match=words or "a filter is a condition"):
        ask(**options)
