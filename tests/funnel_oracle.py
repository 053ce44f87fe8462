"""Funnels again, in plain Python: one unit at a time, one event after the other, and no code of apilens."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Event:
    """id: its place in the log. t: seconds. steps: the numbers of the steps that it matches, from 1."""

    id: int
    t: int
    steps: frozenset[int]
    excluded: bool = False
    enters: bool = True
    held: str = ""


@dataclass(frozen=True)
class Funnel:
    """The rules, as apilens.funnel_rules has them."""

    counts: tuple[int, ...]
    within: int
    order: str
    entry: str
    counting: str
    ties: str
    exclusion: str
    newest: int


@dataclass
class Attempt:
    """steps: number → the event that completed it. stop: the place behind which the next attempt may begin."""

    first: Event
    steps: dict[int, Event] = field(default_factory=dict)
    open: bool = False
    removed: bool = False
    stop: int = 0

    @property
    def depth(self) -> int:
        return len(self.steps)


def attempts(events: list[Event], funnel: Funnel) -> list[Attempt]:
    """Return the attempts of one unit that count."""

    def turn(event: Event) -> tuple[int, int, int]:
        lowest = min(event.steps, default=len(funnel.counts) + 1) if funnel.ties == "either" else 0
        return (event.t, lowest, event.id)

    events = sorted(events, key=turn)
    turns = {event.id: at for at, event in enumerate(events)}
    made = []
    for held in {event.held for event in events}:
        group = [event for event in events if event.held == held]
        candidates = entries(group, funnel)
        if funnel.counting == "attempts":
            behind = -1
            for at in candidates:
                if at > behind:
                    made.append(follow(group, at, funnel))
                    behind = made[-1].stop
        else:
            made += [follow(group, at, funnel) for at in candidates]
    if funnel.counting == "attempts":
        return [attempt for attempt in made if not attempt.removed]
    if funnel.entry == "first":
        made = sorted(made, key=lambda attempt: turns[attempt.first.id])[:1]
        return [attempt for attempt in made if not attempt.removed]
    made = [attempt for attempt in made if not attempt.removed]
    if not made:
        return []

    def merit(attempt: Attempt) -> tuple[int, int, int]:
        last = max([turns[event.id] for event in attempt.steps.values()], default=turns[attempt.first.id])
        return (attempt.depth, -last, turns[attempt.first.id])

    best = max(made, key=merit)
    best.open = best.depth < len(funnel.counts) and any(attempt.open for attempt in made)
    return [best]


def entries(group: list[Event], funnel: Funnel) -> list[int]:
    able = [at for at, e in enumerate(group) if e.enters and not e.excluded]
    if funnel.order == "any":
        return [at for at in able if group[at].steps]
    able = [at for at in able if 1 in group[at].steps]
    count = funnel.counts[0]
    if funnel.counting == "attempts":
        return able[count - 1 :: count]
    return able[count - 1 :]


def follow(group: list[Event], at: int, funnel: Funnel) -> Attempt:
    first = group[at]
    attempt = Attempt(first)
    inside = [(place, e) for place, e in enumerate(group) if place >= at and e.t <= first.t + funnel.within]
    barred = next(
        ((place, e) for place, e in inside if e.excluded and place > at and (funnel.ties != "strict" or e.t > first.t)),
        None,
    )

    def beyond(place: int, event: Event) -> bool:
        if barred is None:
            return False
        return event.t > barred[1].t if funnel.ties == "strict" else place > barred[0]

    considered = [(p, e) for p, e in inside if funnel.exclusion == "remove" or not beyond(p, e)]
    broken = walk_any(attempt, considered, funnel) if funnel.order == "any" else walk(attempt, considered, funnel)
    converted = attempt.depth == len(funnel.counts)
    places = {e.id: place for place, e in inside}
    last = max((places[e.id] for e in attempt.steps.values()), default=None)
    if funnel.exclusion == "remove" and barred:
        attempt.removed = not converted or beyond(last, group[last])
    attempt.open = not converted and not barred and not broken and first.t + funnel.within > funnel.newest
    if converted and not attempt.removed:
        attempt.stop = last
    elif barred:
        attempt.stop = barred[0]
    else:
        attempt.stop = last if funnel.order == "strict" else inside[-1][0]
    return attempt


def walk(attempt: Attempt, events: list[tuple[int, Event]], funnel: Funnel) -> bool:
    """Follow the steps in their order; say whether another event came between where none may."""
    attempt.steps[1] = attempt.first
    times = 0
    for _, event in events[1:]:
        number = attempt.depth + 1
        if number > len(funnel.counts):
            return False
        later = funnel.ties != "strict" or event.t > attempt.steps[number - 1].t
        if funnel.order == "strict" and times:
            later = True
        if number in event.steps and not event.excluded and later:
            times += 1
            if times == funnel.counts[number - 1]:
                attempt.steps[number], times = event, 0
        elif funnel.order == "strict":
            return True
    return False


def walk_any(attempt: Attempt, events: list[tuple[int, Event]], funnel: Funnel) -> bool:
    seen = dict.fromkeys(range(1, len(funnel.counts) + 1), 0)
    for _, event in events:
        if event.excluded:
            continue
        for number in event.steps:
            seen[number] += 1
        ready = [n for n in event.steps if n not in attempt.steps and seen[n] >= funnel.counts[n - 1]]
        if ready:
            attempt.steps[min(ready)] = event
    return False
