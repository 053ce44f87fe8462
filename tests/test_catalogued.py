"""first_seen, last_seen and is_new: what was before the window, and how much of it must be known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apilens.analyses.report import ReportOptions, report
from apilens.config import ReadOptions, Settings
from apilens.errors import UsageError
from apilens.ingest import ingest
from apilens.reading import events_of, notes_of
from apilens.result import Result
from apilens.store import Store
from apilens.window import Window

NOW = datetime(2026, 11, 23, tzinfo=UTC)
WEEK = Window(since=datetime(2026, 11, 16, tzinfo=UTC))
LINE = '10.0.0.1 - {account} [{time}] "GET {path} HTTP/1.1" 200 5 "-" "{agent}"\n'


def line(account: str, days_ago: int, path: str = "/a", agent: str = "curl/8.5") -> str:
    moment = NOW - timedelta(days=days_ago)
    return LINE.format(account=account, time=f"{moment:%d/%b/%Y:%H:%M:%S +0000}", path=path, agent=agent)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a store in which `old` is 50 days old, `back` was away for six weeks, and `new` came three days ago."""
    log = tmp_path / "a.log"
    log.write_text(
        line("old", 50) + line("back", 45) + line("old", 4, "/b") + line("back", 2) + line("new", 3, agent="wget/1")
        + line("-", 1)
    )  # fmt: skip
    path = tmp_path / "store"
    ingest([str(log)], path, settings=Settings(), options=ReadOptions(), key=b"k" * 32, now=NOW)
    return path


def asked(path: Path, window: Window, **question: object) -> Result:
    store = Store.open(path)
    options = ReportOptions(now=NOW, window=window, **question)  # type: ignore[arg-type]
    events, columns = events_of(store, window, None, options.texts())
    result = report(events, options, columns=columns)
    return Result(result.kind, result.title, result.tables, notes=notes_of(store, window, options.texts()))


def test_first_and_last_sight_look_beyond_the_window(store: Path) -> None:
    until = Window(WEEK.since, datetime(2026, 11, 21, tzinfo=UTC))
    rows = asked(store, until, by=("account",), metrics=("first_seen", "last_seen", "requests")).tables[0].rows

    days = {row[0]: ((NOW - row[1]).days, (NOW - row[2]).days) for row in rows.iter_rows()}
    assert days == {"old": (50, 4), "new": (3, 3)}


def test_new_is_who_was_first_seen_within_the_window(store: Path) -> None:
    rows = asked(store, WEEK, by=("account", "is_new"), metrics=("requests",)).tables[0].rows
    assert {row[0]: row[1] for row in rows.iter_rows()} == {"old": False, "back": False, "new": True, None: None}

    new = asked(store, WEEK, by=("account",), metrics=("requests",), where=("is_new",)).tables[0].rows
    assert new["account"].to_list() == ["new"]
    counted = asked(store, WEEK, by=("is_new",), metrics=("accounts",)).tables[0].rows
    assert dict(counted.iter_rows()) == {False: 2, True: 1, None: 0}


def test_it_is_about_the_dimension_that_is_asked_for(store: Path) -> None:
    rows = asked(store, WEEK, by=("sdk", "is_new"), metrics=("requests",)).tables[0].rows
    assert {row[0]: row[1] for row in rows.iter_rows()} == {"curl": False, "wget": True}

    rows = asked(store, WEEK, by=("endpoint",), metrics=("first_seen",), sort="endpoint").tables[0].rows
    assert [(row[0], (NOW - row[1]).days) for row in rows.iter_rows()] == [("GET /a", 50), ("GET /b", 4)]


def test_less_than_four_weeks_of_history_say_nothing_of_new(store: Path) -> None:
    early = Window(since=NOW - timedelta(days=50 - 27))
    result = asked(store, early, by=("account", "is_new"), metrics=("requests",))

    assert result.tables[0].rows["is_new"].null_count() == result.tables[0].rows.height
    assert result.notes == ("is_new is unknown: 27 days of history before the window, it takes 28 days",)
    assert asked(store, WEEK, by=("account", "is_new"), metrics=("requests",)).notes == ()
    whole = asked(store, Window(), by=("is_new",), metrics=("requests",))
    assert whole.notes == ("is_new says what was first seen within the window: it needs --since",)


def test_first_seen_says_where_history_begins(store: Path) -> None:
    result = asked(store, WEEK, by=("account",), metrics=("first_seen",))

    assert result.notes == ("first_seen counts from 2026-10-04, where what this store ever read begins",)


@pytest.mark.parametrize("by", [(), ("status",), ("account", "endpoint")])
def test_first_seen_of_no_one_thing_is_a_mistake(store: Path, by: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="one kind of thing") as caught:
        asked(store, WEEK, by=by, metrics=("first_seen",))
    assert "exactly one of account" in str(caught.value.hint)


def test_sights_can_be_sorted_and_filtered_by(store: Path) -> None:
    rows = asked(
        store, Window(), by=("account",), metrics=("requests", "first_seen"), sort="first_seen:asc",
        having="first_seen > '2026-10-05'",
    ).tables[0].rows  # fmt: skip

    assert rows["account"].to_list() == ["back", "new"]


def test_new_alone_shows_what_was_first_seen_ever(store: Path) -> None:
    rows = asked(store, WEEK, by=("account",), new=True).tables[0].rows
    assert rows.select("account", "first_seen", "requests").rows() == [("new", NOW - timedelta(days=3), 1)]
    assert asked(store, WEEK, by=("sdk",), metrics=("requests",), new=True).tables[0].rows["sdk"].to_list() == ["wget"]
    assert asked(store, WEEK, by=("endpoint",), new=True, having="errors > 0").tables[0].rows.is_empty()
    # Who was away in the window before is back, and not new.
    compared = ReportOptions(now=NOW, window=Window(WEEK.since, NOW), by=("account",), new=True, compare="previous")
    opened = Store.open(store)
    events, columns = events_of(opened, compared.reads(), None, compared.texts(), about=compared.about())
    assert report(events, compared, columns=columns).tables[0].rows["account"].to_list() == ["new"]


@pytest.mark.parametrize("question", [{"by": ("account", "endpoint")}, {"by": ("status",)}, {}])
def test_new_of_no_one_thing_or_of_no_window_is_a_mistake(store: Path, question: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(UsageError, match="one kind of thing"):
        asked(store, WEEK, new=True, **question)
    with pytest.raises(UsageError, match="in a window"):
        asked(store, Window(), new=True, **question)
