"""A message as JSON, for programs: the same for a webhook and for a file. Fields are only ever added."""

from __future__ import annotations

import dataclasses
from typing import Any

from apilens.alerts import words
from apilens.alerts.alert import Alert, Message
from apilens.render.cells import jsonable

# What programs get in one message; people get fewer.
MOST_GROUPS = 1_000


def document(message: Message) -> dict[str, Any]:
    """Return `apilens.message/1`: what happened, and every group with its numbers; `more` counts those left out."""
    return {
        "schema": "apilens.message/1",
        "id": message.id,
        "reason": message.reason,
        "rule": message.rule,
        "severity": message.severity,
        "at": jsonable(message.at),
        "title": words.title(message),
        "alerts": [_alert(alert) for alert in message.alerts[:MOST_GROUPS]],
        "more": max(len(message.alerts) - MOST_GROUPS, 0),
        "notes": list(message.notes),
    }


def _alert(alert: Alert) -> dict[str, Any]:
    """Return an alert without what only its author wants to know: where the rule stands."""
    values = {
        field.name: getattr(alert, field.name)
        for field in dataclasses.fields(alert)
        if field.name not in ("file", "line")
    }
    values = {name: dict(value) if hasattr(value, "items") else value for name, value in values.items()}
    made: dict[str, Any] = jsonable({"key": alert.key, **values, "text": words.line(alert)})
    return made
