"""cohorts: which saved sets of accounts there are, who is in one, and who entered and left since the last look."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import polars as pl

from apilens.accounts import Accounts
from apilens.analyses import answers, collect
from apilens.answer import Events
from apilens.cohort_settings import Cohort
from apilens.cohort_state import Remembered
from apilens.cohorts import listed_accounts, plan_members
from apilens.heading import iso
from apilens.result import Field, Result, Table
from apilens.schema import DTYPES
from apilens.scope_settings import ScopeSettings

LIMIT = 50


def members(
    cohort: Cohort, events: Events, *, everyone: Callable[[], Events], columns: Mapping[str, pl.DataType] = DTYPES,
    now: datetime, accounts: Accounts | None = None, errors: str | None = None, scope: ScopeSettings | None = None,
) -> Table:  # fmt: skip
    """Return the accounts of a cohort, and the metrics that it is about.

    events: those of its window at least. everyone: all events of the store, asked for where accounts may be meant that
    did nothing in that window. now: what times count back from. Raises UsageError for what cannot be meant.
    """
    known = listed_accounts(cohort)
    if known is not None and cohort.is_list:
        return Table("members", (Field("account"),), known)
    plan = plan_members(cohort, events, columns=columns, now=now, errors=errors, scope=scope)
    active, nothing = (answer.rows for answer in answers([plan.active, plan.nothing]))
    active = active.drop_nulls("account")
    if known is None:
        known = active.select("account")
        if cohort.when is not None:
            [seen] = collect([everyone().select("account").unique()])
            names = [known, seen.drop_nulls(), *([accounts.table.select("account")] if accounts else [])]
            known = pl.concat(names).unique()
    return plan.settle(active, nothing, known=known, accounts=accounts)


def list_cohorts(found: Sequence[tuple[str, Cohort, Table]], *, now: datetime) -> Result:
    """Return the cohorts with what they mean and how many accounts they have."""
    rows = [(name, cohort.meaning, table.rows.height) for name, cohort, table in found]
    schema = {"cohort": pl.String(), "meaning": pl.String(), "accounts": pl.Int64()}
    fields = (Field("cohort"), Field("meaning"), Field("accounts", "count"))
    return Result(
        kind="cohorts",
        title="Cohorts",
        tables=(Table("cohorts", fields, pl.DataFrame(rows, schema=schema, orient="row")),),
        query={"now": iso(now)},
        header=(_as_of(now),),
        notes=() if rows else ("no cohorts: name some under `cohorts:` in apilens.yaml",),
        command="apilens cohorts",
    )


def show_cohort(name: str, cohort: Cohort, found: Table, *, now: datetime, limit: int | None = LIMIT) -> Result:
    """Return the accounts of a cohort, with the metrics that it is about."""
    left_out = 0 if limit is None else max(found.rows.height - limit, 0)
    return Result(
        kind="cohorts.show",
        title=f"Cohort {name}",
        tables=(replace(found, rows=found.rows.head(found.rows.height - left_out)),),
        query={"cohort": name, "meaning": cohort.meaning, "now": iso(now), "limit": "all" if limit is None else limit},
        header=(f"{name}: {cohort.meaning}", f"{_counted(found.rows.height)}, {_as_of(now)}"),
        notes=(f"and {left_out:,} more; --limit all shows them",) if left_out else (),
        command=f"apilens cohorts show {name}",
    )


def compare_cohorts(
    found: Sequence[tuple[str, Cohort, Table]], before: Mapping[str, Remembered], *, now: datetime
) -> Result:
    """Return who entered and who left each cohort since it was remembered; `before` lacks those that never were."""
    rows: list[tuple[str, str, str]] = []
    notes = []
    for name, cohort, table in found:
        here, was = set(table.rows["account"]), before.get(name)
        if was is None:
            notes.append(f"{name}: nothing to compare with yet; {_counted(len(here))} remembered")
            continue
        there = set(was.accounts)
        rows += [(name, account, "entered") for account in sorted(here - there)]
        rows += [(name, account, "left") for account in sorted(there - here)]
        notes.append(
            f"{name}: {len(here - there):,} entered, {len(there - here):,} left, {len(here & there):,} stayed "
            f"since {was.at:%Y-%m-%d %H:%M}"
        )
        if was.meaning != cohort.meaning:
            notes.append(f"{name} meant something else then: {was.meaning}")
    schema = dict.fromkeys(("cohort", "account", "change"), pl.String())
    return Result(
        kind="cohorts.diff",
        title="Who entered and who left",
        tables=(Table("changes", tuple(map(Field, schema)), pl.DataFrame(rows, schema=schema, orient="row")),),
        query={"cohorts": [name for name, _, _ in found], "now": iso(now)},
        header=(_as_of(now),),
        notes=tuple(notes) or ("no cohorts: name some under `cohorts:` in apilens.yaml",),
        command="apilens cohorts diff",
    )


def _as_of(now: datetime) -> str:
    return f"as of {now:%Y-%m-%d %H:%M} (UTC)"


def _counted(accounts: int) -> str:
    return f"{accounts:,} account{'' if accounts == 1 else 's'}"
