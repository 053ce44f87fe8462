"""The thresholds of a condition: multiplied, for what-if; and those that no value can ever reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from apilens.result import Unit
from apilens.syntax import METRIC_CALLS, name_of, parse, spelled

_COMPARISONS = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ)
_FLIPPED: Mapping[type[exp.Expr], type[exp.Expr]] = {
    exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE, exp.EQ: exp.EQ,
}  # fmt: skip
# What no metric of a unit is below, and none is above.
_LEAST: Mapping[Unit, float] = {"ratio": 0.0, "count": 0.0, "bytes": 0.0, "ms": 0.0}
_MOST: Mapping[Unit, float] = {"ratio": 1.0}


def scaled(text: str, factor: float) -> str:
    """Return a condition with every number that a metric is compared with multiplied by a factor."""
    tree = parse(text).copy()
    for node in list(tree.find_all(*_COMPARISONS)):
        if node.find_ancestor(*METRIC_CALLS):
            # What rate(status = 500) counts is no threshold.
            continue
        for side in (node.this, node.expression):
            # A change may be compared with a number below 0.
            literal = side.this if isinstance(side, exp.Neg) else side
            if isinstance(literal, exp.Literal) and not literal.args.get("is_string"):
                literal.replace(exp.Literal.number(f"{float(literal.name) * factor:.12g}"))
    return spelled(tree)


def impossible(text: str, units: Mapping[str, Unit]) -> Iterator[str]:
    """Give the comparisons that keep a condition from ever holding; units: of the metrics in it."""
    tree = parse(text).unnest()
    parts = list(tree.flatten()) if isinstance(tree, exp.And) else [tree]
    for part in parts:
        node = part.unnest()
        if found := compared(node):
            name, kind, number = found
            unit = units.get(name, "number")
            least, most = _LEAST.get(unit), _MOST.get(unit)
            low = least is not None and ((kind is exp.LT and number <= least) or (_is_at_most(kind) and number < least))
            high = most is not None and ((kind is exp.GT and number >= most) or (_is_at_least(kind) and number > most))
            if low or high:
                yield spelled(node)


def compared(node: exp.Expr) -> tuple[str, type[exp.Expr], float] | None:
    """Return the metric, the comparison and the number of `METRIC < 5` or `5 > METRIC`, None for anything else."""
    if not isinstance(node, _COMPARISONS):
        return None
    for metric, side, kind in (
        (node.this, node.expression, type(node)), (node.expression, node.this, _FLIPPED[type(node)]),
    ):  # fmt: skip
        named, sign = isinstance(metric, (exp.Column, *METRIC_CALLS)), -1 if isinstance(side, exp.Neg) else 1
        literal = side.this if isinstance(side, exp.Neg) else side
        if named and isinstance(literal, exp.Literal) and not literal.args.get("is_string"):
            name = name_of(metric) if isinstance(metric, exp.Column) else spelled(metric)
            return name, kind, sign * float(literal.name)
    return None


def _is_at_most(kind: type[exp.Expr]) -> bool:
    return kind in (exp.LTE, exp.EQ)


def _is_at_least(kind: type[exp.Expr]) -> bool:
    return kind in (exp.GTE, exp.EQ)
