"""Values as text: exact for machines, rounded for people."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from apilens.result import Field

UNATTRIBUTED = "(unattributed)"
# Columns in which nothing is somebody nobody knows.
_WHOSE = ("account", "account_source")
_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")


def iso(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC, with fractions of a second only where it has them."""
    utc = _aware(moment).astimezone(UTC)
    return utc.isoformat(timespec="microseconds" if utc.microsecond else "seconds").replace("+00:00", "Z")


def _aware(moment: datetime) -> datetime:
    """Return a time with its zone: one that states none is UTC, whatever the machine's zone."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def jsonable(value: Any) -> Any:
    """Return a cell as JSON has it: times and decimals as text, lengths of time in ms, no NaN, no lone surrogates."""
    match value:
        case datetime():
            return iso(value)
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds() * 1000
        case Decimal():
            return str(value)
        case bytes():
            return value.hex()
        case float() if not math.isfinite(value):
            return None
        case str():
            return value.encode("utf-8", "replace").decode()
        case list():
            return [jsonable(item) for item in value]
        case dict():
            return {name: jsonable(item) for name, item in value.items()}
    return value


def plain(value: Any, field: Field) -> str:
    """Return a cell in full, for TSV and CSV: null is empty, an unknown account is named."""
    if value is None:
        return UNATTRIBUTED if _is_whose(field) else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    made = jsonable(value)
    if isinstance(made, list | dict):
        return json.dumps(made, ensure_ascii=False)
    return "" if made is None else str(made)


def human(value: Any, field: Field, zone: tzinfo = UTC) -> str:
    """Return a cell for people: 1,204 · 79.0 % · 212 ms · 3.1 MB; times in their zone."""
    if value is None:
        return UNATTRIBUTED if _is_whose(field) else "·"
    if isinstance(value, datetime):
        return f"{_aware(value).astimezone(zone):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, timedelta):
        value = jsonable(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return plain(value, field)
    if field.unit == "ratio":
        return f"{value * 100:.1f} %"
    if field.unit == "ms":
        return _duration(float(value))
    if field.unit == "bytes":
        return _size(float(value))
    # A status or a line number is no quantity.
    if field.unit == "text":
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _is_whose(field: Field) -> bool:
    return field.name in _WHOSE and not field.optional


def whole(value: float) -> float | int:
    """Return a number without its fraction where it has none: 515.0, read from a column of any metric, is 515."""
    return int(value) if value.is_integer() else value


def _duration(ms: float) -> str:
    if abs(ms) < 10_000:
        return f"{ms:,.0f} ms" if abs(ms) >= 10 else f"{ms:.1f} ms"
    seconds = ms / 1000
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.1f} s"


def _size(amount: float) -> str:
    for unit in _SIZES:
        if abs(amount) < 1000 or unit == _SIZES[-1]:
            return f"{amount:,.0f} {unit}" if unit == "B" else f"{amount:,.1f} {unit}"
        amount /= 1000
    raise AssertionError("the loop returns")
