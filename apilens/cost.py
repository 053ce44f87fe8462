"""What each request costs, by the `cost:` of apilens.yaml, as a column beside the events."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from typing import Any

import narwhals as nw
import polars as pl

from apilens.cost_settings import COST, parsed


def priced(
    events: nw.LazyFrame[Any], columns: Mapping[str, pl.DataType], text: str | None
) -> tuple[nw.LazyFrame[Any], dict[str, pl.DataType]]:
    """Return the events and their columns, with `cost` among them where `text` says what it is.

    It is null where a number that it needs is missing, and where a divisor is 0. A store that was made before a column
    was configured lacks it: nothing in it has that number.
    """
    if text is None:
        return events, dict(columns)
    cost = _compiled(parsed(text), columns).cast(nw.Float64).alias(COST)
    return events.with_columns(cost), {**columns, COST: pl.Float64()}


def _compiled(node: ast.expr, columns: Collection[str]) -> nw.Expr:
    match node:
        case ast.Name(id=name):
            return (nw.col(name) if name in columns else nw.lit(None)).cast(nw.Float64)
        case ast.Constant(value=int() | float() as number):
            return nw.lit(float(number))
        case ast.UnaryOp(op=sign, operand=operand):
            return _compiled(operand, columns) * nw.lit(-1.0 if isinstance(sign, ast.USub) else 1.0)
        case ast.Call(args=[first, second]):
            return nw.coalesce(_compiled(first, columns), _compiled(second, columns))
        case ast.BinOp(left, operator, right):
            return _combined(_compiled(left, columns), operator, _compiled(right, columns))
    raise AssertionError(ast.dump(node))


def _combined(left: nw.Expr, operator: ast.operator, right: nw.Expr) -> nw.Expr:
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
    # Engines disagree on what a division by 0 is.
    return nw.when(right != 0).then(left / right)
