"""New value: the first sight of an endpoint × status, an error code, an SDK version …"""

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


class NewValueRule(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A value of `by` with `least` requests in the `window`, and none in the time `over` before it."""

    window: str = "1h"
    over: str = "30d"
    least: int = 1

    LENGTHS: ClassVar[tuple[str, ...]] = (*Rule.LENGTHS, "window", "over")

    def span(self) -> timedelta:
        """Return the window and the time before it."""
        return length(self.window) + length(self.over)

    def width(self) -> timedelta:
        """Return the window."""
        return length(self.window)

    def condition(self) -> str:
        """Return in one line when it fires."""
        return f"not seen in the {self.over} before"

    def named(self) -> tuple[str, ...]:
        """Return what a description may name."""
        return (*self.by, "requests")

    def problems(self, columns: Mapping[str, str]) -> Iterator[tuple[Keys, str]]:
        """Give what is wrong with its own keys."""
        if not self.by:
            yield (), "`by` is missing: what may be new, by: [endpoint, status]"
        if self.least < 1:
            yield ("least",), "is a number of requests, from 1"

    def judge(self, asked: Asked) -> Judged:
        """Return the values that are new in the window before each moment.

        Where nothing at all was seen before, everything would be new: then nothing is.
        """
        window, where = length(self.window), (*self.filters, *of_somebody(self.by))
        now = counted(asked, by=self.by, where=where, span=window).filter(pl.col("requests") >= self.least)
        before = counted(asked, by=self.by, where=where, span=length(self.over), shift=window)
        known = before.select(AT).unique()
        new = now.join(before, on=[*self.by, AT], how="anti", nulls_equal=True).join(known, on=AT, how="semi")
        requests = pl.col("requests")
        hits = hits_of(new, self.by, severity=pl.lit(self.severity), value=requests, metrics={"requests": requests})
        return Judged(hits, {"requests": "count"})
