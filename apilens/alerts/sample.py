"""A message that nothing caused, for trying channels out."""

from __future__ import annotations

from datetime import datetime, timedelta

from apilens.alerts.alert import Alert, Message, Reason, State

_STATES: dict[Reason, State] = {"firing": "firing", "repeat": "firing", "resolved": "resolved", "no_data": "no_data"}


def sample(channel: str, reason: Reason, now: datetime) -> Message:
    """Return a message for a channel as a rule called `test` would send it."""
    over = reason == "resolved"
    alert = Alert(
        rule="test", kind="condition", state=_STATES[reason], severity="warning", group={"account": "acme"},
        since=now - timedelta(hours=1), until=now if over else None, value=515.0, unit="count",
        values={"requests": 515.0}, condition="requests >= 100", description="a test by `apilens notify test`",
        command="apilens report --account acme",
    )  # fmt: skip
    return Message(
        id=f"test-{now:%Y%m%dT%H%M%S}", channel=channel, reason=reason, rule="test", severity="warning",
        alerts=(alert,), at=now,
    )  # fmt: skip
