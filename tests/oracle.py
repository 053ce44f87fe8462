"""Every metric and dimension again, in plain Python over a list of dicts: slow, obvious, and no code of apilens."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

Event = dict[str, Any]


def status_class(event: Event) -> str | None:
    status = event["status"]
    return f"{status // 100}xx" if status is not None and 100 <= status <= 599 else None


DIMENSIONS: dict[str, Callable[[Event], Any]] = {
    **{
        name: (lambda event, name=name: event[name])
        for name in (
            *(
                "account",
                "account_source",
                "user",
                "api_key",
                "session",
                "client_ip",
                "method",
                "host",
                "path",
                "endpoint",
                "api_version",
            ),
            *("status", "sdk", "sdk_version", "user_agent", "direction", "service", "environment", "kind"),
            *("auth_scheme", "auth_failure", "error_code", "error_field"),
        )
    },
    "status_class": status_class,
    "hour": lambda event: event["timestamp"].replace(minute=0, second=0, microsecond=0),
    "hour_of_day": lambda event: event["timestamp"].hour,
    "day": lambda event: event["timestamp"].date(),
    "week": lambda event: event["timestamp"].date() - timedelta(days=event["timestamp"].weekday()),
}


def requests(events: list[Event]) -> int:
    return sum(event["weight"] for event in events)


def count(events: list[Event], holds: Callable[[int], bool]) -> int:
    return sum(event["weight"] for event in events if event["status"] is not None and holds(event["status"]))


def distinct(events: list[Event], column: str) -> int:
    return len({event[column] for event in events if event[column] is not None})


def total(events: list[Event], column: str) -> float:
    return sum(event[column] * event["weight"] for event in events if event[column] is not None)


def mean(events: list[Event], column: str) -> float | None:
    known = [event for event in events if event[column] is not None]
    return total(known, column) / requests(known) if known else None


def quantile(events: list[Event], column: str, q: float) -> float | None:
    values = sorted(event[column] for event in events if event[column] is not None for _ in range(event["weight"]))
    if not values:
        return None
    rank = q * (len(values) - 1)
    low, high = values[math.floor(rank)], values[math.ceil(rank)]
    return low + (high - low) * (rank - math.floor(rank))


def errors(events: list[Event]) -> int:
    return count(events, lambda status: status >= 400)


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


# Each takes the events of the group, and all events of the window.
METRICS: dict[str, Callable[[list[Event], list[Event]], Any]] = {
    "requests": lambda group, _: requests(group),
    "errors": lambda group, _: errors(group),
    "error_rate": lambda group, _: ratio(errors(group), requests(group)),
    "client_errors": lambda group, _: count(group, lambda status: 400 <= status <= 499),
    "server_errors": lambda group, _: count(group, lambda status: status >= 500),
    "auth_errors": lambda group, _: count(group, lambda status: status in (401, 403)),
    "rate_limited": lambda group, _: count(group, lambda status: status == 429),
    "p50_ms": lambda group, _: quantile(group, "duration_ms", 0.5),
    "p95_ms": lambda group, _: quantile(group, "duration_ms", 0.95),
    "p99_ms": lambda group, _: quantile(group, "duration_ms", 0.99),
    "mean_ms": lambda group, _: mean(group, "duration_ms"),
    "endpoints": lambda group, _: distinct(group, "endpoint"),
    "users": lambda group, _: distinct(group, "user"),
    "accounts": lambda group, _: distinct(group, "account"),
    "ips": lambda group, _: distinct(group, "client_ip"),
    "sessions": lambda group, _: distinct(group, "session"),
    "request_bytes": lambda group, _: total(group, "request_bytes"),
    "response_bytes": lambda group, _: total(group, "response_bytes"),
    "share": lambda group, all: ratio(requests(group), requests(all)),
    "error_share": lambda group, all: ratio(errors(group), errors(all)),
    "first_request": lambda group, _: min((event["timestamp"] for event in group), default=None),
    "last_request": lambda group, _: max((event["timestamp"] for event in group), default=None),
    "active_days": lambda group, _: len({event["timestamp"].date() for event in group}),
    "count(status = 401)": lambda group, _: count(group, lambda status: status == 401),
    "rate(status IN (401, 403))": lambda group, _: ratio(count(group, lambda s: s in (401, 403)), requests(group)),
    "sum(response_bytes)": lambda group, _: total(group, "response_bytes"),
    "mean(request_bytes)": lambda group, _: mean(group, "request_bytes"),
    "max(duration_ms)": lambda group, _: max(
        (e["duration_ms"] for e in group if e["duration_ms"] is not None), default=None
    ),
    "p90(response_bytes)": lambda group, _: quantile(group, "response_bytes", 0.9),
}


def table(events: list[Event], by: list[str], metrics: list[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return key → metric → value over the requests among the events."""
    matching = [event for event in events if event["kind"] == "request"]
    groups: dict[tuple[Any, ...], list[Event]] = {}
    for event in matching:
        groups.setdefault(tuple(DIMENSIONS[name](event) for name in by), []).append(event)
    return {key: {name: METRICS[name](group, matching) for name in metrics} for key, group in groups.items()}
