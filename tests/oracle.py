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


def is_error(event: Event) -> bool:
    return event["status"] is not None and event["status"] >= 400


def wilson(group: list[Event], side: int) -> float | None:
    n = requests(group) ** 2 / sum(event["weight"] ** 2 for event in group) if requests(group) else 0
    if not n:
        return None
    p, z = errors(group) / requests(group), 1.959963984540054
    return (p + z * z / 2 / n + side * z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)) / (1 + z * z / n)


def excess(group: list[Event], all: list[Event]) -> float | None:
    expected = 0.0
    for one in group:
        alike = [event for event in all if event["endpoint"] == one["endpoint"]]
        expected += one["weight"] * errors(alike) / requests(alike)
    return errors(group) - expected if group else None


def mix(group: list[Event]) -> list[float]:
    known = [event for event in group if event["endpoint"] is not None]
    names = {event["endpoint"] for event in known}
    return [requests([e for e in known if e["endpoint"] == name]) / requests(known) for name in names]


def variation(group: list[Event], all: list[Event]) -> float | None:
    days = [event["timestamp"].date() for event in all]
    if not group or min(days) == max(days):
        return None
    span = [min(days) + timedelta(days=n) for n in range((max(days) - min(days)).days + 1)]
    volume = [requests([event for event in group if event["timestamp"].date() == day]) for day in span]
    mean = sum(volume) / len(volume)
    return math.sqrt(sum((x - mean) ** 2 for x in volume) / len(volume)) / mean


def is_retry(event: Event, all: list[Event]) -> bool:
    def caller(one: Event) -> Any:
        return one["account"] if one["account"] is not None else one["client_ip"]

    def place(one: Event) -> Any:
        return one["started_at"], one["source"], one["line"], one["item"]

    if event["request_fingerprint"] is None or caller(event) is None:
        return False
    alike = [
        one
        for one in all
        if (caller(one), one["request_fingerprint"]) == (caller(event), event["request_fingerprint"])
        and place(one) < place(event)
    ]
    if not alike:
        return False
    last = max(alike, key=place)
    failed = last["status"] is not None and (last["status"] == 429 or last["status"] >= 500)
    return failed and event["started_at"] - last["started_at"] <= timedelta(seconds=60)


def retries(group: list[Event], all: list[Event]) -> int:
    return requests([event for event in group if is_retry(event, all)])


def sessions(events: list[Event], idle: timedelta = timedelta(minutes=30)) -> dict[int, Any]:
    """Return id of the event → its session, None where it is in none."""
    found: dict[int, Any] = {id(event): None for event in events}
    last: dict[Any, tuple[Any, int]] = {}
    calls = [event for event in events if event["kind"] == "request" and event["direction"] != "outgoing"]
    for event in sorted(calls, key=lambda one: (one["started_at"], one["source"], one["line"], one["item"])):
        token = event["session"]
        caller = (event["account"], token, *(() if token else (event["user"], event["client_ip"], event["sdk"])))
        moment, number = last.get(caller, (event["started_at"], 0))
        number += not token and event["started_at"] - moment > idle
        last[caller] = event["started_at"], number
        found[id(event)] = (*caller, number)
    return found


def is_opaque(event: Event) -> bool:
    says = [event["error_code"], event["error_field"], event["response_shape"]]
    return is_error(event) and says == [None] * 3 and not event["response_bytes"]


# Each takes the events of the group, and all events of the window.
METRICS: dict[str, Callable[[list[Event], list[Event]], Any]] = {
    "requests": lambda group, _: requests(group),
    "errors": lambda group, _: errors(group),
    "error_rate": lambda group, _: ratio(errors(group), requests(group)),
    "error_rate_low": lambda group, _: wilson(group, -1),
    "error_rate_high": lambda group, _: wilson(group, 1),
    "excess_errors": excess,
    "opaque_errors": lambda group, _: requests([event for event in group if is_opaque(event)]),
    "retries": retries,
    "retry_rate": lambda group, all: ratio(retries(group, all), requests(group)),
    "wasted_ms": lambda group, _: total([event for event in group if is_error(event)], "duration_ms"),
    "wasted_bytes": lambda group, _: sum(
        total([event for event in group if is_error(event)], name) for name in ("request_bytes", "response_bytes")
    ),
    "endpoint_diversity": lambda group, _: math.exp(-sum(p * math.log(p) for p in mix(group))) if mix(group) else None,
    "top_endpoint_share": lambda group, _: max(mix(group), default=None),
    "documented_coverage": lambda group, _: (
        len({event["#operation"] for event in group} - {None}) / 3 if group else None
    ),
    "sdks": lambda group, _: distinct(group, "sdk"),
    "versions": lambda group, _: distinct(group, "api_version"),
    "volume_cv": variation,
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
    "sessions": lambda group, all: len({sessions(all)[id(event)] for event in group} - {None}),
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
