"""Whether everything is as it should be, a row per check.

To add a check: a function Patient → Finding in the file of what it looks at, and a line in CHECKS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from apilens.doctor import channels, events, layers, machine, settings, store
from apilens.doctor.base import Finding, Patient
from apilens.result import Field, Result, Table

# The order is that of causes: what fails above explains what fails below.
CHECKS: Mapping[str, Callable[[Patient], Finding]] = {
    "config": settings.config,
    "secrets": settings.secrets,
    "store": store.store,
    "permissions": store.permissions,
    "disk": store.disk,
    "hash_key": store.hash_key,
    "up_to_date": store.up_to_date,
    "freshness": events.freshness,
    "hit_rate": events.hit_rate,
    "attribution": events.attribution,
    "layers": layers.layers,
    "clock": events.clock,
    "channels": channels.channels,
    "versions": machine.versions,
}
_COLUMNS = ("check", "state", "what", "advice")


def examine(patient: Patient) -> Result:
    """Return a row for each check: its name, `ok`, `warn` or `fail`, what was found, what to do."""
    found = {name: check(patient) for name, check in CHECKS.items()}
    rows = pl.DataFrame(
        [(name, item.state, item.what, item.advice or None) for name, item in found.items()],
        schema=dict.fromkeys(_COLUMNS, pl.String), orient="row",
    )  # fmt: skip
    # On a narrow terminal the column of advice has no room.
    todo = [f"{name}: {item.advice}" for name, item in found.items() if item.state != "ok" and item.advice]
    states = [item.state for item in found.values()]
    return Result(
        kind="doctor",
        title="Doctor",
        tables=(Table("checks", tuple(Field(name) for name in _COLUMNS), rows),),
        query={"store": str(patient.place), "config": str(patient.config) if patient.config else None},
        notes=(
            *todo,
            f"{states.count('ok')} ok, {states.count('warn')} to look at, {states.count('fail')} failed",
        ),
        command="apilens doctor",
    )
