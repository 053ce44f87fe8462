"""The default kind: a condition over metrics, or one per severity, on a window that ends at each judged moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import ClassVar

import msgspec

from apilens.alerts.alert import Severity
from apilens.alerts.judging import Asked, Judged
from apilens.alerts.rule import Place, Rule, length
from apilens.alerts.when import when_problem
from apilens.alerts.when_judged import judge_conditions


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A condition per severity: one incident, as bad as the worst that holds."""

    warning: str | None = None
    critical: str | None = None


class ConditionRule(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`when: requests >= 100`, or `when: {warning: …, critical: …}`, over a window such as 1h."""

    window: str | None = None
    when: str | When | None = None

    LENGTHS: ClassVar[tuple[str, ...]] = (*Rule.LENGTHS, "window")

    def span(self) -> timedelta:
        """Return the window."""
        return length(self.window)

    def conditions(self) -> Mapping[Severity, str]:
        """Return the conditions, critical before warning."""
        if self.when is None or isinstance(self.when, str):
            return {self.severity: self.when} if self.when else {}
        both: tuple[tuple[Severity, str | None], ...] = (
            ("critical", self.when.critical), ("warning", self.when.warning),
        )  # fmt: skip
        return {severity: text for severity, text in both if text is not None}

    def problems(self, columns: Mapping[str, str]) -> Iterator[tuple[Place, str]]:
        """Give what is wrong with the conditions."""
        if self.window is None:
            yield (), "`window` is missing: window: 1h"
        if self.when is None:
            yield (), "`when` is missing: when: requests >= 100"
        elif not self.conditions():
            yield ("when",), "says nothing: a condition, or `{warning: …, critical: …}`"
        for severity, text in self.conditions().items():
            if problem := when_problem(text, self.by, columns):
                yield ("when", *(() if isinstance(self.when, str) else (severity,))), problem

    def judge(self, asked: Asked) -> Judged:
        """Return where a condition held over the window before each moment."""
        return judge_conditions(asked, self.conditions(), by=self.by, where=self.filters, span=self.span())
