"""Accounts that call from very many addresses: a key that leaked, perhaps."""

from __future__ import annotations

from apilens.today.base import FEW, Day, Finding, picks
from apilens.today.onset import onsets
from apilens.today.peers import far_above

_MANY = 50


def many_addresses(day: Day) -> list[Finding]:
    """Return accounts with 50 addresses or more, far above what others have."""
    rows = day.ask("ips", "requests", by=["account"], where=["account IS NOT NULL"], having=f"requests >= {FEW}").rows
    far = far_above(rows, "ips")
    far = far.filter(far["ips"] >= _MANY)
    begun = onsets(day, "ips", far["account"].to_list())
    found = []
    for row in far.iter_rows(named=True):
        since = begun.get(row["account"])
        found.append(Finding(
            kind=day.kind, account=row["account"], what="many addresses", value=float(row["ips"]), usual=row["usual"],
            requests=row["requests"], since=since,
            sentence=f"{row['account']}: {row['requests']:,} requests from {row['ips']:,} addresses, "
            f"{row['usual']:,.0f} for the median account" + (f", since {day.moment(since)}" if since else ""),
            command=day.command("report", ("--by", "client_ip"), picks("account", "account", row["account"])),
        ))  # fmt: skip
    return found
