"""A message in words: a title, a line for each of its groups, and what is left out."""

from __future__ import annotations

import re
from typing import cast, get_args

from apilens.alerts.alert import Alert, Message
from apilens.render.cells import UNATTRIBUTED, human, whole
from apilens.render.safe import safe
from apilens.result import Field, Unit

# Of a thousand groups nobody reads more than these.
MOST_GROUPS = 20
_MOST_CHARACTERS, _MOST_NOTES = 300, 5
_HAPPENS = {"firing": "fires", "repeat": "still fires", "resolved": "is over", "no_data": "cannot be judged"}


def title(message: Message) -> str:
    """Return one line: `[critical] expired-tokens fires: initech`, or `… fires for 1,000 groups`."""
    what = happening(message)
    if len(message.alerts) > 1:
        return short(f"{what} for {len(message.alerts):,} groups")
    who = group(message.alerts[0]) if message.alerts else ""
    return short(f"{what}: {who}" if who else what)


def happening(message: Message) -> str:
    """Return what happens, without to whom: `[critical] expired-tokens fires`."""
    return f"[{message.severity}] {message.rule} {_HAPPENS[message.reason]}"


def lines(message: Message, most: int = MOST_GROUPS) -> list[str]:
    """Return a line for each of the first groups, and one that counts the others."""
    left = len(message.alerts) - most
    return [line(alert) for alert in message.alerts[:most]] + ([f"and {left:,} more"] if left > 0 else [])


def line(alert: Alert) -> str:
    """Return one group in a line: who, what its rule says of it or its number, since when."""
    numbers = " ".join(part for part in (number(alert), bracketed(alert.condition)) if part)
    what = alert.description or alert.reading or numbers
    until = f"{alert.until:%Y-%m-%d %H:%M}" if alert.until else ""
    when = f"{alert.since:%Y-%m-%d %H:%M} to {until} UTC" if until else f"since {alert.since:%Y-%m-%d %H:%M} UTC"
    said = ", ".join(part for part in (what, when) if part)
    return short(f"{who}: {said}" if (who := _unsaid(alert)) else said)


def _unsaid(alert: Alert) -> str:
    """Return the group, where the description does not name all of it already."""
    named = all(value is not None and _is_word(value, alert.description) for value in alert.group.values())
    return group(alert) if alert.claimed or not named else ""


def _is_word(value: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) is not None


def group(alert: Alert) -> str:
    """Return the values of a group: `initech, POST /v2/data`; empty for a rule over everything."""
    shown = [UNATTRIBUTED if value is None else value for value in alert.group.values()]
    return ", ".join(shown) + (" (claimed)" if alert.claimed and shown else "")


def number(alert: Alert) -> str:
    """Return the value as people read it; empty where there is none."""
    unit = cast(Unit, alert.unit) if alert.unit in get_args(Unit) else "number"
    return "" if alert.value is None else human(whole(alert.value), Field("value", unit))


def bracketed(condition: str) -> str:
    """Return a condition in brackets."""
    return f"({condition})" if condition else ""


def more(message: Message) -> list[str]:
    """Return what comes behind the groups: notes, and the command and links that show the first group's requests."""
    first = message.alerts[:1]
    commands = [f"try: {alert.command}" for alert in first if alert.command]
    links = [f"{name}: {url}" for alert in first for name, url in alert.links.items()]
    return [short(text) for text in (*message.notes[:_MOST_NOTES], *commands, *links[:_MOST_NOTES])]


def short(text: str, most: int = _MOST_CHARACTERS) -> str:
    """Return a text that does nothing to who shows it, cut where it is too long."""
    shown = safe(text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def ascii_id(message: Message) -> str:
    """Return the id of a message as headers can hold it."""
    return re.sub("[^A-Za-z0-9_.-]", "_", message.id)[:128]
