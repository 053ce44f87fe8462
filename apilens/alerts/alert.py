"""What rules say and channels hear: the waist between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

State = Literal["ok", "pending", "firing", "resolved", "no_data"]
Severity = Literal["warning", "critical"]
# Why a message is sent: an incident began or got worse, it goes on after `repeat`, it ended, nothing could be judged.
Reason = Literal["firing", "repeat", "resolved", "no_data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One rule on one group, as of one evaluation.

    group: dimension → its value, empty for a rule over everything. value: what the rule's condition compares first,
    with `unit` as in metrics. values: every metric of the condition. reading: in words, what they are and what they are
    compared with. since: when this state began; until: when it
    ended, for resolved ones. claimed: the account is one that the request named and the server refused.
    command: shows the requests behind it. links: name → URL, from `links:` of apilens.yaml.
    """

    rule: str
    kind: str
    state: State
    severity: Severity
    group: Mapping[str, str | None]
    since: datetime
    until: datetime | None = None
    value: float | None = None
    unit: str = "number"
    values: Mapping[str, float | None] = field(default_factory=dict)
    condition: str = ""
    reading: str = ""
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    claimed: bool = False
    command: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    line: int = 0

    @property
    def key(self) -> str:
        """Identifies the incident for as long as it lasts, on every run and every channel: rule and group."""
        return "|".join(
            [self.rule, *(f"{name}={'' if value is None else value}" for name, value in self.group.items())]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one channel is told about one rule: all its groups of which there is news, the worst first.

    id: the same for every attempt to send it, so that receivers which can drop doubles do. at: the evaluation.
    """

    id: str
    channel: str
    reason: Reason
    rule: str
    severity: Severity
    alerts: tuple[Alert, ...]
    at: datetime
    notes: tuple[str, ...] = ()
