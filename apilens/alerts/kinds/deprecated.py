"""Deprecated: an account still uses what is to go, past its sunset or shortly before it.

That is what `deprecated:` in apilens.yaml names, what the API's description does, with `x-sunset`, and what its
responses do, with `Sunset`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar

import narwhals as nw
import polars as pl

from apilens.alerts.judging import AT, SEVERITY, Asked, Judged
from apilens.alerts.rolling import counted
from apilens.alerts.rule import Rule, length
from apilens.alerts.when_judged import hits_of, of_somebody
from apilens.schema import TIME
from apilens.things import Thing
from apilens.yaml_nodes import Keys

_CALLED = "kind = 'request' AND direction <> 'outgoing'"
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


class DeprecatedRule(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A use in the `window`, `ahead` of the sunset: of its severity; at or after the sunset: critical.

    least: requests in the window, of each thing.
    """

    by: tuple[str, ...] = ("account",)
    window: str = "1d"
    ahead: str = "30d"
    least: int = 1

    LENGTHS: ClassVar[tuple[str, ...]] = (*Rule.LENGTHS, "window", "ahead")
    MAY_BE_ZERO: ClassVar[tuple[str, ...]] = (*Rule.MAY_BE_ZERO, "ahead")

    def span(self) -> timedelta:
        """Return the window."""
        return length(self.window)

    @property
    def usual_pace(self) -> timedelta:
        """How far one judged moment is from the next: sunsets are counted in days, an hour will do."""
        return _HOUR

    @property
    def reads_things(self) -> bool:
        """Whether it is about what is deprecated."""
        return True

    def texts_of(self, things: Sequence[Thing]) -> tuple[str, ...]:
        """Return the conditions of what is deprecated."""
        return (_CALLED, *(thing.condition for thing in things))

    def condition(self) -> str:
        """Return in one line when it fires."""
        return f"uses what is gone, or will be within {self.ahead}"

    def named(self) -> tuple[str, ...]:
        """Return what a description may name."""
        return (*self.by, "days_left", "requests")

    def problems(self, columns: Mapping[str, str]) -> Iterator[tuple[Keys, str]]:
        """Give what is wrong with its own keys."""
        if self.least < 1:
            yield ("least",), "is a number of requests, from 1"
        if _is_short(self.window):
            yield ("window",), "is a day at least: 1d, 7d"

    def judge(self, asked: Asked) -> Judged:
        """Return who used what is to go. Of several things that a group uses the one that goes first counts."""
        found = [
            part for thing in asked.things if thing.sunset for part in self._uses(asked, thing.condition, thing.sunset)
        ]
        empty = pl.lit(None, pl.Int64).alias("days_left"), pl.lit("").alias(SEVERITY)
        never = replace(asked, moments=replace(asked.moments, last=asked.moments.first - asked.moments.step))
        nobody = counted(never, by=self.by, where=(_CALLED,), span=self.span()).with_columns(*empty)
        rows = pl.concat([nobody, *found], how="vertical_relaxed")
        first = rows.sort("days_left").group_by(*self.by, AT, maintain_order=True).agg(pl.all().first())
        metrics = {"days_left": pl.col("days_left"), "requests": pl.col("requests")}
        hits = hits_of(first, self.by, severity=pl.col(SEVERITY), value=pl.col("days_left"), metrics=metrics)
        return Judged(hits, {"days_left": "number", "requests": "count"})

    def _uses(self, asked: Asked, condition: str, sunset: datetime) -> Iterator[pl.DataFrame]:
        """Give who used a thing shortly before its sunset, and who after."""
        where = (*self.filters, *of_somebody(self.by), _CALLED, condition)
        end = pl.lit(sunset, TIME)
        days = (end - pl.col(AT)).dt.total_microseconds().floordiv(_DAY // timedelta(microseconds=1))
        late = asked.events.filter(nw.col("timestamp") >= nw.lit(sunset, nw.Datetime("us", "UTC")))
        near = pl.col(AT).is_between(end - length(self.ahead), end)
        for events, at, severity in (
            (asked.events, near, self.severity), (late, pl.col(AT) > end, "critical"),
        ):  # fmt: skip
            used = counted(replace(asked, events=events), by=self.by, where=where, span=self.span())
            # Without `by` there is a row for every moment, used or not.
            yield used.filter(at & (pl.col("requests") >= self.least)).with_columns(
                days.alias("days_left"), pl.lit(severity).alias(SEVERITY)
            )


def _is_short(text: str) -> bool:
    from apilens.errors import UsageError

    try:
        return timedelta() < length(text) < _DAY
    except UsageError:
        return False
