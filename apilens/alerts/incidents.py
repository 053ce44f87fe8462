"""From moments at which a rule held to incidents: pending, firing, over; one per group, as bad as it is now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import msgspec
import polars as pl

from apilens.alerts.alert import Severity
from apilens.alerts.judging import AT, CLAIMED, SEVERITY, VALUE, Moments

RANK: Mapping[Severity, int] = {"warning": 0, "critical": 1}

Group = dict[str, str | None]


class Incident(msgspec.Struct, frozen=True):
    """A group for which a rule holds, or did until `until`.

    since: when it began to be in this state. held: the last moment at which the rule held. worst: how bad it was at
    most, severity: how bad it was then.
    """

    group: Group
    state: Literal["pending", "firing"]
    since: datetime
    held: datetime
    severity: Severity
    worst: Severity
    value: float | None
    values: dict[str, float | None]
    claimed: bool
    until: datetime | None = None

    @property
    def key(self) -> str:
        """Tells the groups of a rule apart, whatever their names hold."""
        return key_of(self.group)


@dataclass(frozen=True, slots=True)
class Course:
    """How the incidents of a rule went: those that are over, those of the last complete moment, and those of now.

    held: the incidents at the last moment up to which all events had come, from which the next run goes on.
    """

    over: tuple[Incident, ...]
    held: tuple[Incident, ...]
    now: tuple[Incident, ...]


def key_of(group: Mapping[str, str | None]) -> str:
    """Return what tells the groups of a rule apart."""
    return msgspec.json.encode(sorted(group.items())).decode()


def follow(
    before: Iterable[Incident], hits: pl.DataFrame, *, by: Sequence[str], moments: Moments, complete: datetime,
    for_: timedelta, keep_for: timedelta,
) -> Course:  # fmt: skip
    """Return how incidents went on over the moments. complete: what comes after it may change with late events."""
    known = {incident.key: incident for incident in before}
    found = _by_group(hits, by)
    over: list[Incident] = []
    held: list[Incident] = []
    now: list[Incident] = []
    times = moments.times()
    settled = sum(moment <= complete for moment in times)
    for key in {**known, **found}:
        incident, group_hits = known.get(key), found.get(key, {})
        for moment in times[:settled]:
            incident, ended = _step(incident, group_hits.get(moment), moment, for_, keep_for)
            over += ended
        held += [incident] if incident else []
        for moment in times[settled:]:
            incident, ended = _step(incident, group_hits.get(moment), moment, for_, keep_for)
            over += ended
        now += [incident] if incident else []
    return Course(tuple(over), tuple(held), tuple(now))


def _by_group(hits: pl.DataFrame, by: Sequence[str]) -> dict[str, dict[datetime, Incident]]:
    """Return, for each group, what an incident that began at a moment would be."""
    metrics = [name for name in hits.columns if name not in by and not name.startswith("#")]
    found: dict[str, dict[datetime, Incident]] = {}
    for row in hits.iter_rows(named=True):
        group = {name: text_of(row[name]) for name in by}
        moment, severity = row[AT], row[SEVERITY]
        incident = Incident(
            group, "pending", moment, moment, severity, severity, row[VALUE], {name: row[name] for name in metrics},
            bool(row[CLAIMED]),
        )  # fmt: skip
        found.setdefault(incident.key, {})[moment] = incident
    return found


def _step(
    incident: Incident | None, hit: Incident | None, moment: datetime, for_: timedelta, keep_for: timedelta
) -> tuple[Incident | None, list[Incident]]:
    """Return the incident after a moment, and it in the list where it ended there."""
    if hit is not None:
        worst = hit.severity
        if incident is not None:
            worst = max(worst, incident.worst, key=RANK.__getitem__)
            hit = msgspec.structs.replace(hit, state=incident.state, since=incident.since, worst=worst)
        if hit.state == "pending" and moment - hit.since >= for_:
            hit = msgspec.structs.replace(hit, state="firing", since=moment)
        return hit, []
    if incident is None or incident.state == "pending":
        return None, []
    if moment - incident.held <= keep_for:
        return incident, []
    return None, [msgspec.structs.replace(incident, until=moment)]


def text_of(value: Any) -> str | None:
    """Return a value of a dimension as groups have it."""
    if isinstance(value, date):
        return value.isoformat().replace("+00:00", "Z")
    return None if value is None else str(value)
