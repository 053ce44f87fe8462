"""What holds in words: each number beside the threshold that it is compared with, in the unit of its metric."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

from sqlglot import exp

from apilens.alerts.alert import Severity
from apilens.alerts.rule import Rule
from apilens.alerts.thresholds import compared
from apilens.render.cells import human
from apilens.result import Field, Unit
from apilens.syntax import parse

_WORDS: Mapping[type[exp.Expr], str] = {
    exp.GT: "above", exp.GTE: "at least", exp.LT: "below", exp.LTE: "at most", exp.EQ: "exactly",
}  # fmt: skip


def stated(
    rule: Rule, severity: Severity, values: Mapping[str, float | None], units: Mapping[str, Unit]
) -> str:  # fmt: skip
    """Return `error_rate 11.8 %, above 5.0 %, and requests 70, at least 50`; a condition of another form stands as it
    is written, in brackets behind the first number and what is usual of it. values, units: of the metrics that an
    incident carries.
    """
    text = rule.conditions().get(severity)
    said = _parts(text, values, units) if text else None
    if said:
        return ", and ".join(said)
    first = next(((name, value) for name, value in values.items() if value is not None), None)
    number = f"{first[0]} {value_text(first[1], units.get(first[0], 'number'))}" if first else ""
    if first and text is None and (usual := values.get("expected")) is not None:
        number += f", usual {value_text(usual, units.get('expected', 'number'))}"
    return f"{number} ({text or rule.condition()})".lstrip()


def _parts(text: str, values: Mapping[str, float | None], units: Mapping[str, Unit]) -> list[str] | None:
    """Return each comparison of a condition in words; None where it is no comparison of metrics, or several with OR."""
    tree = parse(text).unnest()
    said = []
    for part in tree.flatten() if isinstance(tree, exp.And) else [tree]:
        found = compared(part.unnest())
        if found is None or (value := values.get(found[0])) is None or units.get(found[0]) == "time":
            return None
        name, kind, threshold = found
        unit = units.get(name, "number")
        said.append(f"{name} {value_text(value, unit)}, {_WORDS[kind]} {value_text(threshold, unit)}")
    return said


def value_text(value: float | None, unit: str) -> str:
    """Return a number as people read it."""
    if value is None:
        return "·"
    if unit == "time":
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC"
    whole = unit in ("count", "number") and value.is_integer()
    return human(int(value) if whole else value, Field("value", cast(Unit, unit)))
