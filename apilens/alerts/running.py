"""Checks as a command runs them: on the store since the last one, one at a time; or between two times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from apilens.alerts.alert import Alert
from apilens.alerts.check import INPUT_RULE, Checked, Deliver, check_now, check_window, send
from apilens.alerts.inputs import first_and_last, too_old
from apilens.alerts.judge import Ground
from apilens.alerts.memory import one_check, read_memory
from apilens.alerts.routes import channels_for
from apilens.alerts.rules import Rules
from apilens.alerts.silences import read_silences
from apilens.alerts.telling import Route
from apilens.channel_settings import Route as Channels
from apilens.errors import InputError
from apilens.window import Window, parse_window

_INSTANT = timedelta(microseconds=1)


def check_store(
    ground: Ground, rules: Rules, *, now: datetime, max_age: timedelta | None, say: Callable[[str], None],
    deliver: Deliver | None = None, remember: bool = True,
) -> Checked:  # fmt: skip
    """Return what a check of the store since the last one found, after those who are to know were told.

    remember: without it nobody is told, and the next check begins where this one did. deliver: without it nothing
    reaches a channel, and every message waits. Raises StoreBusy while another check runs.
    """
    path = ground.store.path

    def checked() -> Checked:
        memory, lost = read_memory(path)
        silences, broken = read_silences(path)
        for warning in (lost, broken):
            if warning:
                say(warning)
        found, known = check_now(
            ground, rules, memory, now=now, max_age=max_age, silences=silences,
            route=notified(rules, ground.settings.routes),
        )  # fmt: skip
        return send(ground, found, known, deliver or list, now) if remember else found

    if not remember:
        return checked()
    with one_check(path):
        return checked()


def check_between(
    ground: Ground, rules: Rules, since: str | None, until: str | None, *, now: datetime, max_age: timedelta | None
) -> Checked:
    """Return what fired between two times as --since and --until name them; an end that is open is that of the events.

    Raises InputError where there is nothing to judge, or nothing that is young enough.
    """
    window = parse_window(since, until, now=now, tz=ground.settings.tz)
    first, last = extent(ground)
    if max_age is not None and now - last > max_age:
        raise InputError(too_old(last, now, max_age), hint="does `apilens ingest` run?")
    start, end = window.since or first - _INSTANT, window.until or last + _INSTANT
    return check_window(ground, rules, Window(start, end), whole=window.until is None)


def is_complete(checked: Checked) -> bool:
    """Say whether every rule was judged on fresh input, and every message delivered."""
    return not checked.stale and not checked.unsent


def notified(rules: Rules, routes: Sequence[Channels]) -> Route:
    """Return which channels hear of an alert: those that its rule names, else those of `routes:`; of an input, those
    of its routes, else those that any rule names.
    """
    named = {rule.name: rule.notify for rule in rules.rules}
    everybody = tuple(dict.fromkeys(channel for channels in named.values() for channel in channels))

    def route(alert: Alert) -> tuple[str, ...]:
        notify = named.get(alert.rule, ())
        found = channels_for(alert.rule, alert.severity, labels=alert.labels, notify=notify, routes=routes)
        return found or (everybody if alert.rule == INPUT_RULE else ())

    return route


def extent(ground: Ground) -> tuple[datetime, datetime]:
    """Return when the first and the last event of a store were. Raises InputError where it has none."""
    found = first_and_last(ground.store)
    if found is None:
        raise InputError("there are no events to judge")
    return found
