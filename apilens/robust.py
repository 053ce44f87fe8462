"""How far values spread, whoever is extreme: by the median absolute deviation (MAD)."""

from __future__ import annotations

import polars as pl

# MAD × this is the standard deviation of normally distributed values (Iglewicz and Hoaglin, 1993).
_SIGMA = 1.4826


def spread(values: pl.Expr) -> pl.Expr:
    """Return the robust standard deviation, 1.4826 × median(|x − median(x)|); 0 where most values are equal."""
    return _SIGMA * (values - values.median()).abs().median()
