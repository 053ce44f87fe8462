"""Paths as endpoints: `GET /v1/users/8817/orders` is a call of `GET /v1/users/{id}/orders`.

The first that says something wins: the route that the log states, the API's description, `endpoints:` in apilens.yaml,
the shapes of ids. What only many paths together show (slugs, paths that lead nowhere) is learned: learned_routes.py.
"""

from __future__ import annotations

import polars as pl

from apilens.enrich.base import Context, Step
from apilens.enrich.path_template import template


def _endpoint(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    routes: list[pl.Expr] = []
    if "route" in frame.columns:
        stated = pl.when(pl.col("route") != "").then(pl.col("route"))
        context.routes.stated.update(frame.select(stated).to_series().drop_nulls().unique())
        routes.append(stated)
    if "path" in frame.columns:
        routes += [pl.lit(made) for made in _templates(frame["path"], context)]
    if "method" not in frame.columns or not routes:
        return frame.with_columns(pl.lit(None, dtype=pl.String).alias("endpoint"))
    # Null as soon as one part is: what is no request has no endpoint.
    endpoint = pl.concat_str([pl.col("method"), pl.coalesce(routes)], separator=" ")
    return frame.with_columns(endpoint.alias("endpoint"))


def _templates(paths: pl.Series, context: Context) -> list[pl.Series]:
    matched = context.routes.match(paths)
    if matched.null_count() == 0:
        return [matched]
    return [matched, template(paths)] if matched.null_count() < paths.len() else [template(paths)]


ENDPOINT = Step("endpoint", reads=("method", "path", "route"), makes=("endpoint",), apply=_endpoint)
