"""What a check found as a Result: a row per rule and group, and the lines that people read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import polars as pl

from apilens.alerts.alert import Alert, Severity
from apilens.alerts.alerting import group_text
from apilens.alerts.check import Checked
from apilens.alerts.incidents import RANK
from apilens.errors import EXIT_FINE, EXIT_FIRING, EXIT_INPUT, EXIT_NOTIFY
from apilens.heading import iso
from apilens.links import PREFIX
from apilens.render.findings import both
from apilens.result import Field, Result, Table
from apilens.schema import TIME

_COLUMNS: Mapping[str, pl.DataType] = {
    "name": pl.String(), "kind": pl.String(), "state": pl.String(), "severity": pl.String(), "value": pl.Float64(),
    "since": TIME, "until": TIME,
}  # fmt: skip
_FURTHER: Mapping[str, pl.DataType] = {
    "description": pl.String(), "reading": pl.String(), "silenced": pl.Boolean(),
}  # fmt: skip
_UNITS: Mapping[str, Any] = {"value": "number", "since": "time", "until": "time"}
# What people read first.
_ORDER = ("firing", "no_data", "pending", "resolved", "ok")
_MARKS = {"firing": "FAIL", "no_data": "no data", "pending": "pending", "resolved": "resolved"}


def result_of(checked: Checked, *, now: datetime, tz: str, fail_on: Severity, command: str) -> Result:
    """Return a row per rule and group for which there is something to say, and one for each rule that is well.

    What only formats for CI read stands in `query`: see apilens.render.findings.
    """
    rows = [{**_row(alert), "silenced": alert in checked.silenced} for alert in checked.alerts]
    named = {alert.rule for alert in checked.alerts}
    for rule in checked.rules:
        if rule.name not in named:
            state = "no_data" if rule.name in checked.unknown else "ok"
            rows.append({"name": rule.name, "kind": rule.kind, "state": state, "severity": rule.severity})
    groups = list(dict.fromkeys(name for alert in checked.alerts for name in alert.group))
    links = dict.fromkeys(f"{PREFIX}{name}" for alert in checked.alerts for name in alert.links)
    columns = {**_COLUMNS, **dict.fromkeys([*groups, *links], pl.String()), **_FURTHER}
    frame = pl.DataFrame([{name: row.get(name) for name in columns} for row in rows], schema=columns)
    return Result(
        kind="check",
        title="Check",
        tables=(Table("alerts", tuple(_field(name) for name in columns), frame),),
        query={
            "rules": checked.file,
            "tz": tz,
            "now": iso(now),
            "fail_on": fail_on,
            "lines": dict(checked.lines),
            "by": {rule.name: list(rule.by) for rule in checked.rules},
            **_window(checked),
        },
        header=tuple(_stale_words(checked)),
        notes=(closing_line(checked),),
        command=command,
    )


def is_failing(alert: Alert, checked: Checked, fail_on: Severity) -> bool:
    """Say whether an alert makes a check fail: it fires, or did in the window of time that was asked about."""
    wanted = ("firing", "resolved") if checked.fixed else ("firing",)
    return alert.state in wanted and alert not in checked.silenced and RANK[alert.severity] >= RANK[fail_on]


def exit_code(checked: Checked, fail_on: Severity) -> int:
    """Return what a check comes to: the worst of an input without data, a message nobody took, a rule that fires."""
    if checked.stale:
        return EXIT_INPUT
    if checked.unsent:
        return EXIT_NOTIFY
    return EXIT_FIRING if any(is_failing(alert, checked, fail_on) for alert in checked.alerts) else EXIT_FINE


def closing_line(checked: Checked) -> str:
    """Return how many rules passed and failed, and for how many nothing can be said."""
    failed = {alert.rule for alert in checked.alerts if is_failing(alert, checked, "warning")}
    unknown = set(checked.unknown) - failed
    silenced = {alert.rule for alert in checked.silenced} - failed - unknown
    passed = [rule for rule in checked.rules if rule.name not in failed | unknown | silenced]
    further = ((unknown, "without data"), (silenced, "silenced"))
    words = [f"{len(names)} {what}" for names, what in further if names]
    return ", ".join([f"{len(passed)} passed", f"{len(failed)} failed", *words])


def has_news(checked: Checked) -> bool:
    """Say whether there is anything that people must know."""
    loud = any(alert.state in ("firing", "no_data") and alert not in checked.silenced for alert in checked.alerts)
    return loud or bool(checked.unsent) or bool(checked.messages) or bool(checked.fixed and checked.alerts)


def text_lines(checked: Checked, *, most: int | None) -> list[str]:
    """Return a line per alert, the worst first, at most so many per rule."""
    lines = []
    shown: dict[str, int] = {}
    for alert in sorted(checked.alerts, key=lambda alert: (_ORDER.index(alert.state), -RANK[alert.severity])):
        if alert in checked.silenced:
            continue
        shown[alert.rule] = shown.get(alert.rule, 0) + 1
        if most is None or shown[alert.rule] <= most:
            lines.append(_line(alert))
        if shown[alert.rule] == 1:
            lines += [f"{'':8}  {name}: {url}" for name, url in alert.links.items()]
    for name, count in shown.items():
        if most is not None and count > most:
            lines.append(f"{name}: and {count - most:,} more groups; --limit all shows them")
    return lines


def _field(name: str) -> Field:
    return Field(name, _UNITS.get(name, "text"), optional=True)


def _row(alert: Alert) -> dict[str, Any]:
    return {
        "name": alert.rule, "kind": alert.kind, "state": alert.state, "severity": alert.severity, "value": alert.value,
        "since": alert.since, "until": alert.until, **alert.group,
        "description": alert.description or None, "reading": alert.reading or None,
        **{f"{PREFIX}{name}": url for name, url in alert.links.items()},
    }  # fmt: skip


def _line(alert: Alert) -> str:
    when = f"{alert.since:%m-%d %H:%M}–{alert.until:%m-%d %H:%M}" if alert.until else f"since {alert.since:%m-%d %H:%M}"
    what = both(alert.description, alert.reading)
    parts = [f"{_MARKS[alert.state]:<8}", f"{alert.severity:<8}", alert.rule]
    group = group_text(alert.group, claimed=alert.claimed)
    return "  ".join([*parts, *([group] if group else []), what, when])


def _window(checked: Checked) -> dict[str, Any]:
    return {"since": iso(checked.fixed.since), "until": iso(checked.fixed.until)} if checked.fixed else {}


def _stale_words(checked: Checked) -> Iterable[str]:
    for stale in checked.stale:
        name = " · ".join(f"{key} {value}" for key, value in stale.group.items() if value) or "the store"
        yield f"no data: the newest event of {name} is of {stale.newest:%Y-%m-%d %H:%M} UTC"
