"""When rules would have fired over a time that is past: how often, how long, for whom, and with other thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import polars as pl

from apilens.alerts.alert import Alert
from apilens.alerts.alerting import group_text
from apilens.alerts.check import alerts_of
from apilens.alerts.judge import Ground, Turn, judge
from apilens.alerts.judging import Moments
from apilens.alerts.kinds.condition import ConditionRule, When
from apilens.alerts.pacing import spaced
from apilens.alerts.rule import Rule
from apilens.alerts.rules import Rules
from apilens.alerts.thresholds import scaled
from apilens.heading import iso
from apilens.result import Field, Result, Table, Unit
from apilens.schema import TIME
from apilens.window import Window

FACTORS = (0.5, 2.0, 4.0)
_UNITS: dict[str, Unit] = {
    "incidents": "count", "groups": "count", "firing_ms": "ms", "at_half": "count", "at_double": "count",
    "at_quadruple": "count", "since": "time", "until": "time", "value": "number",
}  # fmt: skip
_RULES: dict[str, pl.DataType] = {
    "name": pl.String(), "incidents": pl.Int64(), "groups": pl.Int64(), "firing_ms": pl.Float64(),
    "at_half": pl.Int64(), "at_double": pl.Int64(), "at_quadruple": pl.Int64(),
}  # fmt: skip
_INCIDENTS: dict[str, pl.DataType] = {
    "name": pl.String(), "group": pl.String(), "severity": pl.String(), "value": pl.Float64(), "since": TIME,
    "until": TIME,
}  # fmt: skip


def backtest(ground: Ground, rules: Rules, window: Window, *, tz: str, limit: int | None, command: str) -> Result:
    """Return how every rule would have fared in a window of time: a row per rule, and one per incident.

    Moments are a sixth of a rule's window apart at least: what is shorter may be missed. Those of a rule that compares
    are `most_moments` in all.
    """
    assert window.since is not None and window.until is not None
    rows, incidents = [], []
    for rule in rules.enabled:
        alerts = _alerts(ground, rules, rule, window)
        others = [
            len(_alerts(ground, rules, changed, window)) if (changed := _scaled(rule, factor)) else None
            for factor in FACTORS
        ]
        firing = sum(((alert.until or window.until) - alert.since for alert in alerts), timedelta())
        rows.append((rule.name, len(alerts), len({alert.key for alert in alerts}), firing / timedelta(milliseconds=1),
                     *others))  # fmt: skip
        incidents += [_incident(alert) for alert in sorted(alerts, key=lambda alert: alert.since)]
    shown = incidents if limit is None else incidents[:limit]
    left = len(incidents) - len(shown)
    return Result(
        kind="backtest",
        title="Rules over the past",
        tables=(_table("rules", _RULES, rows), _table("incidents", _INCIDENTS, shown)),
        query={"rules": rules.file, "tz": tz, "since": iso(window.since), "until": iso(window.until)},
        notes=(f"and {left:,} more incidents; --limit all shows them",) if left else (),
        command=command,
    )


def _alerts(ground: Ground, rules: Rules, rule: Rule, window: Window) -> list[Alert]:
    assert window.since is not None and window.until is not None
    length = window.until - window.since
    coarse = spaced(rule, length, least=_least(rule)) if isinstance(rule, ConditionRule) else rule
    turn = Turn(coarse, Moments.after(window.since, window.until, coarse.pace))
    [outcome] = judge(ground, [turn], complete=window.until)
    return [alert for alert in alerts_of(outcome, rules) if alert.state != "pending"]


def _least(rule: Rule) -> timedelta:
    return timedelta(seconds=max(int((rule.width() / 6).total_seconds()), 1))


def _scaled(rule: Rule, factor: float) -> Rule | None:
    """Return a rule with its thresholds multiplied, None where it has none."""
    if not isinstance(rule, ConditionRule):
        return None
    by_severity = {severity: scaled(text, factor) for severity, text in rule.conditions().items()}
    return msgspec.structs.replace(rule, when=When(**by_severity))


def _incident(alert: Alert) -> tuple[Any, ...]:
    since: datetime = alert.since
    return alert.rule, group_text(alert.group, claimed=alert.claimed), alert.severity, alert.value, since, alert.until


def _table(name: str, columns: dict[str, pl.DataType], rows: Sequence[tuple[Any, ...]]) -> Table:
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    return Table(name, tuple(Field(column, _UNITS.get(column, "text")) for column in columns), frame)
