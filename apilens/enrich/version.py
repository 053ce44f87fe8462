"""The API version a request asked for: `/v2/users` → v2, `/2024-01-31/users` → 2024-01-31, or what the source says."""

from __future__ import annotations

import polars as pl

from apilens.enrich.base import Context, Step
from apilens.enrich.mapping import map_distinct

_SEGMENT = r"/(v[0-9]{1,3}(?:\.[0-9]+)*(?:(?:alpha|beta)[0-9]*)?|20[0-9]{2}-[0-9]{2}-[0-9]{2})(?:/|$)"


def _version(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    found = []
    if "api_version" in frame.columns:
        found.append(frame["api_version"])
    if "path" in frame.columns:
        found.append(map_distinct(frame["path"], lambda paths: paths.str.extract(_SEGMENT)))
    if not found:
        return frame.with_columns(pl.lit(None, dtype=pl.String).alias("api_version"))
    return frame.with_columns(pl.coalesce([pl.lit(values) for values in found]).alias("api_version"))


VERSION = Step("version", reads=("path", "api_version"), makes=("api_version",), apply=_version)
