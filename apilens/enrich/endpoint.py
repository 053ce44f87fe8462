"""Paths as endpoints: `GET /v1/users/8817/orders` is a call of `GET /v1/users/{id}/orders`."""

from __future__ import annotations

import polars as pl

from apilens.enrich.base import Context, Step
from apilens.enrich.path_template import template


def _endpoint(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    routes: list[pl.Expr] = []
    if "route" in frame.columns:
        routes.append(pl.when(pl.col("route") != "").then(pl.col("route")))
    if "path" in frame.columns:
        routes.append(pl.lit(template(frame["path"])))
    if "method" not in frame.columns or not routes:
        return frame.with_columns(pl.lit(None, dtype=pl.String).alias("endpoint"))
    # Null as soon as one part is: what is no request has no endpoint.
    endpoint = pl.concat_str([pl.col("method"), pl.coalesce(routes)], separator=" ")
    return frame.with_columns(endpoint.alias("endpoint"))


ENDPOINT = Step("endpoint", reads=("method", "path", "route"), makes=("endpoint",), apply=_endpoint)
