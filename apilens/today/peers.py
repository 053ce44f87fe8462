"""How far a number of one account is from those of all."""

from __future__ import annotations

import polars as pl

from apilens.robust import spread

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
    log, usual = pl.col(column).cast(pl.Float64).log(), pl.col(column).cast(pl.Float64).median()
    score = (log - log.median()) / pl.max_horizontal(spread(log), pl.lit(_SMALLEST))
    judged = rows.with_columns(usual.alias("usual"), score.alias("#score"))
    return judged.filter(pl.col("#score") > FAR).drop("#score").sort(column, descending=True)
