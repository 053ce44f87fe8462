"""All rules judged on one store: those with short windows in one pass over it, each of the others in its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import polars as pl

from apilens.accounts import Accounts
from apilens.alerts.incidents import Course, Incident, follow
from apilens.alerts.judging import Asked, Judged, Moments
from apilens.alerts.needs import columns_read
from apilens.alerts.rule import Rule, length
from apilens.analyses import collect
from apilens.answer import Events
from apilens.cohorts import Cohorts
from apilens.config import Settings
from apilens.deprecated_use import things_described
from apilens.deprecation_settings import things_in
from apilens.engine import frame
from apilens.errors import ConfigError, UsageError
from apilens.left_out import left_out
from apilens.query import matching_events
from apilens.reading import endpoints_of, events_of
from apilens.store import Store
from apilens.things import Thing
from apilens.window import Window

# Rules whose events lie in so short a time share what is read of it, held in memory: an hour of 20 million events a day
# is 0.8 million rows. Others are computed in passes of their own that hold little.
SHORT = timedelta(hours=3)
# A rule that compares windows reads each several times, moment by moment: from memory, up to so much time in all.
LONG = timedelta(hours=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What rules are judged on: a store, and what is known besides."""

    store: Store
    settings: Settings
    accounts: Accounts | None
    cohorts: Cohorts | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A rule after it was judged: where it held, and how its incidents went on."""

    rule: Rule
    judged: Judged
    course: Course
    moments: Moments


@dataclass(frozen=True, slots=True)
class Turn:
    """A rule, the moments at which it is to be judged, and its incidents before them."""

    rule: Rule
    moments: Moments
    before: tuple[Incident, ...] = ()

    @property
    def window(self) -> Window:
        """The time of the events that decide it."""
        return Window(self.windows[0].since, self.windows[-1].until)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The parts of it that hold such events."""
        return self.rule.windows(self.moments.first, self.moments.last)

    @property
    def is_short(self) -> bool:
        """Whether its events are held in memory together with those of others."""
        return self.moments.last - self.moments.first + self.rule.span() <= SHORT


@dataclass(frozen=True, slots=True)
class Scanned:
    """What was read of the store: rows of its files, of how many days."""

    rows: int
    days: int


def judge(ground: Ground, turns: Sequence[Turn], *, complete: datetime) -> list[Outcome]:
    """Return what became of each rule. complete: up to when all events have come.

    Raises ConfigError for a name that only events show to be wrong, with the rule it stands in.
    """
    short = [turn for turn in turns if turn.is_short and len(turn.moments)]
    shared = _shared(ground, short) if short else None
    return [_one(ground, turn, shared if turn in short else None, complete) for turn in turns]


def scanned(store: Store, turns: Iterable[Turn]) -> Scanned:
    """Return how many rows the files hold that these rules read."""
    windows = [window for turn in turns if len(turn.moments) for window in turn.windows]
    if not windows:
        return Scanned(0, 0)
    within = [pl.col("day").is_between(window.since.date(), window.until.date()) for window in windows
              if window.since and window.until]  # fmt: skip
    days = store.actions.filter(pl.any_horizontal(within))
    return Scanned(int(days["num_records"].sum()), days["day"].n_unique())


def _shared(ground: Ground, turns: Sequence[Turn]) -> Asked:
    window = Window(
        min(turn.moments.first - turn.rule.span() for turn in turns), max(turn.moments.last for turn in turns)
    )
    texts = [text for turn in turns for text in turn.rule.texts]
    errors, others = ground.settings.errors.condition, others_of(ground)
    events, columns = events_of(
        ground.store, window, ground.accounts, [*texts, *others], ground.cohorts, cost=ground.settings.cost
    )
    wanted = columns_read((turn.rule for turn in turns), columns, others)
    [rows] = collect([matching_events(events, window=window).select(*wanted)])
    return Asked(events=frame(rows), columns=columns, moments=turns[0].moments, errors=errors)


def _one(ground: Ground, turn: Turn, shared: Asked | None, complete: datetime) -> Outcome:
    rule = turn.rule
    errors = ground.settings.errors.condition
    things = _things(ground) if rule.reads_things else ()
    try:
        if shared is None:
            texts = [*rule.texts, *rule.texts_of(things), *others_of(ground)]
            events, columns = events_of(
                ground.store, turn.window, ground.accounts, texts, ground.cohorts, cost=ground.settings.cost,
                parts=turn.windows,
            )  # fmt: skip
            if len(turn.windows) > 1:
                events = _held(events, turn, columns, others_of(ground))
            shared = Asked(events=events, columns=columns, moments=turn.moments, errors=errors)
        leave = left_out(ground.settings.scope, rule.texts, shared.columns)
        asked = replace(
            shared, events=leave.of(shared.events), moments=turn.moments, things=things, accounts=ground.accounts
        )
        judged = rule.judge(asked)
    except ConfigError:
        raise
    except UsageError as error:
        raise ConfigError(f"rule {rule.name}: {error.message}", hint=error.hint) from None
    course = follow(
        turn.before, judged.hits, by=_dimensions(judged, rule), moments=turn.moments, complete=complete,
        for_=length(rule.for_), keep_for=length(rule.keep_firing_for),
    )  # fmt: skip
    return Outcome(rule, judged, course, turn.moments)


def _things(ground: Ground) -> tuple[Thing, ...]:
    """Return what is deprecated: by apilens.yaml, and by the descriptions of the API, and by its responses."""
    declared = things_in(ground.settings.deprecated)
    return (*declared, *things_described(endpoints_of(ground.store).stated, declared))


def others_of(ground: Ground) -> list[str]:
    """Return the conditions that hold for every rule: what an error is, and what is left out."""
    return [ground.settings.errors.condition or "", *ground.settings.scope.texts()]


def _held(events: Events, turn: Turn, columns: Mapping[str, pl.DataType], others: Sequence[str]) -> Events:
    """Return the events of a rule's windows in memory, where they are so short that it holds them."""
    lengths = (window.until - window.since for window in turn.windows if window.since and window.until)
    if sum(lengths, timedelta()) > LONG:
        return events
    wanted = columns_read([turn.rule], columns, others)
    parts = [matching_events(events, window=window).select(*wanted) for window in turn.windows]
    return frame(pl.concat(collect(parts)))


def _dimensions(judged: Judged, rule: Rule) -> tuple[str, ...]:
    return tuple(name for name in rule.by if name in judged.hits.columns)


def positions(
    rules: Iterable[Rule], *, upto: Mapping[str, datetime], incidents: Mapping[str, tuple[Incident, ...]],
    until: datetime,
) -> list[Turn]:  # fmt: skip
    """Return the moments of each rule since it was judged last with all events there, at most a day of them, and no
    more than the rule takes.

    A rule that is new begins as far back as it takes to say that it fires now.
    """
    turns = []
    for rule in rules:
        back = length(rule.for_) + length(rule.keep_firing_for)
        since = upto.get(rule.name, until - rule.pace - back)
        most = timedelta(days=1) if rule.most_moments is None else rule.most_moments * rule.pace
        since = min(max(since, until - max(min(timedelta(days=1), most), back)), until)
        turns.append(Turn(rule, Moments.after(since, until, rule.pace), incidents.get(rule.name, ())))
    return turns
