"""One check: rules judged since the last one, news told, and what is known kept for the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import msgspec
import narwhals as nw

from apilens.alerts.alert import Alert, Message
from apilens.alerts.alerting import alert_of
from apilens.alerts.incidents import Incident, key_of
from apilens.alerts.inputs import Inputs, Stale, look_at_inputs
from apilens.alerts.judge import Ground, Outcome, Scanned, Turn, judge, positions, scanned
from apilens.alerts.judging import Moments, floor
from apilens.alerts.linked import linked, links_of
from apilens.alerts.memory import Memory, Progress, Told, write_memory
from apilens.alerts.pacing import spaced
from apilens.alerts.rule import Rule, length
from apilens.alerts.rules import Rules
from apilens.alerts.silences import Silence
from apilens.alerts.telling import Route, Telling, is_told, waiting
from apilens.analyses import collect
from apilens.answer import Events
from apilens.engine import scan
from apilens.errors import InputError
from apilens.freshness import Settling
from apilens.query import matching_events
from apilens.store import Store
from apilens.window import Window, span

# Messages → those that could not be delivered.
Deliver = Callable[[Sequence[Message]], list[Message]]
# What tells of inputs, as if it were a rule.
INPUT_RULE = "input"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found. alerts: of each rule in its order, then of inputs. unknown: rules that had nothing to judge.

    file, lines: where the rules stand. silenced: of which nobody is told. messages: what there was to tell, unsent:
    what of it nobody took.
    """

    rules: tuple[Rule, ...]
    alerts: tuple[Alert, ...]
    file: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    silenced: tuple[Alert, ...] = ()
    stale: tuple[Stale, ...] = ()
    messages: tuple[Message, ...] = ()
    unsent: tuple[Message, ...] = ()
    scanned: Scanned | None = None
    fixed: Window | None = None


def check_window(ground: Ground, rules: Rules, window: Window, *, whole: bool = False) -> Checked:
    """Return what fired in a window of time, from its first moment to its last; nothing is remembered or told.

    whole: the last moment comes after the end of the window, where that is no whole step. Raises InputError where there
    is nothing to judge.
    """
    assert window.since is not None and window.until is not None
    [counted] = collect([_count(ground.store, window)])
    if not counted.item():
        raise InputError("no event lies in the window: there is nothing to judge", hint="widen --since and --until")
    judged = [spaced(rule, window.until - window.since) for rule in rules.enabled]
    turns = [Turn(rule, _moments(rule, window, whole=whole)) for rule in judged]
    outcomes = judge(ground, turns, complete=window.until + timedelta(days=1))
    alerts = [alert for outcome in outcomes for alert in alerts_of(outcome, rules)]
    return Checked(
        rules=rules.enabled, file=rules.file, lines=rules.lines,
        alerts=linked(alerts, links_of(ground, rules.enabled, alerts)), unknown=_unknown(outcomes),
        scanned=scanned(ground.store, turns), fixed=window,
    )  # fmt: skip


def check_now(
    ground: Ground, rules: Rules, memory: Memory, *, now: datetime, max_age: timedelta | None, route: Route,
    silences: Sequence[Silence] = (),
) -> tuple[Checked, Memory]:  # fmt: skip
    """Return what fires now or did since the last check, the messages about it, and what is known from now on.

    The messages stand in what is known as unsent: kept before they are sent, none is lost (see `send`).
    """
    inputs = look_at_inputs(ground.store, memory.inputs, Settling(ground.settings), now=now, max_age=max_age)
    judged = [rule for rule in rules.enabled if not inputs.all_stale or rule.needs_no_events]
    until = now - inputs.settle
    complete = min(until, inputs.complete)
    turns = positions(
        judged, upto={name: item.upto for name, item in memory.progress.items()},
        incidents={name: item.incidents for name, item in memory.progress.items()}, until=until,
    )  # fmt: skip
    outcomes = judge(ground, turns, complete=complete)
    by_rule = {outcome.rule.name: alerts_of(outcome, rules) for outcome in outcomes}
    by_rule = {name: _unsaid(alerts, memory.told.get(name, {})) for name, alerts in by_rule.items()}
    frozen = {rule.name for rule in rules.enabled} - set(by_rule)
    by_rule[INPUT_RULE] = _input_alerts(inputs, rules.file)
    telling = Telling(now, route, silences, {rule.name: length(rule.repeat) for rule in rules.rules})
    told, messages = telling.tell(by_rule, memory.told, frozen=frozen)
    # Of what is told only: each takes a look at the events.
    links = links_of(ground, rules.rules, (alert for message in messages for alert in message.alerts))
    messages = [replace(message, alerts=linked(message.alerts, links)) for message in messages]
    alerts = linked((alert for some in by_rule.values() for alert in some), links)
    checked = Checked(
        rules=rules.enabled, file=rules.file, lines=rules.lines, alerts=alerts,
        unknown=(*_unknown(outcomes), *sorted(frozen)), silenced=tuple(filter(telling.is_silenced, alerts)),
        stale=inputs.stale, messages=tuple(messages), scanned=scanned(ground.store, turns),
    )  # fmt: skip
    known = msgspec.structs.replace(
        memory, progress=_progress(memory, rules, outcomes, complete), told=told, inputs=dict(inputs.known),
        unsent=waiting(memory.unsent, messages), history=(*memory.history, *(item for item in alerts if item.until)),
    )  # fmt: skip
    return checked, known


def send(ground: Ground, checked: Checked, known: Memory, deliver: Deliver, now: datetime) -> Checked:
    """Keep what is known with all messages in it, send them, and keep what is left: at least once, whatever happens.

    A check that dies in between leaves its messages to the next one, which sends them under the same ids.
    """
    write_memory(ground.store.path, known, now)
    if not known.unsent:
        return checked
    left = tuple(deliver(known.unsent))
    write_memory(ground.store.path, msgspec.structs.replace(known, unsent=left), now)
    return replace(checked, unsent=left)


def alerts_of(outcome: Outcome, rules: Rules) -> list[Alert]:
    """Return the alerts of a rule: incidents that are over, then those that go on, each in the order of time."""
    course = outcome.course
    found: list[Incident] = [*course.over, *course.now]
    line = rules.lines.get(outcome.rule.name, 0)
    return [alert_of(outcome.rule, incident, outcome.judged.units, file=rules.file, line=line) for incident in found]


def _unsaid(alerts: list[Alert], told: Mapping[str, Told]) -> list[Alert]:
    """Return the alerts without those that are over and known to be: what may change yet is judged again and again."""
    return [alert for alert in alerts if not (alert.until and is_told(alert, told.get(key_of(alert.group))))]


def _unknown(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    return tuple(outcome.rule.name for outcome in outcomes if not outcome.judged.known)


def _moments(rule: Rule, window: Window, *, whole: bool) -> Moments:
    assert window.since is not None and window.until is not None
    end = window.until + rule.pace - timedelta(microseconds=1) if whole else window.until
    return Moments.after(window.since, end, rule.pace)


def _count(store: Store, window: Window) -> Events:
    events = scan(store.files(window.since, window.until), store.dtypes)
    return matching_events(events, window=window).select(nw.len())


def _progress(memory: Memory, rules: Rules, outcomes: Sequence[Outcome], complete: datetime) -> dict[str, Progress]:
    kept = {rule.name: memory.progress[rule.name] for rule in rules.enabled if rule.name in memory.progress}
    for outcome in outcomes:
        before = kept.get(outcome.rule.name)
        settled = [moment for moment in outcome.moments.times() if moment <= complete]
        if settled:
            kept[outcome.rule.name] = Progress(settled[-1], outcome.course.held)
        elif before is None:
            # Judged before all events had come: the next check begins where they had.
            start = min(outcome.moments.first - outcome.moments.step, floor(complete, outcome.moments.step))
            kept[outcome.rule.name] = Progress(start)
    return kept


def _input_alerts(inputs: Inputs, file: str) -> list[Alert]:
    return [
        Alert(
            rule=INPUT_RULE, kind="freshness", state="no_data", severity="critical", group=stale.group,
            since=stale.newest + stale.limit, condition=f"an event within {span(stale.limit)}",
            description=f"no event since {stale.newest:%Y-%m-%d %H:%M} UTC", file=file,
        )
        for stale in inputs.stale
    ]  # fmt: skip
