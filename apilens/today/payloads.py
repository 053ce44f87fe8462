"""Accounts whose calls are very much bigger than those of others."""

from __future__ import annotations

from apilens.today.base import FEW, Day, Finding, percent, picks
from apilens.today.peers import far_above

_TIMES = 5


def heavy_payloads(day: Day) -> list[Finding]:
    """Return accounts whose mean of a number (request_bytes, or a numeric column of the settings) is far above that of
    others, and five times that of the median account.
    """
    return [finding for column in ("request_bytes", *day.payloads) for finding in _heavy(day, column)]


def _heavy(day: Day, column: str) -> list[Finding]:
    mean, total = f"mean({column})", f"sum({column})"
    rows = day.ask(
        mean, total, "requests", by=["account"], where=["account IS NOT NULL", f"{column} IS NOT NULL"],
        having=f"requests >= {FEW}",
    ).rows  # fmt: skip
    whole = float(rows[total].sum() or 0)
    far = far_above(rows, mean)
    return [
        Finding(
            kind=day.kind, account=row["account"], what=f"much {column} a call", value=row[mean],
            usual=row["usual"], requests=row["requests"],
            sentence=f"{row['account']}: {row[mean]:,.0f} {column} a call, {row['usual']:,.0f} for the median "
            f"account; {percent(row[total] / whole)} of all",
            command=day.command("outliers", ("--metric", mean), picks("account", "account", row["account"])),
        )
        for row in far.filter(far[mean] >= _TIMES * far["usual"]).iter_rows(named=True)
    ]  # fmt: skip
