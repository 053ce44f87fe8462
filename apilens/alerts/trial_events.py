"""Events of rule tests: written out, or by a line such as `401 × 120 over 1h for account acme on POST /v1/pay`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from apilens.errors import UsageError
from apilens.schema import DTYPES
from apilens.spelling import nearest
from apilens.window import parse_duration

# When a test begins: a Monday.
START = datetime(2026, 1, 5, tzinfo=UTC)
MAX_EVENTS = 1_000_000

_LINE = re.compile(r"(?P<status>[1-5]\d\d)\s*(?:[×x*]\s*(?P<count>\d+))?(?P<rest>(?:\s+.*)?)")
_CLAUSE = re.compile(
    r"\s+(?:over\s+(?P<over>\S+)|from\s+(?P<from>\S+)|at\s+(?P<at>\S+)|on\s+(?P<on>[A-Z]+\s+\S+)"
    r"|(?:for|with)\s+(?P<column>\w+)\s+(?P<value>\S+))"
)
_EXAMPLE = "write for example: 401 × 120 over 1h from 30m for account acme on POST /v1/pay with duration_ms 80"
_ORDINARY: Mapping[str, Any] = {
    "kind": "request", "direction": "incoming", "weight": 1, "is_bot": False, "is_health_check": False, "item": 0,
    "format": "test", "source": "test",
}  # fmt: skip


def offset(text: str) -> timedelta:
    """Return how long after the beginning of a test: `30m`, `-7d` before it. Raises UsageError for what is none."""
    return -parse_duration(text[1:]) if text.startswith("-") else parse_duration(text)


def events_of_line(line: str, dtypes: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Return the events that a line describes, evenly spread. Raises UsageError for a line that is none."""
    found = _LINE.fullmatch(line.strip())
    if not found or sum(len(part[0]) for part in _CLAUSE.finditer(found["rest"])) != len(found["rest"]):
        raise UsageError(f"{line!r} describes no events", hint=_EXAMPLE)
    count, status = int(found["count"] or 1), int(found["status"])
    if not 0 < count <= MAX_EVENTS:
        raise UsageError(f"{line!r}: from 1 to {MAX_EVENTS:,} events", hint=_EXAMPLE)
    columns: dict[str, Any] = {"status": status, **({"account_verified": False} if status in (401, 403) else {})}
    start, over = timedelta(), timedelta()
    for part in _CLAUSE.finditer(found["rest"]):
        start = offset(part["from"] or part["at"]) if part["from"] or part["at"] else start
        over = parse_duration(part["over"]) if part["over"] else over
        columns |= dict(_columns(part, dtypes))
    step = over / count
    moments = pl.Series([START + start + number * step for number in range(count)], dtype=DTYPES["timestamp"])
    return _frame(moments, columns, dtypes)


def events_of_row(row: Mapping[str, Any], dtypes: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Return the one event of a mapping: `at` and columns. Raises UsageError for an unknown column."""
    columns = {name: value for name, value in row.items() if name != "at"}
    for name in columns:
        _check(name, dtypes)
    if "endpoint" in columns:
        columns = {"method": columns["endpoint"].partition(" ")[0], **columns}
    moment = pl.Series([START + offset(str(row.get("at", "0s")))], dtype=DTYPES["timestamp"])
    return _frame(moment, {"status": 200, **columns}, dtypes)


def _columns(part: re.Match[str], dtypes: Mapping[str, pl.DataType]) -> Iterator[tuple[str, Any]]:
    if part["on"]:
        method, path = part["on"].split()
        yield from (("endpoint", f"{method} {path}"), ("method", method), ("path", path))
    if part["column"]:
        _check(part["column"], dtypes)
        yield part["column"], part["value"]


def _check(name: str, dtypes: Mapping[str, pl.DataType]) -> None:
    if name not in dtypes:
        raise UsageError(f"unknown column `{name}`", hint=nearest(name, dtypes) or "a column of the event table")


def _frame(moments: pl.Series, columns: Mapping[str, Any], dtypes: Mapping[str, pl.DataType]) -> pl.DataFrame:
    given = {**_ORDINARY, **columns}
    try:
        parts = {
            name: pl.Series([given.get(name)]).cast(pl.String).cast(dtype)
            if isinstance(given.get(name), str) and dtype.is_numeric()
            else pl.Series([given.get(name)], dtype=dtype)
            for name, dtype in dtypes.items()
        }
    except (pl.exceptions.PolarsError, TypeError) as error:
        raise UsageError(f"a value does not fit its column: {str(error).splitlines()[0]}") from None
    frame = pl.DataFrame({"timestamp": moments}).with_columns(
        pl.lit(series[0], dtypes[name]).alias(name) for name, series in parts.items() if name != "timestamp"
    )
    moment = pl.col("timestamp")
    return frame.with_columns(moment.alias("started_at"), moment.dt.date().alias("day")).select(list(dtypes))
