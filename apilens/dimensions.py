"""DIMENSIONS: what traffic can be broken down by, each an expression over the event table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import narwhals as nw
import polars as pl

from apilens.errors import UsageError
from apilens.result import Unit
from apilens.schema import DTYPES, TIME
from apilens.spelling import nearest


@dataclass(frozen=True, slots=True)
class Dimension:
    """One way to group events: `expr` over the columns in `needs` gives `dtype`; null is a group of its own.

    many: it may have as many values as there are events.
    """

    name: str
    title: str
    needs: tuple[str, ...]
    expr: nw.Expr
    dtype: pl.DataType
    unit: Unit = "text"
    many: bool = False


def _column(name: str, title: str, unit: Unit = "text", *, many: bool = False) -> Dimension:
    return Dimension(name, title, (name,), nw.col(name), DTYPES[name], unit, many)


def _status_class() -> nw.Expr:
    status = nw.col("status")
    label = nw.when(status.is_between(500, 599)).then(nw.lit("5xx")).otherwise(None)
    for first in (400, 300, 200, 100):
        label = nw.when(status.is_between(first, first + 99)).then(nw.lit(f"{first // 100}xx")).otherwise(label)
    return label


def _monday() -> nw.Expr:
    # Narwhals truncates to no weeks, and engines disagree on where "7d" starts.
    day = nw.col("timestamp").dt.date()
    monday = day
    for weekday in range(2, 8):
        monday = nw.when(day.dt.weekday() == weekday).then(day.dt.offset_by(f"-{weekday - 1}d")).otherwise(monday)
    return monday


_WHEN = ("timestamp",)
_TIMESTAMP = nw.col("timestamp")

# In the order of listings. Buckets of time are UTC; `hour` is its start, `week` its Monday.
DIMENSIONS: tuple[Dimension, ...] = (
    _column("account", "customer"),
    _column("account_source", "rule that found the account"),
    _column("user", "person", many=True),
    _column("api_key", "API key (hash)", many=True),
    _column("session", "session token (hash)", many=True),
    _column("client_ip", "client address", many=True),
    _column("method", "HTTP method"),
    _column("host", "host name"),
    _column("path", "path", many=True),
    _column("endpoint", "endpoint"),
    _column("api_version", "API version"),
    _column("status", "status", "number"),
    Dimension("status_class", "status class", ("status",), _status_class(), pl.String()),
    _column("auth_scheme", "kind of credentials"),
    _column("auth_failure", "why credentials were refused"),
    _column("error_code", "code of the error"),
    _column("error_field", "field that the error is about"),
    _column("sdk", "SDK"),
    _column("sdk_version", "SDK version"),
    _column("user_agent", "user agent", many=True),
    _column("direction", "direction"),
    _column("service", "service"),
    _column("environment", "environment"),
    _column("kind", "kind of event"),
    Dimension("hour", "hour (UTC)", _WHEN, _TIMESTAMP.dt.truncate("1h"), TIME, "time"),
    Dimension("hour_of_day", "hour of the day (UTC)", _WHEN, _TIMESTAMP.dt.hour(), pl.Int8(), "number"),
    Dimension("day", "day (UTC)", _WHEN, _TIMESTAMP.dt.date(), pl.Date(), "date"),
    Dimension("week", "week from Monday (UTC)", _WHEN, _monday(), pl.Date(), "date"),
)

BY_NAME: Mapping[str, Dimension] = {dimension.name: dimension for dimension in DIMENSIONS}


def resolve(names: Iterable[str], dtypes: Mapping[str, pl.DataType] = DTYPES) -> tuple[Dimension, ...]:
    """Return the named dimensions; a configured column (in `dtypes`, but not of the event table) is one too.

    Raises UsageError for an unknown name, or one that is named twice.
    """
    found: dict[str, Dimension] = {}
    for name in names:
        if name in found:
            raise UsageError(f"dimension `{name}` is named twice")
        found[name] = _one(name, dtypes)
    return tuple(found.values())


def derived(dtypes: Mapping[str, pl.DataType]) -> Mapping[str, Dimension]:
    """Return the dimensions that are no columns of the table, and so must be computed where a filter names them."""
    return {name: dimension for name, dimension in BY_NAME.items() if name not in dtypes}


def _one(name: str, dtypes: Mapping[str, pl.DataType]) -> Dimension:
    if name in BY_NAME:
        return BY_NAME[name]
    if name in dtypes and name not in DTYPES:
        return Dimension(name, name, (name,), nw.col(name), dtypes[name], unit_of(dtypes[name]), many=True)
    known = [*BY_NAME, *(column for column in dtypes if column not in DTYPES)]
    if name.startswith("account.") and not any(column.startswith("account.") for column in dtypes):
        raise UsageError(f"unknown dimension `{name}`", hint="`accounts: FILE` in apilens.yaml says more of accounts")
    raise UsageError(f"unknown dimension `{name}`", hint=nearest(name, known) or f"one of {', '.join(known)}")


def unit_of(dtype: pl.DataType) -> Unit:
    """Return how the values of a column that somebody added are meant."""
    if dtype.is_numeric():
        return "number"
    return "date" if dtype == pl.Date else "time" if dtype.is_temporal() else "text"
