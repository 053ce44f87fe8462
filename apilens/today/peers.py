"""How far a number of one account is from those of all."""

from __future__ import annotations

import polars as pl

# Median absolute deviations of a normal distribution are so many standard deviations.
_MAD = 1.4826
# Peers that are all alike are no reason to call a difference of a few percent extreme.
_SMALLEST = 0.25
FAR = 3.5
PEERS = 5


def far_above(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return the rows whose number is far above the others', with the median as column `usual`.

    By the modified z-score on a logarithmic scale: (ln x − median) / (1.4826 × MAD) > 3.5 (Iglewicz and Hoaglin, 1993),
    among at least five accounts.
    """
    rows = rows.filter(pl.col(column) > 0)
    if rows.height < PEERS:
        return rows.clear().with_columns(pl.lit(None, pl.Float64).alias("usual"))
    logs = rows[column].cast(pl.Float64).log()
    middle = logs.median()
    mad = (logs - middle).abs().median()
    assert isinstance(mad, float)
    score = (logs - middle) / max(_MAD * mad, _SMALLEST)
    usual = rows[column].cast(pl.Float64).median()
    return rows.filter(score > FAR).with_columns(pl.lit(usual).alias("usual")).sort(column, descending=True)
