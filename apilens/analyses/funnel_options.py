"""What a funnel is asked: its steps and rules, whose it is, and what of it is to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import polars as pl

from apilens.analyses.scope import Scope
from apilens.comparison import MARK, TYPICAL, parse_comparison
from apilens.errors import UsageError
from apilens.funnel_rules import Rules, Unit
from apilens.funnel_settings import MAX_HOLD
from apilens.funnel_steps import Step, parse_step
from apilens.heading import age_of, iso, scope_lines
from apilens.window import Window, anchor, shortest

LIMIT = 20
MAX_STEPS = 20
FUNNEL_COMPARES = "previous, 7d-ago, or 2026-11-01..2026-11-08"
# How much later than its beginning an event may be logged: a request that takes longer is missed.
SLACK = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelOptions(Scope):
    """What is asked: steps and how they are matched (see Rules), whose, broken down by what.

    The window limits where attempts begin. at: whose values a breakdown takes, those of the `first` event, the `last`
    or that of a step. dropped: list those who stopped after this step instead; reached: those who got to it. compare:
    names another window. actions: events that no log has, some of them from `actions_file`. name: what the funnel is
    called in the settings. limit: groups or rows of a list, None for all.
    """

    steps: tuple[str, ...]
    rules: Rules
    unit: Unit = "account"
    exclude: tuple[str, ...] = ()
    hold: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    at: str = "first"
    dropped: int | None = None
    reached: int | None = None
    compare: str | None = None
    actions: pl.DataFrame | None = None
    actions_file: str | None = None
    name: str | None = None
    limit: int | None = LIMIT

    def texts(self) -> list[str]:
        """Return every name and condition in it."""
        # Not super(): see ReportOptions.
        return [*Scope.texts(self), *self.steps, *self.exclude, *self.hold, *self.by, "endpoint"]

    def reads(self) -> Window:
        """Return the window of events that are needed: attempts that begin at its end may go on for a while."""
        windows = [self.window, *([other] if (other := self.other_window) else [])]
        since, until = [window.since for window in windows], [window.until for window in windows]
        return Window(
            None if None in since else min(moment for moment in since if moment),
            None if None in until else max(moment for moment in until if moment) + self.rules.within + SLACK,
        )

    @property
    def other_window(self) -> Window | None:
        """The window to compare with. Raises UsageError where its name is none."""
        if self.compare is None:
            return None
        if self.compare == TYPICAL or self.compare.startswith(MARK):
            raise UsageError(f"a funnel cannot be compared with {self.compare}", hint=f"--compare {FUNNEL_COMPARES}")
        now, _ = anchor(self.now, self.newest)
        found = parse_comparison(self.compare, self.window, now=now, tz=self.tz, forms=FUNNEL_COMPARES)
        return found.bases[0]

    @property
    def place(self) -> str:
        """The column that says which event a breakdown takes its values from."""
        return self.at if self.at in ("first", "last") else f"step_{self.at}"

    @property
    def parsed(self) -> tuple[Step, ...]:
        """The steps. Raises UsageError for what is none."""
        return tuple(parse_step(text) for text in self.steps)

    @property
    def names(self) -> list[str]:
        """What the rows are called: the steps, or in any order how many of them."""
        if self.rules.order == "any":
            return [f"any {number} of {len(self.steps)}" for number in range(1, len(self.steps) + 1)]
        return [step.name for step in self.parsed]

    def check(self) -> None:
        """Raise UsageError for what cannot be asked."""
        if not self.steps:
            raise UsageError("a funnel needs a step", hint="for example --step 'POST /signup' --step signed_in")
        if len(self.steps) > MAX_STEPS:
            raise UsageError(f"a funnel has {MAX_STEPS} steps at most")
        if len(self.hold) > MAX_HOLD:
            raise UsageError(f"--hold takes {MAX_HOLD} columns at most")
        numbers = [str(number) for number in range(1, len(self.steps) + 1)]
        for flag, value in (("--dropped", self.dropped), ("--who", self.reached)):
            if value is not None and str(value) not in numbers:
                raise UsageError(f"{flag} {value}: there is no such step", hint=f"the steps are 1 to {numbers[-1]}")
        if self.dropped and self.reached:
            raise UsageError("--dropped and --who exclude each other")
        if self.at not in ("first", "last", *numbers):
            raise UsageError(f"--at {self.at!r} is no event", hint=f"first, last, or a step: 1 to {numbers[-1]}")

    def lines(self) -> tuple[str, ...]:
        """Return the header lines of an answer."""
        rules = self.rules
        words = [f"{rules.order}, within {shortest(rules.within)}, by {self.unit}"]
        words.append("attempts" if rules.counting == "attempts" else f"{rules.entry} entry")
        lines = scope_lines(window=self.window, tz=self.tz, where=self.where, errors=self.errors)
        age = [age_of(self.newest, tz=self.tz, now=self.now)] if self.newest else []
        return (*lines, "; ".join([f"funnel: {', '.join(words)}", *age]))

    def query(self) -> dict[str, Any]:
        """Return how results record what was asked."""
        rules = self.rules
        return {
            "name": self.name,
            "steps": list(self.steps),
            "within_ms": rules.within_us / 1000,
            "unit": self.unit,
            "order": rules.order,
            "entry": rules.entry,
            "count": rules.counting,
            "ties": rules.ties,
            "exclude": list(self.exclude),
            "exclusion": rules.exclusion,
            "hold": list(self.hold),
            "by": list(self.by),
            "at": self.at,
            "dropped": self.dropped,
            "who": self.reached,
            "compare": [iso(other.since), iso(other.until)] if (other := self.other_window) else None,
            "where": list(self.where),
            "limit": "all" if self.limit is None else self.limit,
            **Scope.query(self),
        }

    def again(self) -> str:
        """Return the command that asks this again."""
        rules, usual, other = self.rules, Rules(counts=()), self.other_window
        flags: list[tuple[str, str | None]] = [
            *(("--step", text) for text in self.steps),
            ("--within", shortest(rules.within)),
            ("--unit", self.unit),
            *(
                (f"--{name}", getattr(rules, name))
                for name in ("order", "entry", "ties")
                if getattr(rules, name) != getattr(usual, name)
            ),
            ("--count", "attempts" if rules.counting == "attempts" else None),
            *(("--exclude", text) for text in self.exclude),
            ("--exclusion", rules.exclusion if self.exclude else None),
            ("--hold", ",".join(self.hold)),
            ("--by", ",".join(self.by)),
            ("--at", self.at if self.at != "first" else None),
            ("--dropped", str(self.dropped or "")),
            ("--who", str(self.reached or "")),
            ("--actions", self.actions_file),
            ("--compare", f"{iso(other.since) or ''}..{iso(other.until) or ''}" if other else None),
            *self.flags(limit=self.limit, usual=LIMIT),
        ]
        return self.command("funnel", flags)
