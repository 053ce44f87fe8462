"""Which channels hear of a rule: those that it names itself, else those that `routes:` of apilens.yaml sends it to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from apilens.alerts.alert import Severity
from apilens.channel_settings import Route


def channels_for(
    rule: str, severity: Severity, *, labels: Mapping[str, str], notify: Sequence[str], routes: Sequence[Route]
) -> tuple[str, ...]:
    """Return the names of channels, each once, in the order in which they are named. notify: those of the rule."""
    named = notify or [name for route in routes if _fits(route, rule, severity, labels) for name in route.to]
    return tuple(dict.fromkeys(named))


def _fits(route: Route, rule: str, severity: Severity, labels: Mapping[str, str]) -> bool:
    return (
        (route.rule is None or fnmatchcase(rule, route.rule))
        and (route.severity is None or route.severity == severity)
        and all(labels.get(name) == value for name, value in route.labels.items())
    )
