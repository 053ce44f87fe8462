"""Metrics that a user spells out: count(COND), rate(COND), sum(col), mean(col), max(col), p95(col)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import narwhals as nw
import polars as pl

from apilens.dimensions import derived
from apilens.errors import UsageError
from apilens.metric import (
    REQUESTS,
    Metric,
    Part,
    mean_of,
    quantile_of,
    ratio,
    sum_of,
    value,
    weight,
    weight_where,
)
from apilens.metrics import BY_NAME, COST, EVER, QUOTA_USE
from apilens.quota_columns import QUOTAS
from apilens.result import Unit
from apilens.schema import EVENTS, TIME
from apilens.spelling import nearest

_CALL = re.compile(
    r"\s*(?P<function>[a-z]+|p\d{1,2}(?:\.\d{1,3})?)\s*\((?P<argument>.*)\)\s*", re.IGNORECASE | re.DOTALL
)
_UNITS: Mapping[str, Unit] = {"ms": "ms", "bytes": "bytes"}
_COST = "for example `cost: input_tokens * 0.000003` in apilens.yaml"
_QUOTA = "a column of numbers, quota_per_day or quota_per_month, in the file that `accounts:` in apilens.yaml names"
_FORMS = "count(COND), rate(COND), sum(col), mean(col), max(col) or p95(col)"


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition, and the columns that it reads."""

    expr: nw.Expr
    columns: frozenset[str]


def condition(text: str, dtypes: Mapping[str, pl.DataType]) -> Condition:
    """Return a compiled condition over the events. Raises UsageError, with the place marked, for one that is none."""
    # Here and not above: sqlglot takes 0.1 s to import, and most reports have no filter.
    from apilens.filters import compile_filter
    from apilens.syntax import columns_of

    extra = derived(dtypes)
    types = {**dtypes, **{name: dimension.dtype for name, dimension in extra.items()}}
    expr = compile_filter(text, types, derived={name: dimension.expr for name, dimension in extra.items()})
    return Condition(expr, columns_of(text))


def split_names(text: str) -> list[str]:
    """Return the comma-separated names in `text`; commas inside parentheses or quotes do not separate."""
    names, depth, quoted, start = [], 0, False, 0
    for position, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif not quoted:
            depth += {"(": 1, ")": -1}.get(character, 0)
            if character == "," and depth == 0:
                names.append(text[start:position])
                start = position + 1
    names.append(text[start:])
    return [name.strip() for name in names if name.strip()]


def metric_named(name: str, dtypes: Mapping[str, pl.DataType], condition: Callable[[str], Condition]) -> Metric:
    """Return the metric of that name, from METRICS or spelled out; `condition` compiles what count() and rate() hold.

    Raises UsageError for an unknown name, an unknown or non-numeric column, or a condition that is none.
    """
    if name == COST.name and not dtypes.get(COST.name, pl.String()).is_numeric():
        raise UsageError("`cost`: nothing says what a request costs", hint=_COST)
    if name == QUOTA_USE.name and not all(dtypes.get(column, pl.String()).is_numeric() for column in QUOTAS):
        raise UsageError(f"`{name}`: nothing says what an account may use", hint=_QUOTA)
    if name in BY_NAME:
        if BY_NAME[name] in EVER and (unknown := [column for column in BY_NAME[name].needs if column not in dtypes]):
            hint = "--by names exactly one of account, endpoint, sdk, error_code"
            raise UsageError(f"`{unknown[0]}` is known of one kind of thing at a time, in a store", hint=hint)
        return BY_NAME[name]
    call = _CALL.fullmatch(name)
    if not call:
        raise UsageError(
            f"unknown metric `{name}`", hint=nearest(name, BY_NAME) or f"one of {', '.join(BY_NAME)}; or {_FORMS}"
        )
    function, argument = call["function"].lower(), call["argument"].strip()
    if function in ("count", "rate"):
        return _counted(name, function, argument, condition)
    if function in ("sum", "mean", "max") or function[1:2].isdigit():
        return _of_column(name, function, _numeric(argument, name, dtypes), dtypes)
    raise UsageError(f"unknown metric `{name}`", hint=f"write {_FORMS}")


def dtype_of(metric: Metric) -> pl.DataType:
    """Return the type that a condition over metrics takes this one for."""
    return TIME if metric.unit == "time" else pl.Float64()


def _counted(name: str, function: str, argument: str, condition: Callable[[str], Condition]) -> Metric:
    if function == "count" and argument == "*":
        return Metric(name, "number of requests", "count", "", ("weight",), (REQUESTS,), pl.col(REQUESTS.name))
    found = condition(argument)
    # Actions (signed_in …) are no requests; who asks for them by kind or action means them.
    every_kind = not found.columns.isdisjoint({"kind", "action"})
    part = Part(f"#count:{argument}", weight_where(found.expr), "sum", every_kind=every_kind)
    needs = ("weight", *sorted(found.columns))
    if function == "count":
        return Metric(name, f"events where {argument}", "count", "", needs, (part,), pl.col(part.name))
    whole = Part("#events", weight(), "sum", every_kind=True) if every_kind else REQUESTS
    finish = ratio(part.name, whole.name)
    return Metric(name, f"part of events where {argument}", "ratio", "", needs, (part, whole), finish)


def _of_column(name: str, function: str, column: str, dtypes: Mapping[str, pl.DataType]) -> Metric:
    unit: Unit = next((_UNITS.get(known.unit, "number") for known in EVENTS if known.name == column), "number")
    whole = dtypes[column].is_integer()
    if function == "sum":
        return sum_of(name, column, f"sum of {column}", unit, whole=whole)
    if function == "mean":
        return mean_of(name, column, f"mean of {column}", unit)
    if function == "max":
        row = nw.col(column).cast(nw.Int64) if whole else value(column)
        part = Part(f"#max:{column}", row, "max")
        return Metric(name, f"greatest {column}", unit, "", (column,), (part,), pl.col(part.name))
    return quantile_of(name, column, float(function[1:]) / 100, f"{function} of {column}", unit)


def _numeric(column: str, name: str, dtypes: Mapping[str, pl.DataType]) -> str:
    numeric = [known for known, dtype in dtypes.items() if dtype.is_numeric()]
    if column in numeric:
        return column
    if column in dtypes:
        raise UsageError(f"`{name}`: {column} is no number", hint=f"numbers are {', '.join(numeric)}")
    raise UsageError(
        f"`{name}`: unknown column `{column}`", hint=nearest(column, numeric) or f"one of {', '.join(numeric)}"
    )
