"""What tests of rules say of accounts: their columns `account.NAME`, and who is in which cohort."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from apilens.accounts import Accounts
from apilens.answer import Events
from apilens.cohorts import column_of, named_cohorts, with_members
from apilens.errors import UsageError

# Cohort → who is in it.
Members = Mapping[str, tuple[str, ...]]


def beside(
    events: Events, columns: Mapping[str, pl.DataType], texts: Iterable[str], *, accounts: Accounts | None,
    members: Members,
) -> tuple[Events, dict[str, pl.DataType]]:  # fmt: skip
    """Return events with the columns of accounts and cohorts that the texts of a rule name, and all columns there are.

    Raises UsageError for a cohort of which nothing is said.
    """
    listed, types = list(texts), dict(columns)
    if accounts is not None:
        events, types = accounts.beside(events, listed), {**types, **accounts.dtypes()}
    for name in named_cohorts(listed):
        if name not in members:
            raise UsageError(
                f"nothing says who is in the cohort `{name}`", hint=f"in the test: cohorts: {{{name}: [acme, globex]}}"
            )
        rows = pl.DataFrame({"account": members[name]}, schema={"account": pl.String})
        events, types[column_of(name)] = with_members(events, name, rows), pl.Boolean()
    return events, types
