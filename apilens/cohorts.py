"""Who belongs to a cohort of apilens.yaml: planned as questions by account, settled on the small answers.

The accounts of a cohort are those of now, whatever window a command looks at: times count back from `now`, which is the
newest event where that is old. An account that did nothing has the metrics of no events at all, so `requests = 0` means
those, too: of the accounts that are listed, or of all that the store or `accounts:` knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import narwhals as nw
import polars as pl

from apilens.accounts import Accounts
from apilens.answer import Events, Summary
from apilens.cohort_settings import Cohort
from apilens.computed import dtype_of
from apilens.conditions import metrics_in
from apilens.csv_table import read_csv
from apilens.dimensions import unit_of
from apilens.engine import frame
from apilens.errors import UsageError
from apilens.left_out import left_out
from apilens.query import summarise
from apilens.result import Field, Table
from apilens.scope_settings import ScopeSettings
from apilens.spelling import nearest
from apilens.window import Window, parse_duration

_CALL = re.compile(r"\bcohort\(\s*'([^']*)'\s*\)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cohorts:
    """The cohorts of apilens.yaml by name, and what it takes to say who is in them.

    now: the clock. accounts: what else is known of accounts. errors: the condition of errors where it is not the
    default. scope: what is left out. tell: hears how many accounts a cohort has that was asked for. cost: what a
    request costs.
    """

    saved: Mapping[str, Cohort]
    now: datetime
    accounts: Accounts | None = None
    errors: str | None = None
    scope: ScopeSettings | None = None
    tell: Callable[[str], None] = lambda line: None
    cost: str | None = None

    def __getitem__(self, name: str) -> Cohort:
        """Return the cohort of a name. Raises UsageError for an unknown one."""
        if name not in self.saved:
            known = f"one of {', '.join(self.saved)}" if self.saved else "name some under `cohorts:` in apilens.yaml"
            raise UsageError(f"unknown cohort `{name}`", hint=nearest(name, self.saved) or known)
        return self.saved[name]


@dataclass(frozen=True, slots=True)
class Membership:
    """A planned cohort: what the accounts did, and what one has that did nothing, for whom there is one row."""

    cohort: Cohort
    active: Summary
    nothing: Summary
    now: datetime

    def settle(
        self, active: pl.DataFrame, nothing: pl.DataFrame, *, known: pl.DataFrame, accounts: Accounts | None
    ) -> Table:
        """Return `account` and the metrics of each member, ranked where the cohort is a rank, else by name.

        known: the accounts that may be members, `account` alone.
        """
        # Here and not above: sqlglot takes 0.1 s to import, and most questions are about no cohort.
        from apilens.filters import compile_filter

        did = active.join(known, on="account", how="semi")
        idle = known.join(active, on="account", how="anti").join(nothing, how="cross")
        rows = pl.concat([did, idle.select(did.columns)], how="vertical_relaxed")
        types: dict[str, pl.DataType] = {"account": pl.String()}
        types |= {name: dtype_of(metric) for name, metric in self.active.metrics.items()}
        if accounts is not None:
            rows = rows.join(accounts.table, on="account", how="left")
            types |= accounts.dtypes()
        wanted = compile_filter(self.cohort.condition, types, now=self.now)
        rows = nw.from_native(rows).filter(wanted).to_native().sort("account")
        by = self.cohort.by
        if by is not None:
            if by not in rows.columns:
                raise UsageError(f"by: no column `{by}`", hint=nearest(by, rows.columns))
            rows = rows.drop_nulls(by).sort(by, "account", descending=[True, False]).head(self.cohort.top or 0)
        return self._table(rows)

    def _table(self, rows: pl.DataFrame) -> Table:
        fields = {"account": Field("account")}
        if self.cohort.by is not None:
            fields[self.cohort.by] = Field(self.cohort.by, unit_of(rows.schema[self.cohort.by]))
        fields |= {name: Field(name, metric.unit, metric.better) for name, metric in self.active.metrics.items()}
        return Table("members", tuple(fields.values()), rows.select(list(fields)))


def plan_members(
    cohort: Cohort, events: Events, *, columns: Mapping[str, pl.DataType], now: datetime, errors: str | None,
    scope: ScopeSettings | None = None,
) -> Membership:  # fmt: skip
    """Return the plan of who is in a cohort; `events` hold at least those of `window_of_cohort`.

    Raises UsageError for what cannot be meant, now that all columns are known.
    """
    by = [cohort.by] if cohort.by and not cohort.by.startswith("account.") else []
    metrics = list(dict.fromkeys([*by, *metrics_in(cohort.condition)])) or ["requests"]

    leave = left_out(scope, cohort.texts, columns)

    def ask(events: Events, by: Iterable[str]) -> Summary:
        return summarise(
            events, metrics=metrics, by=list(by), where=cohort.where, window=window_of_cohort(cohort, now),
            dtypes=columns, newest=False, errors=errors, leave=leave,
        )  # fmt: skip

    return Membership(cohort, ask(events, ["account"]), ask(frame(pl.LazyFrame(schema=columns)), []), now)


def window_of_cohort(cohort: Cohort, now: datetime) -> Window:
    """Return the window that a cohort is about."""
    return Window(now - parse_duration(cohort.over) if cohort.over else None, None)


def listed_accounts(cohort: Cohort) -> pl.DataFrame | None:
    """Return the accounts that a cohort lists, None where it has no list. Raises ConfigError for a bad file."""
    if cohort.accounts is not None:
        names = list(cohort.accounts)
    elif cohort.file is not None:
        table = read_csv(cohort.file, one_of=("account", "id"))
        column = "account" if "account" in table.columns else "id"
        table.need_values(column)
        table.check()
        names = table.columns[column]
    else:
        return None
    return pl.DataFrame({"account": sorted(set(names))}, schema={"account": pl.String()})


def named_cohorts(texts: Iterable[str]) -> list[str]:
    """Return the cohorts that conditions name, as in `cohort('vip') AND status >= 400`."""
    return list(dict.fromkeys(name for text in texts for name in _CALL.findall(text)))


def with_members(events: Events, name: str, members: pl.DataFrame) -> Events:
    """Return the events with the column that `cohort('NAME')` in a condition reads: whether their account is in it."""
    belongs = nw.col("account").is_in(members["account"].to_list())
    return events.with_columns(nw.coalesce(belongs, nw.lit(False)).alias(column_of(name)))


def column_of(name: str) -> str:
    """Return the column that says whether an event is of a cohort: what a condition calls it."""
    return f"cohort('{name}')"
