"""Which columns of events some rules read, so that one pass over the store serves all of them and reads no more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import polars as pl

from apilens.alerts.rule import Rule
from apilens.dimensions import BY_NAME as DIMENSIONS
from apilens.metrics import BY_NAME as METRICS

# What grouping, weighing and naming a group read, whatever the rule; and what says that an event is left out.
_ALWAYS = (
    "timestamp", "kind", "weight", "status", "account", "account_verified", "is_health_check", "method", "auth_scheme",
    "direction", "client_ip",
)  # fmt: skip
# Retries look at who called what, in which order.
_IN_ORDER = ("retries", "retry_rate")
_WORD = re.compile(r"[\w.]+")
_COHORT = re.compile(r"cohort\('[^']*'\)")


def columns_read(rules: Iterable[Rule], columns: Mapping[str, pl.DataType], others: Iterable[str]) -> list[str]:
    """Return the columns, of those that events have, that these rules name or that what they name is made of.

    others: conditions that hold for all rules.
    """
    texts = [*(text for rule in rules for text in rule.texts), *others]
    words = {word for text in texts for word in _WORD.findall(text)}
    if words & set(_IN_ORDER):
        return list(columns)
    needs = {*_ALWAYS, *words, *(found for text in texts for found in _COHORT.findall(text))}
    for word in words:
        needs |= set(METRICS[word].needs) if word in METRICS else set()
        needs |= set(DIMENSIONS[word].needs) if word in DIMENSIONS else set()
    # What is made of another column stands beside it under a name with `#`.
    return [name for name in columns if name in needs or name.startswith("#")]
