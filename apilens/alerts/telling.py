"""What there is to tell: a message when an incident begins or gets worse, again after `repeat`, and when it ends."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from apilens.alerts.alert import Alert, Message, Reason
from apilens.alerts.incidents import RANK, key_of
from apilens.alerts.memory import Told
from apilens.alerts.silences import Silence

# Alert → the channels that hear of it.
Route = Callable[[Alert], Sequence[str]]
_REPEAT = timedelta(hours=4)
_GONE = "the rule is gone, or switched off"


@dataclass(slots=True)
class News:
    """What a check has to say of one rule, by reason, and what was said of each group once that is said."""

    told: dict[str, Told]
    alerts: dict[Reason, list[tuple[Alert, tuple[str, ...]]]] = field(default_factory=dict)

    def say(self, reason: Reason, alert: Alert, channels: Sequence[str], now: datetime) -> None:
        """Say something of a group, and remember it."""
        key = key_of(alert.group)
        before = self.told.get(key)
        times = before.times + 1 if before and before.alert.since == alert.since else 1
        self.alerts.setdefault(reason, []).append((alert, tuple(channels)))
        self.told[key] = Told(alert, tuple(channels), now, times)


@dataclass(frozen=True, slots=True)
class Telling:
    """How news are told: when, to whom, what of them not, and rule → after what time again (others: 4 h)."""

    now: datetime
    route: Route
    silences: Sequence[Silence]
    repeats: Mapping[str, timedelta]

    def is_silenced(self, alert: Alert) -> bool:
        """Say whether nobody is told of an alert."""
        return any(silence.holds(alert, self.now) for silence in self.silences)

    def tell(
        self, by_rule: Mapping[str, Sequence[Alert]], told: Mapping[str, dict[str, Told]], *, frozen: Collection[str]
    ) -> tuple[dict[str, dict[str, Told]], list[Message]]:
        """Return what was told from now on, and the messages that tell it. frozen: rules that could not be judged."""
        known: dict[str, dict[str, Told]] = {}
        messages: list[Message] = []
        for rule in dict.fromkeys([*by_rule, *told]):
            if rule in frozen:
                known[rule] = told.get(rule, {})
                continue
            alerts = [alert for alert in by_rule.get(rule, ()) if alert.state != "pending"]
            news = news_of(
                alerts, told.get(rule, {}), repeat=self.repeats.get(rule, _REPEAT), now=self.now, route=self.route,
                silenced=self.is_silenced,
            )  # fmt: skip
            messages += messages_of(news, now=self.now, notes=() if rule in by_rule else (_GONE,))
            known[rule] = news.told
        return known, messages


def is_told(alert: Alert, before: Told | None) -> bool:
    """Say whether an alert is of an incident whose end was told."""
    return before is not None and before.alert.until is not None and alert.since < before.alert.until


def waiting(before: tuple[Message, ...], new: Sequence[Message]) -> tuple[Message, ...]:
    """Return the messages to send: of reminders that nobody took, only the latest."""
    again = {(message.channel, message.rule) for message in new if message.reason == "repeat"}
    kept = (item for item in before if item.reason != "repeat" or (item.channel, item.rule) not in again)
    return (*kept, *new)


def news_of(
    alerts: Iterable[Alert], told: Mapping[str, Told], *, repeat: timedelta, now: datetime, route: Route,
    silenced: Callable[[Alert], bool],
) -> News:  # fmt: skip
    """Return what is to be said of a rule whose incidents are these: over or going on, in the order of their times.

    told: what was said before, by group; what is not among `alerts` has ended. Silenced ones are left out, and told
    when the silence ends; an end is told to whom the beginning was.
    """
    news = News(dict(told))
    going_on = set()
    for alert in alerts:
        key = key_of(alert.group)
        before = news.told.get(key)
        if is_told(alert, before):
            continue
        if alert.state != "resolved":
            going_on.add(key)
        reason = _reason(alert, before, repeat, now)
        if reason and not silenced(alert):
            # What began and ended since the last check is told as both: a receiver that opens incidents must open it.
            begun = replace(alert, state="firing", until=None) if alert.state == "resolved" else alert
            news.say(reason, begun, route(alert), now)
        opened = news.told.get(key)
        if alert.state == "resolved" and opened and opened.alert.until is None:
            news.say("resolved", alert, opened.channels, now)
    for key, before in list(news.told.items()):
        if before.alert.until is None and key not in going_on:
            news.say("resolved", replace(before.alert, state="resolved", until=now), before.channels, now)
    return news


def _reason(alert: Alert, before: Told | None, repeat: timedelta, now: datetime) -> Reason | None:
    first: Reason = "no_data" if alert.state == "no_data" else "firing"
    if before is None or before.alert.until is not None:
        return first
    if RANK[alert.severity] > RANK[before.alert.severity]:
        return first
    # A clock that was set back must not silence anything for long, nor send a burst.
    due = now - before.at >= repeat
    return "repeat" if due and alert.state != "resolved" else None


def messages_of(news: News, *, now: datetime, notes: tuple[str, ...] = ()) -> list[Message]:
    """Return a message per reason and channel, with all groups that are news there, the worst first."""
    made = []
    for reason, said in news.alerts.items():
        for channel in sorted({channel for _, channels in said for channel in channels}):
            alerts = sorted((alert for alert, channels in said if channel in channels), key=_worst_first)
            made.append(_message(reason, channel, alerts, news, now, notes))
    return made


def _message(
    reason: Reason, channel: str, alerts: list[Alert], news: News, now: datetime, notes: tuple[str, ...]
) -> Message:
    parts = [channel, reason]
    for alert in alerts:
        # The same incident told for the n-th time, whichever run tells it.
        parts += [alert.key, alert.since.isoformat(), str(news.told[key_of(alert.group)].times), alert.severity]
    id = hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()
    worst = alerts[0].severity
    return Message(
        id=id, channel=channel, reason=reason, rule=alerts[0].rule, severity=worst, alerts=tuple(alerts), at=now,
        notes=notes,
    )  # fmt: skip


def _worst_first(alert: Alert) -> tuple[int, float, str]:
    return -RANK[alert.severity], -(alert.value or 0.0), alert.key
