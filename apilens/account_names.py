"""Who is meant by a name on the command line: an account by its id, or by what accounts.csv calls it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from apilens.accounts import PREFIX, Accounts
from apilens.errors import UsageError
from apilens.spelling import nearest
from apilens.store.catalogue import catalogue_of
from apilens.store.table import Store

# What tables show in place of no account.
NOBODY = "(unattributed)"
_NAME = f"{PREFIX}name"


@dataclass(frozen=True, slots=True)
class Whose:
    """An account: its id, None for requests without an account; what accounts.csv says of it, name → value; and when
    it was last seen, ever."""

    id: str | None
    said: dict[str, object]
    last_seen: datetime | None = None

    @property
    def name(self) -> str:
        """What people call it: the id, and the name behind it where it has one."""
        called = self.said.get(_NAME)
        return NOBODY if self.id is None else f"{self.id} ({called})" if called and called != self.id else self.id

    @property
    def further(self) -> dict[str, object]:
        """What else accounts.csv says of it."""
        return {name: value for name, value in self.said.items() if value is not None and name != _NAME}

    @property
    def condition(self) -> str:
        """The SQL condition of its requests."""
        return "account IS NULL" if self.id is None else "account = '" + self.id.replace("'", "''") + "'"


def account_of(store: Store, text: str, accounts: Accounts | None) -> Whose:
    """Return the account that a text means: its id, else its name in accounts.csv, in whatever case.

    Raises UsageError for one that neither the store nor accounts.csv knows, and for a name that several have.
    """
    if text == NOBODY:
        return Whose(None, {})
    known = catalogue_of(store)
    seen = known.of("account")
    table = accounts.table if accounts else pl.DataFrame(schema={"account": pl.String})
    ids = {*seen["name"], *table["account"]}
    if text not in ids:
        called = _called(table, text)
        if len(called) > 1:
            raise UsageError(f"{len(called)} accounts are called {text!r}", hint=f"give an id: {', '.join(called)}")
        # The catalogue lacks names where there are very many: one that it does not have may well have events.
        if not called and "account" not in known.full:
            names = table[_NAME].drop_nulls().cast(pl.String) if _NAME in table.columns else ()
            hint = nearest(text, sorted({*ids, *names})) or "`apilens accounts` lists them"
            raise UsageError(f"no account {text!r}", hint=hint)
        text = called[0] if called else text
    rows = table.filter(pl.col("account") == text).drop("account").to_dicts()
    return Whose(text, rows[0] if rows else {}, seen.filter(pl.col("name") == text)["last"].max())  # type: ignore[arg-type]


def _called(table: pl.DataFrame, text: str) -> list[str]:
    if _NAME not in table.columns:
        return []
    name = pl.col(_NAME).cast(pl.String).str.to_lowercase()
    return table.filter(name == text.lower())["account"].to_list()
