"""What changed: the numbers of a window beside those of the one before it, as long, for one account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from apilens.analyses import answers
from apilens.analyses.scope import Scope
from apilens.answer import Events
from apilens.comparison import parse_comparison
from apilens.result import Field, Table
from apilens.window import Window, anchor

_METRICS = ("requests", "error_rate", "errors", "p95_ms", "endpoints", "users")


def window_before(options: Scope) -> Window | None:
    """Return the window before the one that is asked about, None where that has no beginning."""
    if options.window.since is None:
        return None
    now, _ = anchor(options.now, options.newest)
    return parse_comparison("previous", options.window, now=now, tz=options.tz).bases[0]


def changes(
    events: Events, options: Scope, *, where: Sequence[str], columns: Mapping[str, pl.DataType]
) -> Table | None:
    """Return a row for the window before and one for this one, None where there is no window before.

    events: those of both windows at least.
    """
    before = window_before(options)
    if before is None:
        return None
    asked = [
        question.ask(events, columns, metrics=_METRICS, where=where)
        for question in (replace(options, window=before), options)
    ]
    found = answers(asked)
    windows = pl.Series("window", ["before", "now"])
    rows = pl.concat([answer.rows for answer in found]).insert_column(0, windows)
    return Table("changes", (Field("window"), *found[0].fields), rows)
