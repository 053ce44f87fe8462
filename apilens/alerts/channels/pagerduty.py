"""PagerDuty, by its Events API v2: an incident for every group, which ends when the group is well again."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from apilens.alerts import words
from apilens.alerts.alert import Alert, Message
from apilens.alerts.outlet import Outlet
from apilens.errors import DeliveryError
from apilens.render.cells import jsonable
from apilens.render.json import dumps

_ADDRESS = "https://events.pagerduty.com/v2/enqueue"
# The limits of the API, in characters.
_SUMMARY, _KEY = 1_024, 255
_MOST_LINKS = 10


def payload(message: Message, outlet: Outlet) -> str:
    """Return the events that PagerDuty gets, one JSON document each."""
    return "\n".join(dumps(event, indent=2) for event in _events(message, outlet))


def send(message: Message, outlet: Outlet) -> None:
    """Post an event for each group. Raises DeliveryError, which says how many of them are through."""
    for number, event in enumerate(_events(message, outlet)):
        try:
            outlet.client.request(
                outlet.secrets.get("url", _ADDRESS), json.dumps(event).encode(), {"Content-Type": "application/json"}
            )
        except DeliveryError as error:
            error.done = number
            raise


def _events(message: Message, outlet: Outlet) -> list[dict[str, Any]]:
    """Return the events. Every group is resolved that may have been triggered, the first ones only are triggered."""
    if message.reason == "resolved":
        return [_event("resolve", alert, outlet) for alert in message.alerts]
    triggered = message.alerts[: words.MOST_GROUPS]
    return [{**_event("trigger", alert, outlet), **_details(alert, message)} for alert in triggered]


def _event(action: str, alert: Alert, outlet: Outlet) -> dict[str, Any]:
    return {"routing_key": outlet.secrets["key"], "event_action": action, "dedup_key": dedup_key(alert)}


def dedup_key(alert: Alert) -> str:
    """Return the key of the incident: that of the alert, shortened where it is too long but still its own."""
    if len(alert.key) <= _KEY:
        return alert.key
    digest = hashlib.sha256(alert.key.encode("utf-8", "replace")).hexdigest()
    return f"{alert.key[: _KEY - len(digest) - 1]}#{digest}"


def _details(alert: Alert, message: Message) -> dict[str, Any]:
    left = len(message.alerts) - words.MOST_GROUPS
    details = {
        "condition": alert.condition, "group": dict(alert.group), "values": dict(alert.values),
        "since": alert.since, "labels": dict(alert.labels), "command": alert.command, "notes": list(message.notes),
        "others": f"and {left:,} more groups" if left > 0 else "",
    }  # fmt: skip
    links = [{"href": url, "text": words.short(name)} for name, url in alert.links.items() if url.startswith("http")]
    return {
        "client": "apilens",
        "payload": {
            "summary": words.short(f"{words.happening(message)}: {words.line(alert)}", _SUMMARY),
            "source": "apilens",
            "severity": alert.severity,
            "timestamp": jsonable(message.at),
            "component": alert.rule,
            "class": alert.kind,
            "custom_details": jsonable({name: value for name, value in details.items() if value}),
        },
        **({"links": links[:_MOST_LINKS]} if links else {}),
    }
