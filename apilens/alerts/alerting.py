"""Incidents of a rule as alerts: worded, labelled, with the command that shows the requests behind them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from apilens.alerts.alert import Alert, State
from apilens.alerts.incidents import Incident
from apilens.alerts.rule import Rule, described
from apilens.alerts.stated import stated, value_text
from apilens.dimensions import BY_NAME as DIMENSIONS
from apilens.render.cells import iso
from apilens.result import Unit
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
        # The values are those of the last moment that held, whose condition may not be that of the worst one.
        reading=stated(rule, incident.severity, incident.values, units),
        description=described(rule.description, _words(rule, incident, units, severity)), labels=rule.labels,
        claimed=incident.claimed, command=command_of(rule, incident), file=file, line=line,
    )  # fmt: skip


def group_text(group: Mapping[str, str | None], *, claimed: bool = False) -> str:
    """Return a group in one line; claimed: its account is one that the request named and the server refused."""
    words = [UNKNOWN if value is None else f"{value} (claimed)" if claimed and name == "account" else value
             for name, value in group.items()]  # fmt: skip
    return ", ".join(words)


def command_of(rule: Rule, incident: Incident) -> str:
    """Return the command that breaks the events of an incident down, beside those it is compared with if there are."""
    where = [*rule.filters, *(equals(name, value) for name, value in incident.group.items())]
    further = [name for name in ("account", "endpoint", "status") if name not in incident.group][:2]
    words = ["apilens", "report", "--by", ",".join(further)]
    for text in where:
        words += ["--where", text]
    words += ["--since", iso(_start(rule, incident)), "--until", iso(incident.held)]
    return shell_line([*words, *(["--compare", rule.beside] if rule.beside else [])])


def _start(rule: Rule, incident: Incident) -> datetime:
    # What is compared is the window of the last moment: another one would be compared with other time.
    first = incident.held if rule.beside else min(incident.since, incident.held)
    return first - max(rule.width(), timedelta(seconds=1))


def equals(name: str, value: str | None) -> str:
    """Return the condition on events that a dimension has a value of a group."""
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
