"""What every rule says, whatever its kind: which events, by what, how it fires, how long, and who is told."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Self

import msgspec

from apilens.alerts.alert import Severity
from apilens.conditions import event_problem
from apilens.errors import UsageError
from apilens.window import Window, parse_duration
from apilens.yaml_nodes import Keys

if TYPE_CHECKING:
    from apilens.alerts.judging import Asked, Judged
    from apilens.config import Settings
    from apilens.things import Thing


_NAME = re.compile(r"\w[\w.-]{0,62}")
_FIELD = re.compile(r"\{([^{}]*)\}")
# What a description may name besides the dimensions and metrics of its rule.
WORDS = ("rule", "severity", "value", "since", "group")
_MINUTE = timedelta(minutes=1)
_SHORT, _LONG = timedelta(hours=2), timedelta(days=1)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rule of a rules file. Kinds derive from it and add what they compare.

    where, cohort: the events that count. by: each value of these is judged by itself. step: how far one judged moment
    is from the next. for_: how long it must hold before it fires, keep_firing_for: how long it goes on after it held
    last. repeat: when those who were told are told again. notify: channels. labels: text that goes with its alerts.
    """

    # Required, but checked with the rest: a struct that lacks a key could not say what else is wrong with it.
    name: str = ""
    kind: str = "condition"
    where: str | None = None
    cohort: str | None = None
    by: tuple[str, ...] = ()
    step: str | None = None
    for_: str | None = msgspec.field(name="for", default=None)
    keep_firing_for: str | None = None
    repeat: str = "4h"
    severity: Severity = "warning"
    labels: dict[str, str] = {}
    notify: tuple[str, ...] = ()
    description: str = ""
    enabled: bool = True

    # Lengths of time among the keys, and those of them that may be 0.
    LENGTHS: ClassVar[tuple[str, ...]] = ("step", "for_", "keep_firing_for", "repeat")
    MAY_BE_ZERO: ClassVar[tuple[str, ...]] = ("for_", "keep_firing_for")

    @abstractmethod
    def span(self) -> timedelta:
        """Return how far back from the moment that is judged the events lie that decide it."""

    def width(self) -> timedelta:
        """Return how long the window is that a moment is about, without what it is compared with."""
        return self.span()

    def windows(self, first: datetime, last: datetime) -> tuple[Window, ...]:
        """Return the windows whose events decide the moments from first to last, the oldest first."""
        return (Window(first - self.span(), last),)

    def conditions(self) -> Mapping[Severity, str]:
        """Return the conditions over metrics by severity, the worst first."""
        return {}

    @abstractmethod
    def judge(self, asked: Asked) -> Judged:
        """Return where the rule held."""

    def texts_of(self, things: Sequence[Thing]) -> tuple[str, ...]:
        """Return further conditions that it reads, of those of what is deprecated."""
        return ()

    def condition(self) -> str:
        """Return in one line when it fires."""
        return " · ".join(f"{name}: {text}" for name, text in self.conditions().items())

    def named(self) -> tuple[str, ...]:
        """Return what a description may name: the dimensions, and the metrics that alerts carry."""
        from apilens.syntax import metrics_of

        return (*self.by, *(name for text in self.conditions().values() for name in metrics_of(text)))

    def problems(self, columns: Mapping[str, str]) -> Iterator[tuple[Keys, str]]:
        """Give what types cannot say of the keys of this kind; columns: name → type name of the configured ones."""
        yield from ()

    def filled(self, settings: Settings) -> Self:
        """Return the rule with what it takes from apilens.yaml by name."""
        return self

    def unknown(self, settings: Settings) -> Iterator[tuple[Keys, str]]:
        """Give the names of this kind that apilens.yaml does not have."""
        yield from ()

    @property
    def beside(self) -> str | None:
        """What its window is compared with, as --compare says it; None where it is compared with none."""
        return None

    @property
    def needs_no_events(self) -> bool:
        """Whether it says something where no input is fresh."""
        return False

    @property
    def reads_things(self) -> bool:
        """Whether it is about what is deprecated."""
        return False

    @property
    def most_moments(self) -> int | None:
        """How many moments one check judges at most, None where any number will do."""
        return None

    @property
    def filters(self) -> tuple[str, ...]:
        """Every condition that an event of the rule meets."""
        member = f"cohort('{self.cohort}')" if self.cohort else None
        return tuple(text for text in (self.where, member) if text)

    @property
    def texts(self) -> tuple[str, ...]:
        """Every name and condition in it."""
        return (*self.filters, *self.by, *self.conditions().values())

    @property
    def pace(self) -> timedelta:
        """How far one judged moment is from the next."""
        if self.step:
            return parse_duration(self.step)
        return self.usual_pace

    @property
    def usual_pace(self) -> timedelta:
        """How far one judged moment is from the next unless told: a minute, for long windows more."""
        return self.paced(self.span())

    @staticmethod
    def paced(span: timedelta) -> timedelta:
        """Return how far apart the moments of a window are that is so long."""
        return _MINUTE if span <= _SHORT else 5 * _MINUTE if span <= _LONG else 60 * _MINUTE


def length(text: str | None) -> timedelta:
    """Return the length of time that a key of a rule says, none at all where it says nothing."""
    return parse_duration(text) if text else timedelta()


def key_of(field: str) -> str:
    """Return what a field of a rule is called in the file."""
    return field.rstrip("_")


def common_problems(
    rule: Rule, columns: Mapping[str, str], cohorts: Mapping[str, object]
) -> Iterator[tuple[Keys, str]]:
    """Give what is wrong with the keys that every rule has, and then with those of its kind."""
    if not rule.name:
        yield (), "`name` is missing"
    elif not _NAME.fullmatch(rule.name):
        yield ("name",), f"{rule.name!r} cannot name a rule: letters, digits, `_`, `.` and `-`, at most 63"
    if rule.where is not None and (problem := event_problem(rule.where, columns)):
        yield ("where",), problem
    if rule.cohort is not None and rule.cohort not in cohorts:
        yield ("cohort",), unknown_name("cohort", rule.cohort, cohorts, "name it under `cohorts:` in apilens.yaml")
    yield from _length_problems(rule)
    problem = _by_problem(rule.by, columns)
    if problem:
        yield ("by",), problem
    wrong = tuple(rule.problems(columns) if not problem else msgspec.structs.replace(rule, by=()).problems(columns))
    yield from wrong
    if not problem and not wrong:
        yield from _description_problems(rule)


def unknown_name(what: str, name: str, known: Mapping[str, object], else_: str) -> str:
    """Return what to say of a name that nobody knows: the nearest one, else where it would have to stand."""
    from apilens.spelling import nearest

    return f"unknown {what} `{name}` ({nearest(name, known) or else_})"


def _length_problems(rule: Rule) -> Iterator[tuple[Keys, str]]:
    for field in rule.LENGTHS:
        text = getattr(rule, field)
        if text is None:
            continue
        try:
            if not parse_duration(text) and field not in rule.MAY_BE_ZERO:
                yield (key_of(field),), "is no time at all"
        except UsageError as error:
            yield (key_of(field),), f"{error.message} ({error.hint})"


def _by_problem(by: tuple[str, ...], columns: Mapping[str, str]) -> str | None:
    from apilens import dimensions
    from apilens.schema import TYPE_NAMES, dtypes

    known = dtypes({name: TYPE_NAMES[kind] for name, kind in columns.items()})
    try:
        # Columns of accounts and endpoints are known when their files are read.
        dimensions.resolve((name for name in by if not name.startswith(("account.", "endpoint."))), known)
    except UsageError as error:
        return " ".join([error.message, *([f"({error.hint})"] if error.hint else [])])
    return None


def _description_problems(rule: Rule) -> Iterator[tuple[Keys, str]]:
    known = dict.fromkeys((*WORDS, *rule.named(), *rule.labels))
    for name in _FIELD.findall(rule.description):
        if name not in known:
            yield ("description",), unknown_name("name", name, known, f"one of {', '.join(known)}")


def described(text: str, values: Mapping[str, str]) -> str:
    """Return a description with `{NAME}` replaced by its value; a name that has none stays as it is."""
    # Not str.format: `{value.__class__}` in a rules file would read what it has no business with.
    return _FIELD.sub(lambda found: values.get(found[1], found[0]), text)
