"""What responses say of the future of their endpoint: the headers Deprecation (RFC 9745) and Sunset (RFC 8594).

They are learned at ingest and kept beside the endpoints, in STORE/state/endpoints.json: see apilens/endpoints.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import polars as pl

from apilens.deprecation_settings import moment
from apilens.schema import TIME

HEADERS = ("deprecation", "sunset")
# since: when it was or will be deprecated, null where the header says only that it is. last: the response that said so.
SCHEMA: Mapping[str, pl.DataType] = {"endpoint": pl.String(), "since": TIME, "sunset": TIME, "last": TIME}
_TRUE = ("true", "?1")


def nothing() -> pl.DataFrame:
    """Return a frame of SCHEMA without rows."""
    return pl.DataFrame(schema=dict(SCHEMA))


def announced(raw: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Return what the responses of a block say, a row of SCHEMA for each endpoint of which any says something.

    raw: what the format gave. events: the same rows enriched. What receivers of webhooks answer is not about this API.
    """
    given = [name for name in HEADERS if _column(name) in raw.columns and raw[_column(name)].count()]
    if not given or "endpoint" not in events.columns:
        return nothing()
    texts = [
        raw[_column(name)].alias(name) if name in given else pl.lit(None, pl.String).alias(name) for name in HEADERS
    ]
    rows = events.select("endpoint", "kind", "direction", pl.col("timestamp").alias("last")).with_columns(texts)
    ours = (pl.col("kind") == "request") & (pl.col("direction") != "outgoing") & pl.col("endpoint").is_not_null()
    rows = rows.filter(ours & pl.any_horizontal(pl.col(name).is_not_null() for name in HEADERS))
    since, sunset = (_moments(rows[name]) for name in HEADERS)
    is_so = rows["deprecation"].str.strip_chars().str.to_lowercase().is_in(_TRUE)
    found = rows.select("endpoint", since.alias("since"), sunset.alias("sunset"), "last")
    return latest([found.filter(pl.any_horizontal(is_so, since.is_not_null(), sunset.is_not_null()))])


def latest(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return frames of SCHEMA as one, of each endpoint what its last response says."""
    return pl.concat([nothing(), *frames]).sort("last", "endpoint").unique("endpoint", keep="last", maintain_order=True)


def from_json(saved: Iterable[Sequence[Any]]) -> pl.DataFrame:
    """Return what `to_json` gave."""
    rows = [(endpoint, *map(moment, times)) for endpoint, *times in saved]
    return pl.DataFrame(rows, schema=dict(SCHEMA), orient="row")


def to_json(rows: pl.DataFrame) -> list[list[Any]]:
    """Return a frame of SCHEMA as JSON values, by endpoint."""
    return [
        [endpoint, *(time and time.isoformat() for time in times)] for endpoint, *times in rows.sort("endpoint").rows()
    ]


def _column(header: str) -> str:
    return f"raw_response_header.{header}"


def _moments(texts: pl.Series) -> pl.Series:
    """Return the times that texts state, null for other texts. Few texts are distinct."""
    times = {text: _moment(text.strip()) for text in texts.drop_nulls().unique()}
    return texts.replace_strict(times, default=None, return_dtype=TIME)


def _moment(text: str) -> datetime | None:
    """Return `@1688169599`, a date of HTTP, or one of ISO 8601, which some servers send."""
    try:
        if text.startswith("@"):
            return datetime.fromtimestamp(int(text[1:]), UTC)
        found = parsedate_to_datetime(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return moment(text)
