"""What was told and is not over, what is over, and what is silenced, as Results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from apilens.alerts.alert import Alert
from apilens.alerts.alerting import group_text
from apilens.alerts.memory import Memory
from apilens.alerts.silences import Silence
from apilens.result import Field, Result, Table, Unit
from apilens.schema import TIME

_TEXT = pl.String()


def open_alerts(memory: Memory, silences: Sequence[Silence], *, now: datetime) -> Result:
    """Return the alerts that were told and have not ended, and the silences in force."""
    rows = [
        {**_row(told.alert), "told": told.at, "times": told.times, "silenced": _silenced(told.alert, silences, now)}
        for groups in memory.told.values()
        for told in groups.values()
        if told.alert.until is None
    ]
    columns = {**_COLUMNS, "told": TIME, "times": pl.Int64(), "silenced": TIME}
    notes = [f"{len(memory.unsent)} messages wait to be sent by the next check"] if memory.unsent else []
    return Result(
        kind="alerts", title="Alerts", tables=(_table("alerts", columns, rows), silence_table(silences, now)),
        notes=tuple(notes), command="apilens alerts list",
    )  # fmt: skip


def past_alerts(memory: Memory, *, since: datetime | None, limit: int | None) -> Result:
    """Return the incidents that are over, the latest first."""
    over = [alert for alert in memory.history if since is None or (alert.until is not None and alert.until >= since)]
    latest = sorted(over, key=lambda alert: (alert.until or alert.since, alert.key), reverse=True)
    shown = latest if limit is None else latest[:limit]
    left = len(latest) - len(shown)
    return Result(
        kind="alert-history", title="Incidents that are over",
        tables=(_table("incidents", {**_COLUMNS, "until": TIME}, [_row(alert) for alert in shown]),),
        notes=(f"and {left:,} more; --limit all shows them",) if left else (), command="apilens alerts history",
    )  # fmt: skip


def silence_table(silences: Iterable[Silence], now: datetime) -> Table:
    """Return the silences in force."""
    rows = [
        {"rule": item.rule, "group": _pairs(item.group), "until": item.until, "reason": item.reason}
        for item in silences
        if now < item.until
    ]
    return _table("silences", {"rule": _TEXT, "group": _TEXT, "until": TIME, "reason": _TEXT}, rows)


_COLUMNS: dict[str, pl.DataType] = {
    "name": _TEXT, "group": _TEXT, "severity": _TEXT, "value": pl.Float64(), "since": TIME, "description": _TEXT,
}  # fmt: skip


def _row(alert: Alert) -> dict[str, Any]:
    return {
        "name": alert.rule, "group": group_text(alert.group, claimed=alert.claimed), "severity": alert.severity,
        "value": alert.value, "since": alert.since, "until": alert.until, "description": alert.description,
    }  # fmt: skip


def _silenced(alert: Alert, silences: Iterable[Silence], now: datetime) -> datetime | None:
    return max((item.until for item in silences if item.holds(alert, now)), default=None)


def _pairs(group: dict[str, str | None]) -> str:
    return ", ".join(f"{name}={value or ''}" for name, value in group.items())


def _table(name: str, columns: dict[str, pl.DataType], rows: Sequence[dict[str, Any]]) -> Table:
    def unit(dtype: pl.DataType) -> Unit:
        return "time" if dtype == TIME else "number" if dtype.is_numeric() else "text"

    frame = pl.DataFrame([{column: row.get(column) for column in columns} for row in rows], schema=columns)
    return Table(name, tuple(Field(column, unit(dtype)) for column, dtype in columns.items()), frame)
