"""How far apart the moments of a rule are where there would be more of them than it takes."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from apilens.alerts.rule import Rule
from apilens.window import shortest

_MINUTE = timedelta(minutes=1)


def spaced(rule: Rule, time: timedelta, *, least: timedelta = timedelta()) -> Rule:
    """Return a rule whose moments are `least` apart, and so far that `time` holds no more than it takes."""
    pace = max(rule.pace, least)
    if rule.most_moments is not None:
        pace = max(pace, -(-(time / rule.most_moments) // _MINUTE) * _MINUTE)
    return rule if pace == rule.pace else msgspec.structs.replace(rule, step=shortest(pace))
