"""Tests of rules: made-up events, moments, and the alerts that are to fire then."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from apilens.accounts import accounts_of
from apilens.alerts.alert import Alert
from apilens.alerts.alerting import alert_of
from apilens.alerts.incidents import follow
from apilens.alerts.judging import Asked, Moments
from apilens.alerts.rule import Rule, length
from apilens.alerts.rules import Rules, load_rules
from apilens.alerts.trial_accounts import beside
from apilens.alerts.trial_events import START, events_of_line, events_of_row, offset
from apilens.config import Settings
from apilens.cost import priced
from apilens.deprecation_settings import things_in
from apilens.engine import frame
from apilens.errors import ConfigError, UsageError
from apilens.schema import TYPE_NAMES, dtypes
from apilens.yaml_nodes import Mistakes, Node, YamlMistake, read_yaml, typed


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A moment, and the alerts that fire at it: each a rule, the values of its group, and what else is to be so."""

    at: str
    alerts: tuple[dict[str, str | int | float | None], ...] = ()


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One test. events: lines that describe them; rows: events written out. checks, or `at` and `alerts` for one.

    accounts: account → columns `account.NAME`, cohorts: who is in them; beside, and before, what the file says.
    """

    name: str
    events: tuple[str, ...] = ()
    rows: tuple[dict[str, str | int | float | bool | None], ...] = ()
    at: str | None = None
    alerts: tuple[dict[str, str | int | float | None], ...] = ()
    checks: tuple[Check, ...] = ()
    accounts: dict[str, dict[str, str | int | float | bool | None]] = {}
    cohorts: dict[str, tuple[str, ...]] = {}

    @property
    def all_checks(self) -> tuple[Check, ...]:
        """Every check of it."""
        return (*([Check(self.at, self.alerts)] if self.at else []), *self.checks)


class TrialFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of tests, and the rules that they are about, taken from its folder. accounts, cohorts: of all tests."""

    rules: str
    tests: tuple[Trial, ...]
    accounts: dict[str, dict[str, str | int | float | bool | None]] = {}
    cohorts: dict[str, tuple[str, ...]] = {}

    def whole(self, trial: Trial) -> Trial:
        """Return a test with what is said of accounts for all of them."""
        return msgspec.structs.replace(
            trial, accounts=self.accounts | trial.accounts, cohorts=self.cohorts | trial.cohorts
        )


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a test at a moment: what was to fire and did not, and what fired and was not to."""

    place: str
    name: str
    at: str
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether it went as it was to go."""
        return not self.missing and not self.unexpected


def run_trials(path: Path, settings: Settings) -> list[Tried]:
    """Return what became of every test in a file. Raises ConfigError for what cannot be read in it or in its rules."""
    file, lines = _read(path)
    rules = load_rules(path.parent / file.rules, settings)
    found = []
    for number, trial in enumerate(file.tests):
        place = f"{path}:{lines[number]}"
        try:
            found += list(_tried(file.whole(trial), place, rules, settings))
        except UsageError as error:
            raise ConfigError(f"{place}: {trial.name}: {error.message}", hint=error.hint) from None
    return found


def _read(path: Path) -> tuple[TrialFile, list[int]]:
    name = os.fsencode(path).decode("utf-8", "backslashreplace")
    mistakes = Mistakes()
    try:
        root = read_yaml(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read {name}: {error.strerror}") from None
    except YamlMistake as mistake:
        raise ConfigError(f"{name}:{mistake.line}:{mistake.column}: {mistake.what}") from None
    file = typed(root or Node(1, "mapping"), TrialFile, mistakes)
    if mistakes.found or file is None:
        listed = mistakes.listed()
        raise ConfigError("\n".join(f"{name}:{line}:{column}: {what}" for line, column, what in listed))
    return file, [mistakes.lines.get(("tests", number), 1) for number in range(len(file.tests))]


def _tried(trial: Trial, place: str, rules: Rules, settings: Settings) -> Iterator[Tried]:
    kinds = {name: TYPE_NAMES[kind] for name, kind in settings.column_types().items()}
    columns = dtypes(kinds)
    parts = [*(events_of_line(line, columns) for line in trial.events),
             *(events_of_row(row, columns) for row in trial.rows)]  # fmt: skip
    events = pl.concat([pl.DataFrame(schema=columns), *parts]).sort("timestamp", maintain_order=True)
    numbered = events.with_columns(pl.int_range(1, events.height + 1, dtype=pl.Int64).alias("line"))
    if not trial.all_checks:
        raise UsageError("checks nothing", hint="at: 1h, and the alerts that fire then; or checks: [{at: 1h, …}]")
    for check in trial.all_checks:
        until = START + offset(check.at)
        fired = [alert for rule in rules.enabled for alert in _fired(rule, trial, numbered, columns, settings, until)]
        yield _compared(trial, check, place, fired)


def _fired(
    rule: Rule, trial: Trial, events: pl.DataFrame, columns: Mapping[str, pl.DataType], settings: Settings,
    until: datetime,
) -> list[Alert]:  # fmt: skip
    """Return the alerts of a rule that fire at a moment."""
    back = until - length(rule.for_) - length(rule.keep_firing_for)
    first = min(START, back)
    if rule.most_moments is not None:
        first = min(max(first, until - rule.most_moments * rule.pace), back)
    moments = Moments.after(first - timedelta(microseconds=1), until, rule.pace)
    things = things_in(settings.deprecated)
    costed, known = priced(frame(events), columns, settings.cost)
    texts = [*rule.texts, *rule.texts_of(things), settings.errors.condition or ""]
    accounts = accounts_of(trial.accounts) if trial.accounts else None
    whole, known = beside(costed, known, texts, accounts=accounts, members=trial.cohorts)
    asked = Asked(
        events=whole, columns=known, moments=moments, errors=settings.errors.condition, things=things, accounts=accounts
    )
    judged = rule.judge(asked)
    course = follow(
        (), judged.hits, by=rule.by, moments=moments, complete=until, for_=length(rule.for_),
        keep_for=length(rule.keep_firing_for),
    )  # fmt: skip
    alerts = [alert_of(rule, incident, judged.units, file="", line=0) for incident in course.now]
    return [alert for alert in alerts if alert.state == "firing"]


def _compared(trial: Trial, check: Check, place: str, fired: Sequence[Alert]) -> Tried:
    left = list(fired)
    missing = []
    for expected in check.alerts:
        alert = next((alert for alert in left if _fits(expected, alert)), None)
        if alert is None:
            missing.append(", ".join(f"{name}: {value}" for name, value in expected.items()))
        else:
            left.remove(alert)
    unexpected = tuple(_shown(alert) for alert in left)
    return Tried(place, trial.name, check.at, tuple(missing), unexpected)


def _fits(expected: Mapping[str, Any], alert: Alert) -> bool:
    has: dict[str, Any] = {
        **alert.labels, **alert.values, **alert.group, "rule": alert.rule, "severity": alert.severity,
        "value": alert.value, "description": alert.description,
    }  # fmt: skip
    return all(name in has and _same(has[name], value) for name, value in expected.items())


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, int | float):
        return abs(one - other) <= 1e-6
    return str(one) == str(other)


def _shown(alert: Alert) -> str:
    parts = {"rule": alert.rule, "severity": alert.severity, **alert.group, "value": alert.value}
    return ", ".join(f"{name}: {value}" for name, value in parts.items())
