"""Event frames for tests: a few columns by hand, the rest as an ordinary request has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import narwhals as nw
import polars as pl
from hypothesis import strategies as st

from apilens.engine import frame
from apilens.schema import DTYPES, dtypes

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)

ORDINARY: Mapping[str, Any] = {
    **dict.fromkeys(DTYPES),
    "timestamp": NOON,
    "started_at": NOON,
    "kind": "request",
    "status": 200,
    "is_bot": False,
    "is_health_check": False,
    "direction": "incoming",
    "weight": 1,
    "format": "combined",
    "source": "access.log",
    "line": 1,
    "item": 0,
}


def event(**columns: Any) -> dict[str, Any]:
    """Return an ordinary request with these columns in place of its own."""
    row = {**ORDINARY, **columns}
    return {**row, "day": row["timestamp"].date()}


def events_of(
    rows: Sequence[Mapping[str, Any]], *, extra: Mapping[str, pl.DataType] | None = None
) -> nw.LazyFrame[Any]:
    """Return the rows as the lazy frame that queries take; `extra` are configured columns."""
    types = dtypes(extra)
    return frame(pl.DataFrame([{name: row.get(name) for name in types} for row in rows], schema=types))


def _maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([None, *values])


def _in_lines(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "line": line} for line, row in enumerate(rows, 1)]


def _begun(seconds: int, **columns: Any) -> dict[str, Any]:
    return event(started_at=NOON + timedelta(seconds=seconds), **columns)


# What an event has beyond the table where the API is described.
DOCUMENTED: Mapping[str, pl.DataType] = {
    "endpoint.documented": pl.Boolean(), "#operation": pl.String(), "#operations": pl.Int64(),
}  # fmt: skip

random_events = st.lists(
    st.builds(
        _begun,
        seconds=st.integers(0, 200),
        timestamp=st.datetimes(datetime(2026, 10, 25), datetime(2026, 11, 10), timezones=st.just(UTC)),
        kind=st.sampled_from(["request", "request", "request", "action"]),
        account=_maybe("acme", "globex", "İnitech ☃"),
        user=_maybe("u1", "u2"),
        session=_maybe("s1", "s2"),
        client_ip=_maybe("10.0.0.1", "::1"),
        endpoint=_maybe("GET /a", "POST /b"),
        status=_maybe(200, 204, 301, 400, 401, 403, 429, 500, 503, 599, 99),
        duration_ms=st.none() | st.floats(0, 1e5, allow_nan=False),
        request_bytes=st.none() | st.integers(0, 2**40),
        response_bytes=st.sampled_from([None, 0]) | st.integers(0, 2**40),
        weight=st.just(1),
        sdk=_maybe("curl", "acme-python"),
        api_version=_maybe("v1", "v2"),
        request_fingerprint=_maybe(7, 8),
        error_code=_maybe("missing_field"),
        response_shape=_maybe("id:integer"),
        **{"#operation": _maybe("GET /a", "POST /b"), "#operations": st.just(3)},
    ),
    max_size=25,
).map(_in_lines)
