"""The default kind: a condition over metrics, or one per severity, on a window that ends at each judged moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import msgspec

from apilens.alerts.alert import Severity
from apilens.alerts.compared import (
    MOST_MOMENTS,
    compared_problem,
    comparison_at,
    is_change,
    judge_changes,
    metric_behind,
    windows_read,
)
from apilens.alerts.judging import Asked, Judged
from apilens.alerts.rule import Rule, length
from apilens.alerts.when import metrics_of_when, when_problem
from apilens.alerts.when_judged import judge_conditions
from apilens.errors import UsageError
from apilens.window import Window
from apilens.yaml_nodes import Keys

_MINUTE = timedelta(minutes=1)
# Any moment will do to see whether something is a comparison.
_SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A condition per severity: one incident, as bad as the worst that holds."""

    warning: str | None = None
    critical: str | None = None


class ConditionRule(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`when: requests >= 100`, or `when: {warning: …, critical: …}`, over a window such as 1h.

    compare: the other window, `previous`, `7d-ago` or `typical`, for conditions such as error_rate_diff > 0.02.
    """

    window: str | None = None
    when: str | When | None = None
    compare: str | None = None

    LENGTHS: ClassVar[tuple[str, ...]] = (*Rule.LENGTHS, "window")

    def span(self) -> timedelta:
        """Return the window, and what lies before it that it is compared with."""
        if self.compare is None:
            return self.width()
        return self.width() + max(comparison_at(self.compare, self.width(), _SOME_TIME).backs)

    @property
    def beside(self) -> str | None:
        """What its window is compared with."""
        return self.compare

    def width(self) -> timedelta:
        """Return the window."""
        return length(self.window)

    def windows(self, first: datetime, last: datetime) -> tuple[Window, ...]:
        """Return the windows whose events are read."""
        if self.compare is None:
            return Rule.windows(self, first, last)
        return windows_read(self.compare, self.width(), first, last)

    @property
    def usual_pace(self) -> timedelta:
        """How far one judged moment is from the next: a twelfth of a window that is compared, a minute at least."""
        if self.compare is None:
            return self.paced(self.span())
        return max(self.width() / 12 // _MINUTE * _MINUTE, _MINUTE)

    @property
    def most_moments(self) -> int | None:
        """How many moments one check judges at most: each that is compared takes several passes."""
        return None if self.compare is None else MOST_MOMENTS

    @property
    def texts(self) -> tuple[str, ...]:
        """Every name and condition in it, and the metrics behind those of changes."""
        conditions = self.conditions().values()
        names = (metric_behind(name) for text in conditions for name in metrics_of_when(text, self.by))
        return (*self.filters, *self.by, *conditions, *(name for name in names if name and self.compare))

    def conditions(self) -> Mapping[Severity, str]:
        """Return the conditions, critical before warning."""
        if self.when is None or isinstance(self.when, str):
            return {self.severity: self.when} if self.when else {}
        both: tuple[tuple[Severity, str | None], ...] = (
            ("critical", self.when.critical), ("warning", self.when.warning),
        )  # fmt: skip
        return {severity: text for severity, text in both if text is not None}

    def problems(self, columns: Mapping[str, str]) -> Iterator[tuple[Keys, str]]:
        """Give what is wrong with the conditions."""
        if self.window is None:
            yield (), "`window` is missing: window: 1h"
        if self.when is None:
            yield (), "`when` is missing: when: requests >= 100"
        elif not self.conditions():
            yield ("when",), "says nothing: a condition, or `{warning: …, critical: …}`"
        if self.compare is not None and (problem := self._compare_problem()):
            yield ("compare",), problem
        for severity, text in self.conditions().items():
            if problem := (when_problem if self.compare is None else compared_problem)(text, self.by, columns):
                yield ("when", *(() if isinstance(self.when, str) else (severity,))), problem

    def judge(self, asked: Asked) -> Judged:
        """Return where a condition held over the window before each moment."""
        conditions, where = self.conditions(), self.filters
        if self.compare is None:
            return judge_conditions(asked, conditions, by=self.by, where=where, span=self.width())
        return judge_changes(asked, conditions, compare=self.compare, by=self.by, where=where, span=self.width())

    def _compare_problem(self) -> str | None:
        assert self.compare is not None
        try:
            comparison_at(self.compare, length(self.window) or _MINUTE, _SOME_TIME)
        except UsageError as error:
            return f"{error.message} ({(error.hint or '').replace('--since', '`window`')})"
        names = [name for text in self.conditions().values() for name in metrics_of_when(text, self.by)]
        return None if any(map(is_change, names)) or not names else "`when` reads no change: error_rate_diff > 0.02 …"
