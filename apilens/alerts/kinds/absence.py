"""Absence: nothing came for a window, from anybody or from a group that used to be there. Needs no event to fire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import ClassVar

import polars as pl

from apilens.alerts.judging import AT, Asked, Judged
from apilens.alerts.rolling import counted
from apilens.alerts.rule import Rule, length
from apilens.alerts.when_judged import hits_of, of_somebody
from apilens.yaml_nodes import Keys


class AbsenceRule(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """No request for a `window`. With `by`: of a group that had `least` requests in the time `over` before it."""

    window: str | None = None
    over: str = "7d"
    least: int = 10

    LENGTHS: ClassVar[tuple[str, ...]] = (*Rule.LENGTHS, "window", "over")

    def span(self) -> timedelta:
        """Return the window, and with `by` the time before it in which groups are known."""
        return length(self.window) + (length(self.over) if self.by else timedelta())

    def condition(self) -> str:
        """Return in one line when it fires."""
        return f"no request for {self.window}"

    def named(self) -> tuple[str, ...]:
        """Return what a description may name."""
        return (*self.by, "requests")

    @property
    def needs_no_events(self) -> bool:
        """Whether it says something where no input is fresh: that all traffic is gone."""
        return not self.by

    def problems(self, columns: Mapping[str, str]) -> Iterator[tuple[Keys, str]]:
        """Give what is wrong with its own keys."""
        if self.window is None:
            yield (), "`window` is missing: window: 1d"
        if self.least < 1:
            yield ("least",), "is a number of requests, from 1"

    def judge(self, asked: Asked) -> Judged:
        """Return the groups that had no request in the window before each moment."""
        window, where = length(self.window), (*self.filters, *of_somebody(self.by))
        now = counted(asked, by=self.by, where=where, span=window)
        if self.by:
            before = counted(asked, by=self.by, where=where, span=length(self.over), shift=window)
            usual = before.filter(pl.col("requests") >= self.least)
            gone = usual.join(now, on=[*self.by, AT], how="anti", nulls_equal=True)
        else:
            gone = now.filter(pl.col("requests") == 0)
        nothing = pl.lit(0.0)
        hits = hits_of(gone, self.by, severity=pl.lit(self.severity), value=nothing, metrics={"requests": nothing})
        return Judged(hits, {"requests": "count"})
