"""redact test and scan: what is hidden is shown, counted by kind, and found again under stricter rules."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from apilens.config import ReadOptions, RedactSettings, Settings
from apilens.errors import InputError
from apilens.ingest import ingest
from apilens.redaction import redact_scan, redact_test
from apilens.result import Result
from apilens.store import Store

NOW = datetime(2026, 11, 23, tzinfo=UTC)
COMBINED = ReadOptions(input_format="combined")
LINE = '10.0.0.1 - acme [20/Nov/2026:10:00:00 +0000] "GET {target} HTTP/1.1" 200 5 "{referrer}" "{agent}"\n'
KEY = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
STRICTER = Settings(redact=RedactSettings(shapes=("licence-[0-9]+",)))


def line(target: str = "/a", referrer: str = "-", agent: str = "curl/8.5") -> str:
    return LINE.format(target=target, referrer=referrer, agent=agent)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "a.log"
    path.write_text(
        line() + line(f"/reset/{KEY}")
        + line("/search?q=shoes&token=hunter2", "https://u:p@shop.example/x", f"x ({KEY})")
        + "password=hunter2 unreadable\n" + line("/licence-77/licence-78") + line("/licence-77/licence-78")
    )  # fmt: skip
    return path


def look(path: Path, *, limit: int | None = None, settings: Settings | None = None) -> Result:
    result, unread = redact_test(
        [str(path)], settings=settings or Settings(), options=COMBINED, key=b"k" * 32, now=NOW, limit=limit
    )
    assert unread == 0
    return result


def test_lines_are_shown_before_and_after(log: Path) -> None:
    rows = look(log).tables[0].rows

    assert [(place.rpartition(":")[2], *rest) for place, *rest in rows.iter_rows()] == [
        ("2", "target", f"/reset/{KEY}", "/reset/[R:github]"),
        ("3", "target", "/search?q=shoes&token=hunter2", "/search?q,token"),
        ("3", "referrer", "https://u:p@shop.example/x", "https://[R:userinfo]@shop.example/x"),
        ("3", "user_agent", f"x ({KEY})", "x ([R:github])"),
        ("4", "rejected line", "password=hunter2 unreadable", "password=[R] a"),
    ]
    assert rows["place"][0] == f"{log}:2"


def test_all_is_counted_by_kind_however_few_lines_are_shown(log: Path) -> None:
    result = look(log, limit=1)

    assert result.tables[0].rows.height == 1
    assert result.tables[1].rows.rows() == [
        ("referrer", "userinfo", 1), ("rejected line", "value", 1), ("target", "github", 1),
        ("target", "query values", 1), ("user_agent", "github", 1),
    ]  # fmt: skip
    assert result.notes[0].startswith("hidden: referrer userinfo 1, ")


def test_rules_of_the_settings_are_tried(log: Path) -> None:
    kinds = look(log, settings=STRICTER).tables[1].rows

    assert kinds.filter(kind="shape").row(0) == ("target", "shape", 4)


def test_nothing_to_hide_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(line())

    result = look(tmp_path / "a.log")

    assert (result.tables[0].rows.height, result.notes) == (0, ("nothing in it would be hidden",))


def test_nothing_is_written(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(log.parent.rglob("*"))
    monkeypatch.chdir(log.parent)
    look(log)

    assert sorted(log.parent.rglob("*")) == before


def test_a_file_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        look(tmp_path / "none.log")


@pytest.fixture
def store(log: Path) -> Store:
    path = log.parent / "store"
    ingest([str(log)], path, settings=Settings(), options=COMBINED, key=b"k" * 32, now=NOW)
    return Store.open(path)


def test_what_was_stored_needs_no_redacting_again(store: Store) -> None:
    result = redact_scan(store, Settings(), limit=None)

    assert result.tables[0].rows.is_empty()
    assert result.notes == ("nothing in the store would be hidden by the rules of today",)


def test_what_stricter_rules_would_hide_is_found_with_its_place(store: Store, log: Path) -> None:
    kinds, places = redact_scan(store, STRICTER, limit=1).tables

    assert kinds.rows.rows() == [("endpoint", "shape", 4, f"{log}:5"), ("path", "shape", 4, f"{log}:5")]
    assert places.rows.rows() == [(f"{log}:5", "path", "/[R:shape]/[R:shape]")]
