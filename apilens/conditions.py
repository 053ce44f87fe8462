"""Conditions that settings hold: what is wrong with one, in one line, before any event is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from apilens.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

# Columns of these are known when their files are read, with the question.
_JOINED = ("account.", "endpoint.")


def event_problem(text: str, columns: Mapping[str, str]) -> str | None:
    """Return what is wrong with a condition over events; columns: name → type name of the configured ones."""
    return _problem(lambda: _check_events(text, columns))


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
