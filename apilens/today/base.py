"""What finders share: the day they look at, and the finding they return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import narwhals as nw
import polars as pl

from apilens.accounts import Accounts
from apilens.analyses import answers
from apilens.answer import Answer, Events, Totals
from apilens.endpoints import Endpoints
from apilens.heading import iso, shown
from apilens.shell import shell_line
from apilens.short_filters import quoted
from apilens.store.catalogue import Catalogue, nothing_seen
from apilens.things import Thing
from apilens.window import Window, anchor

if TYPE_CHECKING:
    from apilens.analyses.scope import Scope

# Fewer requests than this say little of anybody.
FEW = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that somebody should know, of one account unless it is None.

    what: the thing in a word or two. value, usual: the number that shows it, and what it would be otherwise. requests:
    how many it concerns, by which findings of a kind are ordered. command: shows them.
    """

    kind: str
    account: str | None
    what: str
    sentence: str
    command: str
    requests: int
    value: float | None = None
    usual: float | None = None
    since: datetime | None = None

    def row(self) -> tuple[Any, ...]:
        """Return it as a row of the table."""
        return (
            self.kind, self.account, self.what, self.since, self.value, self.usual, self.requests, self.sentence,
            self.command,
        )  # fmt: skip


@dataclass
class Day:
    """The window that is looked at, and the time before it that says what is usual.

    payloads: numeric columns of the settings. things: what they call deprecated. endpoints: what the store knows of
    them. seen: when it saw each account first. accounts: what is known of them, if anything. found: what earlier
    finders found. kind: of what is being looked for.
    """

    events: Events
    scope: Scope
    columns: Mapping[str, pl.DataType]
    history: timedelta
    payloads: tuple[str, ...] = ()
    things: tuple[Thing, ...] = ()
    endpoints: Endpoints = field(default_factory=lambda: Endpoints.of({}))
    seen: Catalogue = field(default_factory=nothing_seen)
    accounts: Accounts | None = None
    found: Sequence[Finding] = ()
    kind: str = ""
    _memory: dict[str, Any] = field(default_factory=dict)

    def beside(self, found: Sequence[Finding], kind: str) -> Day:
        """Return the same day for the next finder."""
        return replace(self, found=tuple(found), kind=kind)

    @property
    def window(self) -> Window:
        """The window that was asked for."""
        return self.scope.window

    @property
    def since(self) -> datetime:
        """When it begins."""
        assert self.window.since is not None
        return self.window.since

    @property
    def until(self) -> datetime:
        """When it ends: without a bound now, or with the newest event where that is old."""
        newest = self.scope.newest
        if self.window.until or not newest:
            return self.window.until or self.scope.now
        return anchor(max(self.scope.now, newest), newest)[0]

    @property
    def whole(self) -> Window:
        """The window with what is before it."""
        return Window(self.since - self.history, self.window.until)

    @property
    def totals(self) -> Totals:
        """What the requests of the window come to."""
        if "totals" not in self._memory:
            self._memory["totals"] = self.ask("requests").totals
        totals: Totals = self._memory["totals"]
        return totals

    @property
    def hours(self) -> pl.DataFrame:
        """Everybody's requests by hour, of the history and the window."""
        if "hours" not in self._memory:
            self._memory["hours"] = self.ask("requests", by=["hour"], window=self.whole).rows
        hours: pl.DataFrame = self._memory["hours"]
        return hours

    @property
    def known(self) -> timedelta:
        """How much of what is before the window the events cover."""
        first = self.hours["hour"].min()
        return max(self.since - first, timedelta()) if isinstance(first, datetime) else timedelta()

    @property
    def outcomes(self) -> pl.DataFrame:
        """Accounts with requests, errors, excess_errors, and how many errors their own rate in the history would give.

        `expected` is by everybody's rate for those who are new, null without a history.
        """
        if "outcomes" not in self._memory:
            now = self.ask("requests", "errors", "excess_errors", by=["account"]).rows
            before = self.ask("requests", "errors", by=["account"], window=Window(self.whole.since, self.since)).rows
            whole = float(before["requests"].sum())
            usual = float(before["errors"].sum()) / whole if whole else None
            rates = before.select("account", rate=pl.col("errors") / pl.col("requests"))
            both = now.join(rates, on="account", how="left", nulls_equal=True)
            rate = pl.col("rate").fill_null(pl.lit(usual, pl.Float64))
            self._memory["outcomes"] = both.select(*now.columns, (rate * pl.col("requests")).alias("expected"))
        outcomes: pl.DataFrame = self._memory["outcomes"]
        return outcomes

    def ask(
        self, *metrics: str, by: Sequence[str] = (), where: Sequence[str] = (), having: str | None = None,
        sort: str | None = None, limit: int | None = None, window: Window | None = None,
        accounts: Sequence[str] | None = None,
    ) -> Answer:  # fmt: skip
        """Return metrics of the window (or of another) as `apilens report` does; of these accounts alone."""
        scope = replace(self.scope, window=window or self.window)
        events = self.events if accounts is None else self.events.filter(nw.col("account").is_in(accounts))
        summary = scope.ask(
            events, self.columns, metrics=metrics, by=by, where=where, having=having, sort=sort, limit=limit
        )
        return answers([summary])[0]

    def moment(self, time: datetime) -> str:
        """Return a time as sentences have it."""
        return shown(time, self.scope.tz)

    def command(self, name: str, *flags: tuple[str, str | None], since: datetime | None = None) -> str:
        """Return a command about the same events, those since a time where it is given."""
        begin = (since or self.since).replace(microsecond=0)
        words = ["apilens", name, *self.scope.inputs]
        words += [word for flag, value in flags if value for word in (flag, value)]
        words += [word for text in self.scope.where for word in ("--where", text)]
        words += ["--since", iso(begin) or ""]
        if self.window.until:
            words += ["--until", iso(self.window.until) or ""]
        return shell_line(words)


def picks(flag: str, column: str, value: str) -> tuple[str, str]:
    """Return the flag that asks for a value: the short one, unless the value means something else there."""
    plain = not set(value) & set(",*!(<>=~") and value == value.strip()
    return (f"--{flag}", value) if plain else ("--where", f"{column} = {quoted(value)}")


def percent(share: float) -> str:
    """Return a share as sentences have it."""
    return f"{share:.1%}".replace("%", " %") if share < 0.1 else f"{share:.0%}".replace("%", " %")
