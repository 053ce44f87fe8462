"""What time expressions name, at a fixed clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apilens.errors import UsageError
from apilens.window import Window, anchor, before, is_relative, parse_duration, parse_window, span

# A Wednesday, summer time in Berlin ended ten days before.
NOW = datetime(2026, 11, 4, 13, 45, 30, tzinfo=UTC)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "tz", "moment"),
    [
        ("24h", "UTC", utc(2026, 11, 3, 13, 45, 30)),
        ("7d", "UTC", utc(2026, 10, 28, 13, 45, 30)),
        ("90m", "UTC", utc(2026, 11, 4, 12, 15, 30)),
        ("1h30m", "UTC", utc(2026, 11, 4, 12, 15, 30)),
        ("2w", "UTC", utc(2026, 10, 21, 13, 45, 30)),
        ("today", "UTC", utc(2026, 11, 4)),
        ("yesterday", "UTC", utc(2026, 11, 3)),
        ("today", "Asia/Tokyo", utc(2026, 11, 3, 15)),
        ("2026-11-01", "UTC", utc(2026, 11, 1)),
        ("2026-11-01", "Europe/Berlin", utc(2026, 10, 31, 23)),
        ("2026-11-01T10:00", "Europe/Berlin", utc(2026, 11, 1, 9)),
        ("2026-11-01T10:00+05:30", "Europe/Berlin", utc(2026, 11, 1, 4, 30)),
        ("2026-11-01T10:00Z", "Europe/Berlin", utc(2026, 11, 1, 10)),
        ("@1762000000", "UTC", utc(2025, 11, 1, 12, 26, 40)),
        ("now", "UTC", NOW),
        ("now-24h", "UTC", utc(2026, 11, 3, 13, 45, 30)),
        ("now/d", "UTC", utc(2026, 11, 4)),
        ("now/h", "UTC", utc(2026, 11, 4, 13)),
        ("now/m", "UTC", utc(2026, 11, 4, 13, 45)),
        ("now/w", "UTC", utc(2026, 11, 2)),
        ("now-1d/d", "Europe/Berlin", utc(2026, 11, 2, 23)),
    ],
)
def test_an_expression_names_a_moment(text: str, tz: str, moment: datetime) -> None:
    assert parse_window(text, None, now=NOW, tz=tz) == Window(moment, None)


def test_a_day_ago_is_24_hours_across_the_end_of_summer_time() -> None:
    now = utc(2026, 10, 25, 12)

    assert parse_window("1d", None, now=now, tz="Europe/Berlin").since == utc(2026, 10, 24, 12)
    # The 25th has 25 hours in Berlin: yesterday starts at its midnight, in summer time.
    assert parse_window("yesterday", None, now=now, tz="Europe/Berlin").since == utc(2026, 10, 23, 22)


@pytest.mark.parametrize(
    "text", ["", "x", "24", "24x", "h", "now+1h", "now-", "now/y", "2026-13-01", "20261101", "@", "@x", "-24h"]
)
def test_anything_else_is_a_usage_error(text: str) -> None:
    if not text:
        assert parse_window(text, None, now=NOW) == Window()
        return
    with pytest.raises(UsageError) as caught:
        parse_window(text, None, now=NOW)

    assert "24h" in str(caught.value.hint)


@pytest.mark.parametrize("text", ["999999999w", "now-999999999w", "@999999999999", "99999d" * 9])
def test_a_moment_outside_the_calendar_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        parse_window(text, None, now=NOW)


@given(st.text(max_size=30))
def test_any_text_is_a_window_or_a_usage_error(text: str) -> None:
    try:
        window = parse_window(text, None, now=NOW)
    except UsageError:
        return
    assert window.since is None or window.since.utcoffset() == timedelta()


def test_an_unknown_zone_and_an_empty_window_are_usage_errors() -> None:
    for zone in ("Mars/Olympus", "", "../etc/passwd"):
        with pytest.raises(UsageError, match="time zone"):
            parse_window("24h", None, now=NOW, tz=zone)
    with pytest.raises(UsageError, match="empty"):
        parse_window("1h", "2h", now=NOW)
    with pytest.raises(UsageError, match="empty"):
        parse_window("today", "today", now=NOW)


def test_relative_expressions_are_those_that_count_from_the_clock() -> None:
    assert [text for text in ("24h", "1h30m", "now-7d", "now/d") if is_relative(text)] == [
        "24h",
        "1h30m",
        "now-7d",
        "now/d",
    ]
    assert not any(is_relative(text) for text in ("2026-11-01", "@1762000000", "", None))


def test_an_old_store_anchors_at_its_newest_event() -> None:
    newest = NOW - timedelta(hours=13)

    moment, note = anchor(NOW, newest)

    assert moment == newest + timedelta(microseconds=1)
    assert note == "window ends at the newest event, 2026-11-04 00:45 UTC (13 h old)"
    assert anchor(NOW, NOW - timedelta(hours=2)) == (NOW, None)
    assert anchor(NOW, NOW + timedelta(hours=9)) == (NOW, None)
    assert anchor(NOW, None) == (NOW, None)


def test_before_is_the_window_of_the_same_length_just_before() -> None:
    assert before(Window(utc(2026, 11, 3), utc(2026, 11, 4))) == Window(utc(2026, 11, 2), utc(2026, 11, 3))
    for window in (Window(), Window(since=NOW), Window(until=NOW)):
        with pytest.raises(UsageError, match="open window"):
            before(window)
    with pytest.raises(UsageError, match="year 1"):
        before(Window(utc(1, 1, 2), NOW))


def test_durations_add_up() -> None:
    assert parse_duration("1d2h3m4s") == timedelta(days=1, hours=2, minutes=3, seconds=4)
    with pytest.raises(UsageError):
        parse_duration("1d 2h")


def test_a_span_reads_in_one_unit() -> None:
    lengths = [
        timedelta(seconds=-5),
        timedelta(seconds=35),
        timedelta(minutes=12),
        timedelta(hours=13),
        timedelta(days=4),
    ]

    assert [span(length) for length in lengths] == ["0 s", "35 s", "12 min", "13 h", "4 days"]
