"""What every analysis is asked: which events it is about. Options of analyses derive from it and add their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from apilens.answer import Events, Summary, Totals
from apilens.changes import Changes, plan_changes
from apilens.comparison import Comparison
from apilens.heading import header, iso
from apilens.left_out import LeftOut, left_out
from apilens.query import summarise
from apilens.scope_settings import ScopeSettings
from apilens.shell import shell_line
from apilens.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which events are meant, and what stands around the answer.

    now: the clock. newest: the newest event of the store, where it is known without reading events; else the newest
    that matches. tz: what headers are shown in. inputs: what the command that makes the result again reads.
    errors: the condition of errors where it is not the default. scope: what settings leave out, None for nothing;
    everything: it was asked for.
    """

    now: datetime
    where: tuple[str, ...] = ()
    window: Window = field(default_factory=Window)
    tz: str = "UTC"
    newest: datetime | None = None
    inputs: tuple[str, ...] = ()
    errors: str | None = None
    scope: ScopeSettings | None = None
    everything: bool = False

    def texts(self) -> list[str]:
        """Return every name and condition in it."""
        return [*self.where, *([self.errors] if self.errors else [])]

    def reads(self) -> Window:
        """Return the window of the events that the answer needs: a question may need others than those it is about."""
        return self.window

    def about(self) -> Window:
        """Return the window that the answer is about, which is what is first seen in it."""
        return self.window

    def leaves(self, columns: Mapping[str, pl.DataType], also: Iterable[str] = ()) -> LeftOut:
        """Return what is left out of these events, but for what the texts of the question, or others, name.

        Raises UsageError for a condition that cannot be meant.
        """
        return left_out(self.scope, [*self.texts(), *also], columns, everything=self.everything)

    def ask(
        self, events: Events, columns: Mapping[str, pl.DataType], *, metrics: Sequence[str], by: Sequence[str] = (),
        where: Sequence[str] = (), having: str | None = None, sort: str | None = None, limit: int | None = None,
    ) -> Summary:  # fmt: skip
        """Return the plan of a question about these events, or those of them that pass `where` too."""
        return summarise(
            events, metrics=metrics, by=by, where=(*self.where, *where), having=having, sort=sort, limit=limit,
            window=self.window, dtypes=columns, newest=self.newest is None, errors=self.errors,
            leave=self.leaves(columns, (*where, *by)),
        )  # fmt: skip

    def changes(
        self, events: Events, columns: Mapping[str, pl.DataType], comparison: Comparison, *, metrics: Sequence[str],
        by: Sequence[str] = (), where: Sequence[str] = (), having: str | None = None, sort: str | None = None,
        limit: int | None = None, before: Events | None = None, flag: str | None = None,
    ) -> Changes:  # fmt: skip
        """Return the plan of what changed in these events between windows; before: other events for earlier ones."""
        return plan_changes(
            events, comparison, metrics=metrics, by=by, where=(*self.where, *where), having=having, sort=sort,
            limit=limit, dtypes=columns, newest=self.newest is None, errors=self.errors, before=before,
            flag=flag, leave=self.leaves(columns),
        )  # fmt: skip

    def header(self, totals: Totals) -> tuple[str, ...]:
        """Return the header lines of an answer."""
        return header(
            totals, window=self.window, tz=self.tz, where=self.where, errors=self.errors, newest=self.newest,
            now=self.now,
        )  # fmt: skip

    def query(self) -> dict[str, Any]:
        """Return how results record what they are about; `where` is recorded by those who ask it."""
        return {
            "since": iso(self.window.since),
            "until": iso(self.window.until),
            "tz": self.tz,
            **({"errors": self.errors} if self.errors else {}),
            **({"all": True} if self.everything else {}),
        }

    def flags(self, *, limit: int | None, usual: int) -> list[tuple[str, str | None]]:
        """Return the flags of what is asked, as far as they are not the `usual` ones."""
        rows = "all" if limit is None else "" if limit == usual else str(limit)
        return [
            *(("--where", text) for text in self.where),
            ("--since", iso(self.window.since)),
            ("--until", iso(self.window.until)),
            ("--limit", rows),
            ("--tz", self.tz if self.tz != "UTC" else ""),
        ]

    def command(self, name: str, flags: Iterable[tuple[str, str | None]]) -> str:
        """Return the command that asks this again; flags without a value are left out."""
        words = ["apilens", name, *self.inputs]
        for flag, value in flags:
            if value:
                words += [flag, value]
        return shell_line([*words, *(["--all"] if self.everything else [])])
