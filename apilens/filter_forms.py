"""What may stand in a filter: operators and functions, and what each becomes in Narwhals. To add one: a line here."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw
import polars as pl
from sqlglot import exp

Kind = Literal["text", "number", "bool", "time", "date", "version"]

COMPARE: Mapping[type[exp.Expr], Callable[[Any, Any], Any]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
}
ARITHMETIC: Mapping[type[exp.Expr], Callable[[Any, Any], Any]] = {
    exp.Add: operator.add,
    exp.Sub: operator.sub,
    exp.Mul: operator.mul,
    exp.Div: operator.truediv,
}
TEXT_FUNCTIONS: Mapping[type[exp.Expr], Callable[[nw.Expr], nw.Expr]] = {
    exp.Lower: lambda text: text.str.to_lowercase(),
    exp.Upper: lambda text: text.str.to_uppercase(),
}
TEXT_TESTS: Mapping[type[exp.Expr], Callable[[nw.Expr, str], nw.Expr]] = {
    exp.StartsWith: lambda text, part: text.str.starts_with(part),
    exp.EndsWith: lambda text, part: text.str.ends_with(part),
    exp.Contains: lambda text, part: text.str.contains(part, literal=True),
}
# What sqlglot sets on whitelisted nodes without changing their meaning here.
HARMLESS = {
    *("this", "expression", "expressions", "low", "high", "negate"),
    *("quoted", "table", "is_string", "typed", "safe"),
}


@dataclass(frozen=True, slots=True)
class Term:
    """A compiled part: its expression, what kind of value it has, and the value itself where it is a literal."""

    expr: nw.Expr
    kind: Kind
    value: str | float | bool | None = None


def kind_of(dtype: pl.DataType) -> Kind:
    """Return what kind of values a column of this type has."""
    if dtype.is_numeric():
        return "number"
    return "bool" if dtype == pl.Boolean else "date" if dtype == pl.Date else "time" if dtype.is_temporal() else "text"
