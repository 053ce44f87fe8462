"""Accounts that wait much longer for an endpoint than others do."""

from __future__ import annotations

import polars as pl

from apilens.today.base import FEW, Day, Finding, picks

_TIMES, _LONGER_MS = 3, 100
_PEERS = 3


def slow_accounts(day: Day) -> list[Finding]:
    """Return accounts whose median duration on an endpoint is three times that of the median account there, and 100 ms
    longer: of 20 requests or more, where three others have as many.
    """
    rows = day.ask(
        "p50_ms", "p95_ms", "requests", by=["account", "endpoint"],
        where=["account IS NOT NULL", "endpoint IS NOT NULL", "duration_ms IS NOT NULL"], having=f"requests >= {FEW}",
    ).rows  # fmt: skip
    peers = rows.with_columns(
        pl.col("p50_ms").median().over("endpoint").alias("usual"), (pl.len().over("endpoint") - 1).alias("others")
    )
    slow = peers.filter(
        (pl.col("others") >= _PEERS) & (pl.col("p50_ms") >= _TIMES * pl.col("usual"))
        & (pl.col("p50_ms") >= pl.col("usual") + _LONGER_MS)
    ).with_columns(((pl.col("p50_ms") - pl.col("usual")) * pl.col("requests")).alias("lost"))  # fmt: skip
    return [
        Finding(
            kind=day.kind, account=row["account"], what=f"slow {row['endpoint']}", value=row["p50_ms"],
            usual=row["usual"], requests=row["requests"],
            sentence=f"{row['account']}: {row['endpoint']} takes {row['p50_ms']:,.0f} ms at the median "
            f"(p95 {row['p95_ms']:,.0f} ms), {row['usual']:,.0f} ms for the median account",
            command=day.command("latency", picks("account", "account", row["account"]),
                                picks("endpoint", "endpoint", row["endpoint"])),
        )
        for row in slow.sort(["lost", "account"], descending=[True, False]).head(FEW).iter_rows(named=True)
    ]  # fmt: skip
