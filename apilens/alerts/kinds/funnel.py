"""Funnel: too few get to a step, of those who began in a window and have had their time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

import msgspec
import polars as pl

from apilens import funnel_rules
from apilens.accounts import Accounts
from apilens.actions import registrations_in
from apilens.alerts.judging import AT, Asked, Judged
from apilens.alerts.rule import Rule, length, unknown_name
from apilens.alerts.when_judged import hits_of
from apilens.analyses.funnel import funnel
from apilens.analyses.funnel_options import FunnelOptions
from apilens.funnel_settings import FunnelSettings, funnel_problems
from apilens.funnel_steps import parse_step
from apilens.schema import TIME
from apilens.window import Window
from apilens.yaml_nodes import Keys

if TYPE_CHECKING:
    from apilens.config import Settings

_HOUR = timedelta(hours=1)
_WITHIN = "1d"
# What a rule may leave to the funnel that it names.
_SAVED = ("steps", "within", "unit", "order", "entry", "count", "ties", "exclude", "exclusion", "hold")


class FunnelRule(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A `funnel` of apilens.yaml by its name, or `steps` as one there has them. Fires where less than `under` of those
    who began in the `window` got to step `to` (the last, unless told) in the time `within`. least: fewer of them are
    not judged. What else a funnel there may say, a rule may: it goes before what is saved.
    """

    funnel: str | None = None
    steps: tuple[str, ...] = ()
    window: str | None = None
    within: str | None = None
    unit: funnel_rules.Unit | None = None
    order: funnel_rules.Order | None = None
    entry: funnel_rules.Entry | None = None
    count: funnel_rules.Counting | None = None
    ties: funnel_rules.Ties | None = None
    exclude: tuple[str, ...] = ()
    exclusion: funnel_rules.Exclusion | None = None
    hold: tuple[str, ...] = ()
    to: int | None = None
    under: float | None = None
    least: int = 10

    LENGTHS: ClassVar[tuple[str, ...]] = (*Rule.LENGTHS, "window", "within")

    def span(self) -> timedelta:
        """Return the window of those who begin, and the time that they have."""
        return length(self.window) + self._within

    def filled(self, settings: Settings) -> FunnelRule:
        """Return the rule with what the funnel says that it names."""
        saved = settings.funnels.get(self.funnel or "")
        if saved is None:
            return self
        given = {name: getattr(self, name) or getattr(saved, name) for name in _SAVED}
        return msgspec.structs.replace(self, **given)

    def unknown(self, settings: Settings) -> Iterator[tuple[Keys, str]]:
        """Give the funnel that apilens.yaml does not have."""
        if self.funnel and self.funnel not in settings.funnels:
            yield (
                ("funnel",),
                unknown_name("funnel", self.funnel, settings.funnels, "save it under `funnels:` in apilens.yaml"),
            )

    @property
    def usual_pace(self) -> timedelta:
        """How far one judged moment is from the next unless told: a funnel is walked anew at each."""
        return _HOUR

    @property
    def texts(self) -> tuple[str, ...]:
        """Every name and condition in it."""
        return (*self.filters, *self.by, *self.steps, *self.exclude, *self.hold, "endpoint")

    def condition(self) -> str:
        """Return in one line when it fires."""
        return f"conversion {f'of {self.funnel} ' if self.funnel else ''}to step {self._to} under {self.under}"

    def named(self) -> tuple[str, ...]:
        """Return what a description may name."""
        return (*self.by, "conversion", "entities")

    def problems(self, columns: Mapping[str, str]) -> Iterator[tuple[Keys, str]]:
        """Give what is wrong with its own keys."""
        for key, example in (("window", "7d"), ("under", "0.5")):
            if getattr(self, key) is None:
                yield (), f"`{key}` is missing: {key}: {example}"
        if not self.steps and not self.funnel:
            yield (), "`steps` is missing: steps: [POST /signup, GET /profile], or funnel: NAME of apilens.yaml"
        if self.steps:
            # A saved funnel is right, or apilens.yaml was refused: what is wrong here is the rule's own.
            yield from funnel_problems(FunnelSettings(steps=self.steps, exclude=self.exclude, hold=self.hold), columns)
        if self.under is not None and not 0 < self.under <= 1:
            yield ("under",), "is a part of those who began, above 0 and up to 1"
        if self.to is not None and self.steps and not 1 < self.to <= len(self.steps):
            yield ("to",), f"is the number of a step, from 2 to {len(self.steps)}"

    def judge(self, asked: Asked) -> Judged:
        """Return the moments, and groups, at which too few had got there."""
        found = [self._at(moment, asked) for moment in asked.moments.times()]
        rows = pl.concat([*found, self._at(asked.moments.first, asked).clear()])
        few = rows.filter((pl.col("entities") >= self.least) & (pl.col("conversion") < self.under))
        conversion = pl.col("conversion")
        hits = hits_of(
            few, self.by, severity=pl.lit(self.severity), value=conversion,
            metrics={"conversion": conversion, "entities": pl.col("entities")},
        )  # fmt: skip
        return Judged(hits, {"conversion": "ratio", "entities": "count"})

    @property
    def _to(self) -> int:
        return self.to or len(self.steps)

    @property
    def _within(self) -> timedelta:
        return length(self.within or _WITHIN)

    def _at(self, moment: datetime, asked: Asked) -> pl.DataFrame:
        """Return the conversion of those whose time is over at a moment, and how many began."""
        closed = moment - self._within
        options = FunnelOptions(
            now=moment, where=self.filters, window=Window(closed - length(self.window), closed), newest=moment,
            errors=asked.errors, steps=self.steps, rules=self._rules(), unit=self.unit or "account", by=self.by,
            exclude=self.exclude, hold=self.hold, actions=self._actions(asked.accounts), limit=None,
        )  # fmt: skip
        rows = funnel(asked.events, options, columns=asked.columns).tables[0].rows
        began = rows.filter(pl.col("step") == 1).select(*self.by, pl.col("entities"))
        there = rows.filter(pl.col("step") == self._to).select(*self.by, "conversion")
        joined = began.join(there, on=list(self.by), nulls_equal=True) if self.by else began.hstack(there)
        return joined.with_columns(pl.lit(moment, TIME).alias(AT))

    def _rules(self) -> funnel_rules.Rules:
        given = {name: getattr(self, name) for name in ("order", "entry", "ties", "exclusion")}
        named = {name: value for name, value in {**given, "counting": self.count}.items() if value}
        counts = tuple(parse_step(text).count for text in self.steps)
        return funnel_rules.Rules(counts=counts, within=self._within, **named)

    def _actions(self, accounts: Accounts | None) -> pl.DataFrame | None:
        """Return the registrations that are steps, with what is known of their accounts."""
        steps = map(parse_step, (*self.steps, *self.exclude))
        found = registrations_in((step.what for step in steps if step.kind == "action"), accounts)
        if not found or accounts is None:
            return None
        return pl.concat(found).join(accounts.table, on="account", how="left", maintain_order="left")
