"""The condition of a rule: which metrics it reads, what is wrong with it, and which groups it holds for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from apilens.errors import UsageError

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

_JOINED = ("account.", "endpoint.")


def metrics_of_when(text: str, by: Sequence[str]) -> tuple[str, ...]:
    """Return the metrics that a condition reads, in its order; dimensions that it reads are none."""
    from apilens.syntax import metrics_of

    return tuple(name for name in metrics_of(text) if name not in by)


def when_problem(text: str, by: Sequence[str], columns: Mapping[str, str]) -> str | None:
    """Return what is wrong with a condition, in one line; columns: name → type name of the configured ones."""
    from apilens.schema import TYPE_NAMES, dtypes

    types = dtypes({name: TYPE_NAMES[kind] for name, kind in columns.items()})
    try:
        names = metrics_of_when(text, by)
        if any(name.startswith(_JOINED) for name in (*names, *by)):
            # Their columns are known when the files of accounts and endpoints are read.
            return None
        if change := next((name for name in names if _is_change(name)), None):
            return f"`{change}` is a change: say beside what, for example `compare: typical` (or previous, 7d-ago)"
        compiled(text, by, types)
        return None if names else "compares no metric: requests >= 100, error_rate > 0.05 AND requests >= 50 …"
    except UsageError as error:
        return " ".join([error.message.split("\n")[0], *([f"({error.hint})"] if error.hint else [])])


def _is_change(name: str) -> bool:
    from apilens.changed_columns import SUFFIXES
    from apilens.metrics import BY_NAME

    return name not in BY_NAME and any(name.removesuffix(suffix) in BY_NAME for suffix in SUFFIXES)


def compiled(text: str, by: Sequence[str], dtypes: Mapping[str, pl.DataType]) -> nw.Expr:
    """Return what is true for the groups that a condition holds for, over dimensions and metrics by their names.

    Raises UsageError, with the place marked, for a condition that is none.
    """
    from apilens import dimensions
    from apilens.computed import condition, dtype_of, metric_named
    from apilens.filters import compile_filter

    types = {dimension.name: dimension.dtype for dimension in dimensions.resolve(by, dtypes)}
    types |= {
        name: dtype_of(metric_named(name, dtypes, lambda part: condition(part, dtypes)))
        for name in metrics_of_when(text, by)
    }
    return compile_filter(text, types)
