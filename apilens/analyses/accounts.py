"""accounts: the customers, each with what accounts.csv says of it and with its traffic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from apilens.accounts import PREFIX, Accounts
from apilens.analyses import answers
from apilens.analyses.scope import Scope
from apilens.answer import Events
from apilens.heading import attributed
from apilens.result import Result, Table
from apilens.schema import DTYPES

METRICS = ("requests", "error_rate", "first_request", "last_request")
LIMIT = 50
# What is shown of accounts.csv where it has that and `show:` in apilens.yaml does not say otherwise.
_USUAL = ("name", "plan")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsOptions(Scope):
    """What is asked. known: accounts.csv, where there is one. sort: a metric or `account`. limit: rows or None."""

    known: Accounts | None = None
    sort: str | None = None
    limit: int | None = LIMIT

    def texts(self) -> list[str]:
        """Return every name and condition in it."""
        # Not super(): see ReportOptions.
        return [*Scope.texts(self), "account", *([self.sort] if self.sort else [])]


def accounts(events: Events, options: AccountsOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return a row per account that has requests in scope, those with most first.

    Raises UsageError for a bad condition, and a `sort` that is none.
    """
    question = options.ask(events, columns, metrics=METRICS, by=("account",), sort=options.sort, limit=options.limit)
    [answer] = answers([question])
    result = Result(
        kind="accounts",
        title="Accounts",
        tables=(Table("accounts", answer.fields, answer.rows),),
        query={
            "where": list(options.where),
            "sort": options.sort,
            "limit": "all" if options.limit is None else options.limit,
            **options.query(),
        },
        header=options.header(answer.totals),
        notes=_notes(answer.totals.requests, answer.left_out, attributed(answer.totals.attributed_share)),
        command=options.command(
            "accounts", [("--sort", options.sort), *options.flags(limit=options.limit, usual=LIMIT)]
        ),
    )
    return _described(result, options.known)


def _described(result: Result, known: Accounts | None) -> Result:
    if known is None:
        return result
    show = known.show or tuple(name for name in _USUAL if PREFIX + name in known.table.columns)
    return Accounts(known.table, show).shown(result)


def _notes(requests: int, left_out: int, share: str | None) -> tuple[str, ...]:
    if not requests:
        return ("no request matches: widen --since, or loosen --where",)
    more = [f"and {left_out:,} more; --limit all shows them"] if left_out else []
    return (*more, *([share] if share else []), "apilens account NAME shows one of them")
