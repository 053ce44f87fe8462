"""Paths as endpoints: `GET /v1/users/8817/orders` is a call of `GET /v1/users/{id}/orders`.

The first that says something wins: the route that the log states, the API's description, `endpoints:` in apilens.yaml,
the shapes of ids. What only many paths together show (slugs, paths that lead nowhere) is learned: learned_routes.py.
Behind a path of GraphQL comes the operation: `POST /graphql#Order`.
"""

from __future__ import annotations

import polars as pl

from apilens.enrich.base import Context, Step
from apilens.enrich.graphql import operation_in_body, operation_in_query
from apilens.enrich.mapping import map_distinct_python
from apilens.enrich.path_template import template
from apilens.enrich.redact import redact_texts

_GRAPHQL = ("/graphql", "/gql")


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
    return _with_operations(frame.with_columns(endpoint.alias("endpoint")), context)


def _templates(paths: pl.Series, context: Context) -> list[pl.Series]:
    matched = context.routes.match(paths)
    if matched.null_count() == 0:
        return [matched]
    return [matched, template(paths)] if matched.null_count() < paths.len() else [template(paths)]


def _with_operations(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Return the frame with the operations of GraphQL behind its endpoints; only rows of such a path are looked at."""
    endpoint = frame["endpoint"]
    is_graphql = endpoint.str.ends_with(_GRAPHQL[0]) | endpoint.str.ends_with(_GRAPHQL[1])
    rows = is_graphql.arg_true()
    if rows.is_empty():
        return frame
    operations = _operations(frame[rows], context)
    named = pl.select(pl.concat_str([endpoint.gather(rows), operations], separator="#")).to_series()
    found = operations.is_not_null()
    return frame.with_columns(endpoint.scatter(rows.filter(found), named.filter(found)).alias("endpoint"))


def _operations(asked: pl.DataFrame, context: Context) -> pl.Series:
    """Return the operation of each request, null where nothing says it."""
    found = pl.repeat(None, asked.height, dtype=pl.String, eager=True)
    if "raw_graphql_body" in asked.columns:
        found = map_distinct_python(asked["raw_graphql_body"], operation_in_body)
    if "raw_target" in asked.columns:
        queries = asked["raw_target"].str.extract(r"\?([^#]*)").set(found.is_not_null(), None)
        found = found.zip_with(found.is_not_null(), map_distinct_python(queries, operation_in_query))
    # A name that looks like a key is one that somebody put in the wrong place.
    safe = redact_texts(found, context.settings.redact)
    return found.set((safe != found).fill_null(False), None)


ENDPOINT = Step(
    "endpoint",
    reads=("method", "path", "route", "raw_target", "raw_graphql_body"),
    makes=("endpoint",),
    apply=_endpoint,
)
