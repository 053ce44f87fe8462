"""Incidents of a rule as alerts: worded, labelled, with the command that shows the requests behind them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import cast

from apilens.alerts.alert import Alert, State
from apilens.alerts.incidents import Incident
from apilens.alerts.rule import Rule, described
from apilens.dimensions import BY_NAME as DIMENSIONS
from apilens.render.cells import human, iso
from apilens.result import Field, Unit
from apilens.shell import shell_line

UNKNOWN = "(unattributed)"


def alert_of(rule: Rule, incident: Incident, units: Mapping[str, Unit], *, file: str, line: int) -> Alert:
    """Return what is said of an incident. units: of its metrics, the first being the one that is compared first."""
    state: State = "resolved" if incident.until else incident.state
    severity = incident.worst if incident.until else incident.severity
    unit: Unit = next(iter(units.values()), "number")
    return Alert(
        rule=rule.name, kind=rule.kind, state=state, severity=severity, group=incident.group, since=incident.since,
        until=incident.until, value=incident.value, unit=unit, values=incident.values, condition=rule.condition(),
        description=described(rule.description, _words(rule, incident, units, severity)), labels=rule.labels,
        claimed=incident.claimed, command=command_of(rule, incident), file=file, line=line,
    )  # fmt: skip


def group_text(group: Mapping[str, str | None], *, claimed: bool = False) -> str:
    """Return a group in one line; claimed: its account is one that the request named and the server refused."""
    words = [UNKNOWN if value is None else f"{value} (claimed)" if claimed and name == "account" else value
             for name, value in group.items()]  # fmt: skip
    return ", ".join(words)


def value_text(value: float | None, unit: str) -> str:
    """Return a number as people read it."""
    if value is None:
        return "·"
    if unit == "time":
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC"
    whole = unit in ("count", "number") and value.is_integer()
    return human(int(value) if whole else value, Field("value", cast(Unit, unit)))


def command_of(rule: Rule, incident: Incident) -> str:
    """Return the command that breaks the events of an incident down."""
    where = [*rule.filters, *(_equals(name, value) for name, value in incident.group.items())]
    further = [name for name in ("account", "endpoint", "status") if name not in incident.group][:2]
    words = ["apilens", "report", "--by", ",".join(further)]
    for text in where:
        words += ["--where", text]
    words += ["--since", iso(_start(rule, incident)), "--until", iso(incident.held)]
    return shell_line(words)


def _start(rule: Rule, incident: Incident) -> datetime:
    return min(incident.since, incident.held) - max(rule.width(), timedelta(seconds=1))


def _equals(name: str, value: str | None) -> str:
    if value is None:
        return f"{name} IS NULL"
    number = name in DIMENSIONS and DIMENSIONS[name].dtype.is_numeric()
    quoted = value.replace("'", "''")
    return f"{name} = {value}" if number else f"{name} = '{quoted}'"


def _words(rule: Rule, incident: Incident, units: Mapping[str, Unit], severity: str) -> dict[str, str]:
    group = {name: UNKNOWN if value is None else value for name, value in incident.group.items()}
    unit: Unit = next(iter(units.values()), "number")
    values = {name: value_text(value, units.get(name, "number")) for name, value in incident.values.items()}
    return {
        **values, **rule.labels, **group, "rule": rule.name, "severity": severity,
        "value": value_text(incident.value, unit), "since": f"{incident.since:%Y-%m-%d %H:%M} UTC",
        "group": group_text(incident.group, claimed=incident.claimed),
    }  # fmt: skip
