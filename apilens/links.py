"""Links of apilens.yaml filled in: where else a row of an answer can be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import polars as pl

from apilens.link_settings import fields_of, pieces_of

PREFIX = "link."


def with_links(rows: pl.DataFrame, links: Mapping[str, str]) -> pl.DataFrame:
    """Return the rows with a column `link.NAME` for each link whose columns they all have.

    Values are percent-encoded, `/` too. Where one of them is null there is no link.
    """
    made = []
    for name, template in links.items():
        if set(fields_of(template)) <= set(rows.columns):
            parts: list[pl.Expr | pl.Series] = []
            for text, field in pieces_of(template):
                parts.append(pl.lit(text))
                if field is not None:
                    parts.append(_encoded(rows[field]))
            made.append(pl.concat_str(parts).alias(PREFIX + name))
    return rows.with_columns(made)


def _encoded(values: pl.Series) -> pl.Series:
    if values.dtype == pl.Datetime:
        values = values.dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
    texts = values.cast(pl.String)
    # Polars has no percent-encoding: the distinct values are few.
    distinct = texts.drop_nulls().unique()
    made = pl.Series([quote(text, safe="") for text in distinct], dtype=pl.String)
    return texts.replace_strict(distinct, made, default=None, return_dtype=pl.String)
