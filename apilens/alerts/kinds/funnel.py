"""Funnel: too few get to a step, of those who began in a window and have had their time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import ClassVar, Literal

import polars as pl

from apilens.alerts.judging import AT, Asked, Judged
from apilens.alerts.rule import Place, Rule, length
from apilens.alerts.when_judged import hits_of
from apilens.analyses.funnel import funnel
from apilens.analyses.funnel_options import FunnelOptions
from apilens.funnel_rules import Rules
from apilens.funnel_settings import FunnelSettings, funnel_problems
from apilens.funnel_steps import parse_step
from apilens.schema import TIME
from apilens.window import Window

_HOUR = timedelta(hours=1)


class FunnelRule(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`steps` as `funnels:` of apilens.yaml has them. Fires where less than `under` of those who began in the `window`
    got to step `to` (the last, unless told) in the time `within`. least: fewer of them are not judged.
    """

    steps: tuple[str, ...] = ()
    window: str | None = None
    within: str = "1d"
    unit: Literal["account", "user", "session", "api_key"] = "account"
    to: int | None = None
    under: float | None = None
    least: int = 10

    LENGTHS: ClassVar[tuple[str, ...]] = (*Rule.LENGTHS, "window", "within")

    def span(self) -> timedelta:
        """Return the window of those who begin, and the time that they have."""
        return length(self.window) + length(self.within)

    @property
    def usual_pace(self) -> timedelta:
        """How far one judged moment is from the next unless told: a funnel is walked anew at each."""
        return _HOUR

    @property
    def texts(self) -> tuple[str, ...]:
        """Every name and condition in it."""
        return (*self.filters, *self.by, *self.steps, "endpoint")

    def condition(self) -> str:
        """Return in one line when it fires."""
        return f"conversion to step {self._to} under {self.under}"

    def named(self) -> tuple[str, ...]:
        """Return what a description may name."""
        return (*self.by, "conversion", "entities")

    def problems(self, columns: Mapping[str, str]) -> Iterator[tuple[Place, str]]:
        """Give what is wrong with its own keys."""
        for key, example in (("steps", "[POST /signup, GET /profile]"), ("window", "7d"), ("under", "0.5")):
            if getattr(self, key) in (None, ()):
                yield (), f"`{key}` is missing: {key}: {example}"
        if self.steps:
            yield from funnel_problems(FunnelSettings(steps=self.steps), columns)
        if self.under is not None and not 0 < self.under <= 1:
            yield ("under",), "is a part of those who began, above 0 and up to 1"
        if self.to is not None and not 1 < self.to <= len(self.steps):
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

    def _at(self, moment: datetime, asked: Asked) -> pl.DataFrame:
        """Return the conversion of those whose time is over at a moment, and how many began."""
        closed = moment - length(self.within)
        rules = Rules(counts=tuple(parse_step(text).count for text in self.steps), within=length(self.within))
        options = FunnelOptions(
            now=moment, where=self.filters, window=Window(closed - length(self.window), closed), newest=moment,
            errors=asked.errors, steps=self.steps, rules=rules, unit=self.unit, by=self.by, limit=None,
        )  # fmt: skip
        rows = funnel(asked.events, options, columns=asked.columns).tables[0].rows
        began = rows.filter(pl.col("step") == 1).select(*self.by, pl.col("entities"))
        there = rows.filter(pl.col("step") == self._to).select(*self.by, "conversion")
        joined = began.join(there, on=list(self.by), nulls_equal=True) if self.by else began.hstack(there)
        return joined.with_columns(pl.lit(moment, TIME).alias(AT))
