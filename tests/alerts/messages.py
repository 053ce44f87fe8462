"""Messages to send, made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from apilens.alerts.alert import Alert, Message, Reason

AT = datetime(2026, 11, 22, 15, tzinfo=UTC)
SINCE = datetime(2026, 11, 22, 14, tzinfo=UTC)


def alert(account: str | None = "initech", **others: Any) -> Alert:
    made: dict[str, Any] = {
        "rule": "expired-tokens", "kind": "condition", "state": "firing", "severity": "critical",
        "group": {"account": account}, "since": SINCE, "value": 515.0, "unit": "count", "values": {"requests": 515.0},
        "condition": "requests >= 100", "command": f"apilens report --account {account}",
    }  # fmt: skip
    return Alert(**made | others)


def message(*alerts: Alert, reason: Reason = "firing", channel: str = "hook", **others: Any) -> Message:
    told: Sequence[Alert] = alerts or (alert(),)
    made: dict[str, Any] = {
        "id": "0123abcd", "channel": channel, "reason": reason, "rule": told[0].rule, "severity": told[0].severity,
        "alerts": tuple(told), "at": AT,
    }  # fmt: skip
    return Message(**made | others)
