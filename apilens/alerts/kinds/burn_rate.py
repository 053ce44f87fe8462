"""Burn rate: how fast an objective's budget of failures is used up, over a long window and a short one at once.

The factors are those of "The Site Reliability Workbook": of a 30-day budget 2 % in 1 h, 5 % in 6 h, 10 % in 1 d or 3 d.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import ClassVar

import polars as pl

from apilens.alerts.alert import Severity
from apilens.alerts.judging import AT, Asked, Judged
from apilens.alerts.rolling import Question, rolled
from apilens.alerts.rule import Rule
from apilens.alerts.when_judged import hits_of, of_somebody
from apilens.conditions import event_problem
from apilens.yaml_nodes import Keys

_HOUR = timedelta(hours=1)
# Long window, short window, factor, severity; the worst first.
BURNS: tuple[tuple[timedelta, timedelta, float, Severity], ...] = (
    (_HOUR, _HOUR / 12, 14.4, "critical"),
    (6 * _HOUR, _HOUR / 2, 6.0, "critical"),
    (24 * _HOUR, 2 * _HOUR, 3.0, "warning"),
    (72 * _HOUR, 6 * _HOUR, 1.0, "warning"),
)


class BurnRateRule(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`objective: 0.999` of the requests are not `bad`. least: requests in the long window that are worth judging."""

    objective: float | None = None
    bad: str = "status >= 500"
    least: int = 10

    LENGTHS: ClassVar[tuple[str, ...]] = Rule.LENGTHS

    def span(self) -> timedelta:
        """Return the longest of the windows."""
        return max(long for long, *_ in BURNS)

    @property
    def usual_pace(self) -> timedelta:
        """How far one judged moment is from the next unless told: as long as the shortest window."""
        return _HOUR / 12

    def condition(self) -> str:
        """Return in one line when it fires."""
        return f"budget of {self.objective} used up too fast (bad: {self.bad})"

    def named(self) -> tuple[str, ...]:
        """Return what a description may name."""
        return (*self.by, "burn_rate", "bad_rate")

    @property
    def texts(self) -> tuple[str, ...]:
        """Every name and condition in it."""
        return (*self.filters, *self.by, self.bad)

    def problems(self, columns: Mapping[str, str]) -> Iterator[tuple[Keys, str]]:
        """Give what is wrong with its own keys."""
        if self.objective is None:
            yield (), "`objective` is missing: objective: 0.999"
        elif not 0 < self.objective < 1:
            yield ("objective",), "is a part of the requests between 0 and 1: 0.999"
        if problem := event_problem(self.bad, columns):
            yield ("bad",), problem

    def judge(self, asked: Asked) -> Judged:
        """Return where both windows of a pair burn faster than its factor, with the worst of the pairs."""
        budget = 1 - (self.objective or 0.0)
        found = [self._pair(asked, long, short, factor * budget, severity) for long, short, factor, severity in BURNS]
        rows = pl.concat(found).unique([*self.by, AT], keep="first", maintain_order=True)
        rate = pl.col("rate")
        hits = hits_of(
            rows, self.by, severity=pl.col("severity"), value=rate / budget,
            metrics={"burn_rate": rate / budget, "bad_rate": rate},
        )  # fmt: skip
        return Judged(hits, {"burn_rate": "number", "bad_rate": "ratio"})

    def _pair(self, asked: Asked, long: timedelta, short: timedelta, limit: float, severity: Severity) -> pl.DataFrame:
        slow, fast = self._rates(asked, long), self._rates(asked, short)
        # Rates are rounded to 6 digits: the limit is met when it is met to that.
        over = slow.filter((pl.col("rate") > limit + 1e-9) & (pl.col("requests") >= self.least))
        keys = [*self.by, AT]
        both = over.join(fast.filter(pl.col("rate") > limit + 1e-9), on=keys, how="semi", nulls_equal=True)
        return both.select(*keys, "rate", pl.lit(severity).alias("severity"))

    def _rates(self, asked: Asked, span: timedelta) -> pl.DataFrame:
        rate = f"rate({self.bad})"
        question = Question(
            metrics=(rate, "requests"), by=self.by, where=(*self.filters, *of_somebody(self.by)), span=span,
            columns=asked.columns, errors=asked.errors,
        )  # fmt: skip
        return rolled(asked.events, question, asked.moments).rename({rate: "rate"})
