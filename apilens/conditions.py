"""Conditions and metrics that settings hold: what is wrong with one, in one line, before any event is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from apilens.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

# Columns of these are known when their files are read, with the question.
_JOINED = ("account.", "endpoint.")


def event_problem(text: str, columns: Mapping[str, str]) -> str | None:
    """Return what is wrong with a condition over events; columns: name → type name of the configured ones."""
    return _problem(lambda: _check_events(text, columns))


def metric_problem(name: str, columns: Mapping[str, str]) -> str | None:
    """Return what is wrong with the name of a metric, or with one that is spelled out."""
    return _problem(lambda: _check_metric(name, columns))


def account_problem(text: str, columns: Mapping[str, str]) -> str | None:
    """Return what is wrong with a condition over an account: its metrics, its name, and columns `account.NAME`."""
    return _problem(lambda: _check_account(text, columns))


def metrics_in(text: str) -> tuple[str, ...]:
    """Return the metrics that a condition over an account reads."""
    from apilens.syntax import metrics_of

    return tuple(name for name in metrics_of(text) if name != "account" and not name.startswith("account."))


def _problem(check: Callable[[], None]) -> str | None:
    # One mistake, one line: the marked text below the message would not say where it stands in the file.
    try:
        check()
    except UsageError as error:
        return " ".join([error.message.split("\n")[0], *([f"({error.hint})"] if error.hint else [])])
    return None


# What the checks need is slow to import, and few settings have conditions.


def _types(columns: Mapping[str, str]) -> dict[str, pl.DataType]:
    from apilens.schema import TYPE_NAMES, dtypes

    return dtypes({name: TYPE_NAMES[kind] for name, kind in columns.items()})


def _check_events(text: str, columns: Mapping[str, str]) -> None:
    from apilens.computed import condition
    from apilens.syntax import columns_of

    if not any(name.startswith(_JOINED) for name in columns_of(text)):
        condition(text, _types(columns))


def _check_metric(name: str, columns: Mapping[str, str]) -> None:
    from apilens.computed import condition, metric_named

    types = _types(columns)
    metric_named(name, types, lambda text: condition(text, types))


def _check_account(text: str, columns: Mapping[str, str]) -> None:
    import polars as pl

    from apilens.computed import condition, dtype_of, metric_named
    from apilens.filters import compile_filter
    from apilens.syntax import metrics_of

    types = _types(columns)
    metrics = {name: metric_named(name, types, lambda text: condition(text, types)) for name in metrics_in(text)}
    if not any(name.startswith("account.") for name in metrics_of(text)):
        known = {"account": pl.String(), **{name: dtype_of(metric) for name, metric in metrics.items()}}
        compile_filter(text, known, now=datetime(2000, 1, 1, tzinfo=UTC))
