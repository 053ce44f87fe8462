"""Every renderer on one result, hostile values included."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apilens.render import RENDERERS, Style, by_suffix
from apilens.render.cells import human, iso, plain
from apilens.render.safe import safe
from apilens.result import Beside, Field, Result, Spread, Table

HOSTILE = [
    "\x1b]52;c;aGk=\x07", "\x1b]8;;http://x\x1b\\", "\x9b2J", "\u202egnp.exe", "\u200b", "[bold]x[/bold]", "[/foo]",
    ":warning:",
    "=1+1", "+1", "-1", "@x", "\tx", "＝1", "a|b", "<script>", "tab\there", "line\nbreak", "plain",
]  # fmt: skip


def result(values: list[str | None]) -> Result:
    rows = pl.DataFrame(
        {"account": values, "requests": range(len(values))}, schema={"account": pl.String, "requests": pl.Int64}
    )
    fields = (Field("account"), Field("requests", "count"))
    return Result("report", "Title", (Table("report", fields, rows),), query={"by": ["account"]}, notes=("a note",))


@pytest.mark.parametrize("name", RENDERERS)
def test_no_renderer_lets_a_control_character_through(name: str) -> None:
    made = RENDERERS[name](result(HOSTILE), Style())

    if isinstance(made, str):
        assert not set(made) & {"\x1b", "\x07", "\x9b", "\u202e", "\u200b"}


def test_json_keeps_every_value_that_it_escapes() -> None:
    rows = json.loads(str(RENDERERS["json"](result(HOSTILE), Style())))["rows"]

    assert [row["account"] for row in rows] == HOSTILE


def test_json_has_no_lone_surrogate_even_in_what_was_asked() -> None:
    asked = replace(result([]), query={"where": ["path = '\udcff'"]}, notes=("\ud800",))

    text = str(RENDERERS["json"](asked, Style()))

    text.encode()
    assert json.loads(text)["query"]["where"] == ["path = '\ufffd'"]


def test_people_see_times_in_their_zone_and_machines_in_utc() -> None:
    rows = pl.DataFrame({"hour": [datetime(2026, 7, 1, 22, tzinfo=UTC)]})
    asked = Result("report", "T", (Table("t", (Field("hour", "time"),), rows),))
    style = Style(zone=ZoneInfo("Europe/Berlin"))

    for name in ("table", "markdown"):
        assert "2026-07-02 00:00:00" in str(RENDERERS[name](asked, style))
    for name in ("tsv", "csv", "json", "jsonl"):
        assert "2026-07-01T22:00:00Z" in str(RENDERERS[name](asked, style))


def test_a_backtick_in_the_command_does_not_end_its_code() -> None:
    asked = replace(result([]), command="apilens report --where 'path = `x`'")

    assert "``apilens report --where 'path = `x`'``" in str(RENDERERS["markdown"](asked, Style()))


def test_long_names_give_way_and_numbers_never() -> None:
    names = ["endpoint", "requests", "error_rate"]
    rows = pl.DataFrame({"endpoint": ["GET /" + "a" * 90], "requests": [1_234_567], "error_rate": [0.125]})
    fields = (Field("endpoint"), Field("requests", "count"), Field("error_rate", "ratio", "lower"))

    text = str(RENDERERS["table"](Result("report", "T", (Table("t", fields, rows),)), Style(width=60)))

    head, _, row = text.splitlines()
    assert head.split() == names
    assert len(row) <= 60
    assert row.split()[-3:] == ["1,234,567", "12.5", "%"]
    assert "a…" in row


def test_a_table_without_rows_lacks_no_column() -> None:
    fields = tuple(Field(f"a_long_name_of_a_column_{number}") for number in range(9))
    rows = pl.DataFrame(schema={field.name: pl.String() for field in fields})

    assert "no room" not in str(RENDERERS["table"](Result("report", "T", (Table("t", fields, rows),)), Style(width=60)))


def test_a_column_without_rows_is_named_where_no_map_lacks_all_of_its_cells() -> None:
    def shown(spread: Spread | None) -> str:
        rows = pl.DataFrame(schema={"account": pl.String, "day": pl.String, "requests": pl.Int64})
        rows = rows if spread else rows.select("account")
        fields = tuple(map(Field, rows.columns))
        return str(RENDERERS["table"](Result("report", "T", (Table("t", fields, rows, spread),)), Style()))

    assert "account" in shown(None)
    assert shown(Spread(("account",), "day", "requests", heat=True)) == ""


def test_what_several_tables_lack_is_said_once() -> None:
    fields = tuple(Field(f"a_long_name_of_a_column_{number}") for number in range(9))
    table = Table("t", fields, pl.DataFrame({field.name: ["x", "y"] for field in fields}))

    text = str(RENDERERS["table"](Result("report", "T", (table, table)), Style(width=60)))

    assert text.count("column_8") == 1


def test_wide_characters_count_twice() -> None:
    names = ["account", "path", "sdk"]
    rows = pl.DataFrame({name: ["日本語" * 4] for name in names})
    asked = Result("report", "T", (Table("t", tuple(Field(name) for name in names), rows),))

    text = str(RENDERERS["table"](asked, Style(width=60)))

    assert "no room for sdk" in text and "…" not in text.splitlines()[2]


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"FORCE_COLOR": "1"}, {"COLUMNS": "9"}])
def test_the_environment_does_not_change_what_the_style_says(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = pl.DataFrame({"error_rate": [0.5]})
    asked = Result("report", "T", (Table("t", (Field("error_rate", "ratio", "lower"),), rates),))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert "\x1b[31m" in str(RENDERERS["table"](asked, Style(color=True)))
    assert "\x1b" not in str(RENDERERS["table"](asked, Style(color=False)))


@pytest.mark.parametrize("name", RENDERERS)
def test_every_renderer_copes_with_no_rows(name: str) -> None:
    assert RENDERERS[name](result([]), Style()) is not None


def test_an_unknown_account_is_named_for_people_and_null_in_json() -> None:
    for name in ("table", "tsv", "csv", "markdown"):
        assert "(unattributed)" in str(RENDERERS[name](result([None]), Style()))
    assert json.loads(RENDERERS["json"](result([None]), Style()))["rows"] == [{"account": None, "requests": 0}]


def test_csv_cells_that_a_spreadsheet_would_run_get_an_apostrophe() -> None:
    text = RENDERERS["csv"](result(HOSTILE), Style())
    raw = RENDERERS["csv"](result(HOSTILE), Style(csv_raw=True))

    cells = [row[0] for row in csv.reader(io.StringIO(str(text), newline=""))][1:]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "＝"))] == []
    assert [row[0] for row in csv.reader(io.StringIO(str(raw), newline=""))][1:] == HOSTILE


def test_tsv_has_one_line_per_row_whatever_the_values() -> None:
    lines = str(RENDERERS["tsv"](result(HOSTILE), Style())).splitlines()

    assert len(lines) == len(HOSTILE) + 1
    assert {line.count("\t") for line in lines} == {1}


def test_json_says_its_schema_and_keeps_names() -> None:
    document = json.loads(RENDERERS["json"](result(["acme"]), Style()))

    assert list(document) == ["schema", "query", "rows", "notes"]
    assert document["schema"] == "apilens.report/1"


def test_a_table_never_wraps_a_row_and_names_what_has_no_room() -> None:
    names = ["account", *(f"column_number_{number}" for number in range(9))]
    rows = pl.DataFrame({name: ["x" * 12, "y"] for name in names})
    wide = Result("report", "T", (Table("t", tuple(Field(name) for name in names), rows),))

    lines = str(RENDERERS["table"](wide, Style(width=80))).splitlines()

    assert max(map(len, lines[:-2])) <= 80
    assert len([line for line in lines if line.startswith("xxxx")]) == 1
    assert "no room for" in lines[-2] + lines[-1]


def test_without_unicode_a_table_is_ascii() -> None:
    assert str(RENDERERS["table"](result(["é…", None]), Style(unicode=False))).isascii()


@given(st.text())
def test_safe_text_has_nothing_that_moves_a_terminal(text: str) -> None:
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in safe(text))


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (1204, "count", "1,204"), (0.79, "ratio", "79.0 %"), (212.4, "ms", "212 ms"), (0.42, "ms", "0.4 ms"),
        (43_200_000.0, "ms", "12.0 h"), (3_100_000, "bytes", "3.1 MB"), (422, "text", "422"), (None, "count", "·"),
    ],
)  # fmt: skip
def test_numbers_for_people(value: object, unit: str, words: str) -> None:
    assert human(value, Field("x", unit)) == words  # type: ignore[arg-type]


def test_times_are_iso_in_utc_with_fractions_only_where_there_are_any() -> None:
    assert iso(datetime(2026, 11, 1, 10, tzinfo=UTC)) == "2026-11-01T10:00:00Z"
    assert iso(datetime(2026, 11, 1, 10, 0, 0, 5000, tzinfo=UTC)) == "2026-11-01T10:00:00.005000Z"


def test_a_number_that_is_none_is_empty() -> None:
    assert plain(float("nan"), Field("x", "number")) == ""


@pytest.mark.parametrize(
    ("name", "kind"), [("a.CSV", "csv"), ("b.md", "markdown"), ("c.parquet", "parquet"), ("d", None)]
)
def test_the_suffix_of_a_file_says_its_format(name: str, kind: str | None) -> None:
    assert by_suffix(name) == kind


def test_people_see_a_change_behind_its_number_and_machines_see_every_column() -> None:
    rows = pl.DataFrame({
        "account": ["acme", "globex", "hooli"], "rate": [0.125, 0.02, None], "rate_before": [0.01, 0.02, None],
        "rate_change": [11.5, 0.0, None], "rate_diff": [0.115, -0.0001, None], "seen": [1, 2, 3],
    })  # fmt: skip
    fields = tuple(Field(name, "ratio" if "rate" in name else "text") for name in rows.columns)
    beside = Beside({"rate": "rate_diff"}, frozenset({"rate_before", "rate_change", "rate_diff"}))
    changed = Result("report", "Title", (Table("report", fields, rows, beside),))

    lines = str(RENDERERS["table"](changed, Style(width=80))).splitlines()
    assert lines[0].split() == ["account", "rate", "seen"]
    assert lines[2:] == [
        "acme      12.5 % +11.5 pts   1", "globex     2.0 %   0.0 pts   2", "hooli          ·             3",
    ]  # fmt: skip
    assert str(RENDERERS["tsv"](changed, Style())).splitlines()[0].split("\t") == rows.columns


def test_people_see_columns_in_their_own_order_and_machines_in_that_of_the_contract() -> None:
    rows = pl.DataFrame({"account": ["acme"] * 2, "account.plan": ["pro"] * 2, "first": [1, 2], "risk": [True, False]})
    fields = tuple(Field(name) for name in rows.columns)
    made = Result("x", "X", (Table("x", fields, rows, people=("account", "risk", "first")),))

    # What stands beside the account by `show:` stays there.
    assert str(RENDERERS["table"](made, Style())).split("\n")[0].split() == ["account", "account.plan", "risk", "first"]
    assert list(json.loads(RENDERERS["json"](made, Style()))["rows"][0]) == rows.columns
