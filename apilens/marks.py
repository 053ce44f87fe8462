"""Moments with a name, such as deploys: kept in STORE/state/marks.json, or read from the file that settings name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
import polars as pl

from apilens.actions import iso_times
from apilens.csv_table import read_csv
from apilens.errors import StoreError, UsageError
from apilens.heading import iso
from apilens.mark_settings import checked_name
from apilens.places import Place
from apilens.result import Field, Result, Table
from apilens.schema import TIME
from apilens.spelling import nearest
from apilens.store import Writer, read_kept

STATE = "marks.json"


def marks_of(store: Place, file: str | None) -> dict[str, datetime]:
    """Return name → moment of every mark, in order of time: those of a CSV file, and those kept in a store, which come
    before a namesake in the file. Raises ConfigError for a bad file, StoreError where what the store keeps is damaged.
    """
    marks = {**(read_marks(file) if file else {}), **_kept(store)}
    return dict(sorted(marks.items(), key=lambda mark: (mark[1], mark[0])))


def read_marks(path: str) -> dict[str, datetime]:
    """Return name → moment of the marks in a CSV file with the columns `name` and `time` (ISO 8601, UTC unless it says
    otherwise). Raises ConfigError with every mistake.
    """
    table = read_csv(path, required=("name", "time"))
    for column in ("name", "time"):
        table.need_values(column)
    table.need_distinct("name")
    times = iso_times(table.columns["time"])
    for row, (text, moment) in enumerate(zip(table.columns["time"], times, strict=True)):
        if text and moment is None:
            table.add(row, f"`time` is {text!r}, and not for example 2026-11-01T10:00:00Z")
    table.check()
    return {name: moment for name, moment in zip(table.columns["name"], times, strict=True) if moment is not None}


def mark(writer: Writer, name: str, moment: datetime) -> datetime | None:
    """Keep a mark in a store, in place of one of that name, whose moment is returned."""
    known = _kept(writer.path)
    _keep(writer, {**known, checked_name(name): moment})
    return known.get(name)


def unmark(writer: Writer, name: str) -> None:
    """Take a mark out of a store. Raises UsageError where it keeps none of that name."""
    known = _kept(writer.path)
    if name not in known:
        raise UsageError(f"the store keeps no mark `{name}`", hint=nearest(name, known) or "apilens mark lists them")
    _keep(writer, {other: moment for other, moment in known.items() if other != name})


def list_marks(marks: Mapping[str, datetime], *, store: Place) -> Result:
    """Return the marks, the latest first."""
    rows = pl.DataFrame({"mark": list(marks), "time": list(marks.values())}, schema={"mark": pl.String(), "time": TIME})
    return Result(
        kind="marks",
        title="Marks",
        tables=(Table("marks", (Field("mark"), Field("time", "time")), rows.reverse()),),
        query={"store": str(store)},
        notes=() if marks else ("no marks: `apilens mark v2.3` makes one, `marks: deploys.csv` names a file of them",),
        command="apilens mark",
    )


def words_of(marks: Mapping[str, datetime]) -> str:
    """Return the marks in one line."""
    return ", ".join(f"{name} {moment:%Y-%m-%d %H:%M}" for name, moment in marks.items())


def _kept(store: Place) -> dict[str, datetime]:
    try:
        return msgspec.convert(read_kept(store, STATE), dict[str, datetime])
    except msgspec.ValidationError:
        raise StoreError(f"{store / 'state' / STATE} is damaged", hint="remove it, and mark again") from None


def _keep(writer: Writer, marks: Mapping[str, datetime]) -> None:
    texts = {name: iso(moment) for name, moment in marks.items()}
    writer.keep(STATE, msgspec.json.encode(texts, order="sorted") + b"\n")
