"""Funnels that apilens.yaml saves under a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from apilens.conditions import event_problem
from apilens.errors import UsageError
from apilens.funnel_steps import parse_step
from apilens.window import parse_duration
from apilens.yaml_nodes import Keys

# An event has so many columns that steps may agree in; more than three leave hardly anybody.
MAX_HOLD = 3


class FunnelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A funnel: the texts of its steps, and how events are matched to them; docs/funnels.md says what each means."""

    steps: tuple[str, ...]
    within: str = "7d"
    unit: Literal["account", "user", "session", "api_key"] = "account"
    order: Literal["ordered", "strict", "any"] = "ordered"
    entry: Literal["first", "any"] = "first"
    count: Literal["units", "attempts"] = "units"
    ties: Literal["file", "either", "strict"] = "file"
    exclude: tuple[str, ...] = ()
    exclusion: Literal["drop", "remove"] = "drop"
    hold: tuple[str, ...] = ()


def funnel_problems(funnel: FunnelSettings, columns: Mapping[str, str]) -> Iterator[tuple[Keys, str]]:
    """Give what is wrong with a funnel; columns: name → type name of the configured ones."""
    if not funnel.steps:
        yield ("steps",), "a funnel needs a step"
    for key in ("steps", "exclude"):
        for at, text in enumerate(getattr(funnel, key)):
            try:
                step = parse_step(text)
            except UsageError as error:
                yield (key, at), error.message
            else:
                if step.kind == "sql" and (problem := event_problem(step.what, columns)):
                    yield (key, at), problem
    if len(funnel.hold) > MAX_HOLD:
        yield ("hold",), f"holds {MAX_HOLD} columns constant at most"
    try:
        parse_duration(funnel.within)
    except UsageError as error:
        yield ("within",), error.message
