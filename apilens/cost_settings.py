"""`cost:` in apilens.yaml: what a request costs, as arithmetic over its numbers.

`input_tokens * 0.000003 + 0.0001`: names of columns, numbers, `+ - * /`, parentheses and `coalesce(column, 0)`, no
more. It reads like Python's own arithmetic, and is parsed as such; nothing of it is ever run.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping

from apilens.errors import UsageError
from apilens.spelling import nearest

COST = "cost"
FORMS = "columns, numbers, + - * /, parentheses and coalesce(column, 0)"
_LONGEST = 500
_DEEPEST = 50
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)


def parsed(text: str) -> ast.expr:
    """Return the expression as a tree of nothing but names, numbers, + - * /, signs and coalesce().

    Raises UsageError for what is none.
    """
    if len(text) > _LONGEST:
        raise UsageError(f"is longer than {_LONGEST} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UsageError(f"{text!r} is no arithmetic", hint=FORMS) from None
    _check(tree, 0)
    return tree


def columns_of_cost(text: str) -> tuple[str, ...]:
    """Return the columns that the expression reads, each once, by name."""
    return tuple(sorted(set(_names(parsed(text)))))


def cost_problem(text: str | None, columns: Mapping[str, str]) -> str | None:
    """Return what is wrong with the setting; columns: name → type name of the configured columns."""
    if text is None:
        return None
    if COST in columns:
        return "`columns:` has a cost already: the metric `cost` sums that one up"
    # Slow to import (it brings Polars), and few settings have a cost.
    from apilens.schema import TYPE_NAMES, dtypes

    types = dtypes({name: TYPE_NAMES[kind] for name, kind in columns.items()})
    # A row that stands for many requests is multiplied by itself when costs are summed up.
    numbers = [name for name, dtype in types.items() if dtype.is_numeric() and name != "weight"]
    try:
        named = columns_of_cost(text)
    except UsageError as error:
        return " ".join([error.message, *([f"({error.hint})"] if error.hint else [])])
    for name in named:
        if name not in numbers:
            what = f"{name} is no number to compute with" if name in types else f"unknown column `{name}`"
            return f"{what} ({nearest(name, numbers) or 'one of ' + ', '.join(numbers)})"
    return None


def is_zero(node: ast.expr) -> bool:
    """Say whether a divisor is the number 0."""
    return isinstance(node, ast.Constant) and node.value == 0


def _check(node: ast.expr, depth: int) -> None:
    if depth > _DEEPEST:
        raise UsageError(f"is nested deeper than {_DEEPEST} levels")
    match node:
        case ast.Name():
            return
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool) and math.isfinite(number):
            return
        case ast.BinOp(left, operator, right) if isinstance(operator, _OPERATORS):
            if isinstance(operator, ast.Div) and is_zero(right):
                raise UsageError("divides by 0")
            parts = [left, right]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            parts = [operand]
        case ast.Call(func=ast.Name(id=name), args=[first, second], keywords=[]) if name.lower() == "coalesce":
            parts = [first, second]
        case _:
            raise UsageError(f"cannot take `{ast.unparse(node)}`", hint=FORMS)
    for part in parts:
        _check(part, depth + 1)


def _names(node: ast.expr) -> Iterator[str]:
    called = {id(found.func) for found in ast.walk(node) if isinstance(found, ast.Call)}
    yield from (found.id for found in ast.walk(node) if isinstance(found, ast.Name) and id(found) not in called)
