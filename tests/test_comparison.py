"""What --compare names: windows of the same length, what is usual, and what is around a mark."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from apilens.comparison import parse_comparison, words_of
from apilens.errors import UsageError
from apilens.window import Window

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
MARKS = {"v2.3": NOW - 2 * DAY, "old": NOW - 30 * DAY, "later": NOW + DAY}


def bases(text: str, since: datetime | None = NOW - DAY, until: datetime | None = None) -> list[Window]:
    return list(parse_comparison(text, Window(since, until), now=NOW, marks=MARKS).bases)


def test_windows_are_as_long_as_the_one_that_is_asked_about() -> None:
    assert bases("previous") == [Window(NOW - 2 * DAY, NOW - DAY)]
    assert bases("previous", NOW - 3 * DAY, NOW - DAY) == [Window(NOW - 5 * DAY, NOW - 3 * DAY)]
    assert bases("7d-ago") == [Window(NOW - DAY - WEEK, NOW - WEEK)]
    assert bases("2026-11-01..2026-11-02T12:00") == [
        Window(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, 12, tzinfo=UTC))
    ]
    assert bases("..2026-11-02", None) == [Window(None, datetime(2026, 11, 2, tzinfo=UTC))]


def test_what_is_typical_is_the_same_hours_of_the_weeks_before() -> None:
    assert bases("typical") == [Window(NOW - DAY - week * WEEK, NOW - week * WEEK) for week in (1, 2, 3, 4)]
    assert len(bases("typical", NOW - WEEK)) == 4
    # Of longer windows there are fewer that do not overlap.
    assert bases("typical", NOW - 10 * DAY) == [
        Window(NOW - 10 * DAY - week * WEEK, NOW - week * WEEK) for week in (2, 4)
    ]
    assert bases("typical", NOW - 28 * DAY) == [Window(NOW - 56 * DAY, NOW - 28 * DAY)]
    with pytest.raises(UsageError, match="typical of 29d is unknown"):
        bases("typical", NOW - 29 * DAY)


def test_around_a_mark_lie_windows_of_the_same_length_a_week_at_most() -> None:
    found = parse_comparison("mark:v2.3", Window(None, None), now=NOW, marks=MARKS)
    old = parse_comparison("mark:old", Window(None, None), now=NOW, marks=MARKS)
    short = parse_comparison("mark:old", Window(None, NOW - 29 * DAY), now=NOW, marks=MARKS)

    assert (found.head, *found.bases) == (Window(NOW - 2 * DAY, NOW), Window(NOW - 4 * DAY, NOW - 2 * DAY))
    assert old.head == Window(NOW - 30 * DAY, NOW - 23 * DAY)
    assert short.reads == Window(NOW - 31 * DAY, NOW - 29 * DAY)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("yesterday", "cannot read"),
        ("x-ago", "no duration"),
        ("0d-ago", "the window itself"),
        ("999999999w-ago", "year 1|too long"),
        ("2026-11-02..2026-11-01", "empty"),
        ("mark:v2.4", "unknown mark"),
        ("mark:later", "known until"),
    ],
)
def test_what_names_no_window_is_a_usage_error(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        bases(text)


def test_a_window_without_a_beginning_has_none_before() -> None:
    for text in ("previous", "7d-ago", "typical"):
        with pytest.raises(UsageError, match="needs a window"):
            bases(text, None)


def test_windows_that_differ_in_length_say_so() -> None:
    def words(text: str) -> str | None:
        return words_of(parse_comparison(text, Window(NOW - DAY, NOW), now=NOW))

    assert words("previous") is None
    assert words("2026-11-01..2026-11-03") == "the windows are 1d and 2d long: rates compare, counts do not"
    assert words("..2026-11-03") is None


def test_it_is_spelled_so_that_it_means_the_same_later() -> None:
    assert parse_comparison("48h..now-24h", Window(), now=NOW).spelled == "2026-11-21T12:00:00Z..2026-11-22T12:00:00Z"
    assert parse_comparison("..2026-11-02", Window(), now=NOW).spelled == "..2026-11-02T00:00:00Z"
    assert parse_comparison("typical", Window(NOW - DAY), now=NOW).spelled == "typical"
