"""Accounts whose requests fail beyond what others get on the same endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from apilens.today.base import FEW, Day, Finding, percent, picks
from apilens.today.onset import onsets

_LOOKED_AT = 20
# From here on errors are mostly of one kind, or everybody's mostly of one account.
_MOSTLY = 0.5


def failing_accounts(day: Day) -> list[Finding]:
    """Return those with at least 20 errors, and half of their errors, beyond what others get on the same endpoints; or
    beyond what they got before, where that is not so for everybody.
    """
    before = pl.col("errors") - pl.col("expected").fill_null(pl.col("errors"))
    own = pl.lit(0.0) if any(finding.account is None for finding in day.found) else before
    worst = (
        day.outcomes.with_columns(pl.max_horizontal("excess_errors", own).alias("excess"))
        .filter(pl.col("account").is_not_null(), pl.col("excess") >= FEW, pl.col("excess") * 2 >= pl.col("errors"))
        .sort(["excess", "account"], descending=[True, False]).head(_LOOKED_AT)
    )  # fmt: skip
    names = worst["account"].to_list()
    if not names:
        return []
    kinds = day.ask(
        "errors", by=["account", "status", "endpoint", "error_code", "error_field", "auth_failure"],
        having="errors > 0", accounts=names,
    ).rows  # fmt: skip
    everybody = dict(day.ask("errors", by=["status"], having="errors > 0").rows.iter_rows())
    begun = onsets(day, "errors", names)
    return [
        _finding(day, row, kinds.filter(pl.col("account") == row["account"]), everybody, begun.get(row["account"]))
        for row in worst.iter_rows(named=True)
    ]


def _finding(
    day: Day, row: Mapping[str, Any], kinds: pl.DataFrame, everybody: Mapping[int | None, int], since: datetime | None
) -> Finding:
    status, errors = _most(kinds, "status")
    own = kinds.filter(pl.col("status") == status)
    endpoint, on_it = _most(own, "endpoint")
    details = [f"{row['errors']:,} of {row['requests']:,} requests failed", f"{errors:,} × {status}"]
    if errors == row["errors"]:
        details = [f"{errors:,} × {status} in {row['requests']:,} requests"]
    details += [words for column in ("auth_failure", "error_code", "error_field") if (words := _reason(own, column))]
    if endpoint and on_it >= errors * 0.8:
        details.append(f"on {endpoint}")
    if errors >= _MOSTLY * everybody[status] and errors < everybody[status]:
        details.append(f"{percent(errors / everybody[status])} of everybody's {status}s")
    if since:
        details.append(f"since {day.moment(since)}")
    flags = [picks("account", "account", row["account"]), ("--status", str(status))]
    return Finding(
        kind=day.kind, account=row["account"], what=f"{status} on {percent(errors / row['requests'])} of requests",
        value=row["errors"] / row["requests"], usual=(row["errors"] - row["excess"]) / row["requests"],
        requests=row["errors"], since=since, sentence=f"{row['account']}: {', '.join(details)}",
        command=day.command("events", *flags),
    )  # fmt: skip


def _most(kinds: pl.DataFrame, column: str) -> tuple[Any, int]:
    """Return the value that most errors have, and how many."""
    sums = kinds.group_by(column).agg(pl.col("errors").sum()).sort(["errors", column], descending=[True, False])
    value, errors = sums.row(0)
    return value, int(errors)


def _reason(kinds: pl.DataFrame, column: str) -> str | None:
    """Return which value of a column most of these errors have: 98 % expired."""
    value, errors = _most(kinds, column)
    share = errors / int(kinds["errors"].sum())
    return f"{percent(share)} {value}" if value is not None and share >= _MOSTLY else None
