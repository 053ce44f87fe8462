"""The list of accounts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from apilens.accounts import Accounts
from apilens.analyses.accounts import AccountsOptions, accounts
from apilens.result import Result
from tests.event_frames import NOON, event, events_of

ROWS = [
    event(account="acme", status=500, timestamp=NOON - timedelta(hours=1)),
    event(account="acme", weight=2),
    event(account="globex"),
    event(account=None),
    event(account="globex", kind="action", action="signed_in"),
]
KNOWN = Accounts(
    pl.DataFrame({"account": ["acme", "idle"], "account.name": ["Acme Corp", "Idle"], "account.plan": ["pro", "free"]})
)


def ask(**options: Any) -> Result:
    return accounts(events_of(ROWS), AccountsOptions(now=NOON, **options))


def test_accounts_have_their_traffic() -> None:
    result = ask()

    assert result.tables[0].rows.rows() == [
        ("acme", 3, 0.333333, NOON - timedelta(hours=1), NOON),
        ("globex", 1, 0.0, NOON, NOON),
        (None, 1, 0.0, NOON, NOON),
    ]
    assert result.command == "apilens accounts"
    assert result.notes == ("80.0 % of requests have an account", "apilens account NAME shows one of them")


def test_name_and_plan_stand_beside_the_account() -> None:
    result = ask(known=KNOWN, sort="account")

    columns = ["account", "account.name", "account.plan", "requests"]
    assert result.tables[0].rows.select(columns).rows() == [
        ("acme", "Acme Corp", "pro", 3), ("globex", None, None, 1), (None, None, None, 1),
    ]  # fmt: skip


def test_show_says_what_else_stands_there() -> None:
    result = ask(known=Accounts(KNOWN.table, ("plan",)), limit=1)

    assert result.tables[0].rows.columns[:3] == ["account", "account.plan", "requests"]
    assert result.notes[0] == "and 2 more; --limit all shows them"


def test_no_account_is_one_sentence() -> None:
    assert ask(where=("status = 404",)).notes == ("no request matches: widen --since, or loosen --where",)
