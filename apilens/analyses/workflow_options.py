"""What workflows are asked for, and the calls that the question is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import narwhals as nw
import polars as pl

from apilens.analyses.scope import Scope
from apilens.answer import Events
from apilens.computed import condition
from apilens.errors import UsageError
from apilens.metric import IS_ERROR
from apilens.sessions import IDLE
from apilens.short_filters import event_condition
from apilens.spelling import nearest
from apilens.window import shortest

LIMIT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowOptions(Scope):
    """What is asked. view: a key of VIEWS. login: what a login is, an endpoint or a condition. uses, never: the
    endpoints of the view `never`. expected: the orders that settings name; `names`: those of them that are asked for.
    """

    view: str = "transitions"
    idle: timedelta = IDLE
    login: str | None = None
    uses: str | None = None
    never: str | None = None
    expected: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    limit: int | None = LIMIT

    def steps(self) -> dict[str, tuple[str, ...]]:
        """Return the orders that are asked for. Raises UsageError where there is none of such a name."""
        if not self.expected:
            hint = "for example `workflows: {search: [POST /v2/embeddings, POST /v2/search]}`"
            raise UsageError("no order of calls is expected: apilens.yaml has no `workflows:`", hint=hint)
        for name in self.names:
            if name not in self.expected:
                known = nearest(name, self.expected) or f"one of {', '.join(self.expected)}"
                raise UsageError(f"no workflow is called {name!r}", hint=known)
        return {name: self.expected[name] for name in self.names or self.expected}

    def texts(self) -> list[str]:
        """Return every name and condition in it."""
        asked = [text for text in (self.login, self.uses, self.never) if text]
        steps = [text for texts in self.steps().values() for text in texts] if self.view == "expected" else []
        return [*Scope.texts(self), *(event_condition(text) for text in (*asked, *steps))]

    def query(self) -> dict[str, Any]:
        """Return how the result records what it is about."""
        return {
            "view": self.view,
            "idle": shortest(self.idle),
            "login": self.login,
            "uses": self.uses,
            "never": self.never,
            "workflows": list(self.names),
            "limit": "all" if self.limit is None else self.limit,
            "where": list(self.where),
            **Scope.query(self),
        }

    def again(self) -> str:
        """Return the command that asks this again."""
        flags = [
            ("--view", "" if self.view == "transitions" else self.view),
            ("--idle", "" if self.idle == IDLE else shortest(self.idle)),
            ("--login", self.login), ("--uses", self.uses), ("--never", self.never),
            ("--workflow", ",".join(self.names)),
            *self.flags(limit=self.limit, usual=LIMIT),
        ]  # fmt: skip
        return self.command("workflows", flags)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the events that it is about; parts: in how many they are put in order."""

    options: WorkflowOptions
    events: Events
    matching: Events
    columns: Mapping[str, pl.DataType]
    parts: int

    def where(self, text: str) -> str:
        """Return the SQL condition of the calls that a text means."""
        return event_condition(text, self.columns)

    def meant(self, text: str) -> nw.Expr:
        """Return the condition of the calls that a text means."""
        return condition(self.where(text), self.columns).expr

    @property
    def succeeded(self) -> nw.Expr:
        """Which calls have a status and are no errors."""
        errors = self.options.errors
        failed = condition(errors, self.columns).expr if errors else IS_ERROR
        return ~nw.col("status").is_null() & ~nw.coalesce(failed, nw.lit(False))
