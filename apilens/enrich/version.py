"""The API version a request asked for: what the source says, or else the version in its endpoint or path.

`/v2/users` → v2, `/v1beta1/jobs` → v1beta1; right at the start or behind `/api` also `/2024-01-31/users` → 2024-01-31
and `/api/1.0/users` → 1.0. Elsewhere such a segment is a date or a file's version.
"""

from __future__ import annotations

import polars as pl

from apilens.enrich.base import Context, Step
from apilens.enrich.mapping import map_distinct, memory

_NAMED = r"/([vV][0-9]{1,3}(?:\.[0-9]+)*(?:p[0-9]+)?(?:(?:alpha|beta|rc)[0-9]*)?)(?:/|$)"
_LEADING = r"(?:^(?:[^ /]+ )?|/api)/(20[0-9]{2}-[0-9]{2}(?:-[0-9]{2})?|[0-9]{1,3}\.[0-9]+(?:\.[0-9]+)?)(?:/|$)"


def _of(paths: pl.Series) -> pl.Series:
    return paths.to_frame("path").select(
        pl.coalesce(pl.col("path").str.extract(_NAMED), pl.col("path").str.extract(_LEADING))
    ).to_series()  # fmt: skip


def _version(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    found = [pl.lit(None, dtype=pl.String)]
    if "api_version" in frame.columns:
        found.append(pl.when(pl.col("api_version") != "").then(pl.col("api_version")))
    # Versions stay in endpoints, and those are few; a route that the source states may begin behind the version.
    places = ("endpoint", "path") if "route" in frame.columns else ("endpoint",)
    found += [
        pl.lit(map_distinct(frame[name], _of, known=memory("versions"))) for name in places if name in frame.columns
    ]
    return frame.with_columns(pl.coalesce(found).alias("api_version"))


VERSION = Step("version", reads=("endpoint", "path", "route", "api_version"), makes=("api_version",), apply=_version)
