"""Analyses: one question per file, each a function from events and options to a Result.

To add one, write a file with options that derive from `Scope` and a function `(events, options, columns) -> Result`
that plans with `Scope.ask`, collects here, and words its notes; its command hands both to `apilens.cli.asking`. Lazy
frames are collected in this family and nowhere below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import narwhals as nw
import polars as pl

from apilens.answer import NUMBER, Answer, Events, Groups, Summary
from apilens.errors import StoreError

# So many groups are collected as they are, and so many in one go where a number tells them apart (half a gigabyte).
_MANY, _AT_ONCE = 1_000_000, 4_000_000


def collect(frames: Sequence[Events]) -> list[pl.DataFrame]:
    """Return the frames, computed one after the other; on Polars streaming, so that memory stays small.

    Raises StoreError where a file behind them is gone, damaged, or holds other types than the event table.
    """
    try:
        # Not pl.collect_all: it holds what the frames share, 1.1 GB against 0.35 GB on 20 M events, and is no faster.
        return [_collected(frame) for frame in frames]
    except (pl.exceptions.ComputeError, pl.exceptions.SchemaError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise StoreError(f"the events cannot be read: {reason}", hint="run `apilens store verify`") from error


def _collected(frame: Events) -> pl.DataFrame:
    if frame.implementation is nw.Implementation.POLARS:
        native: pl.LazyFrame = nw.to_native(frame)
        return native.collect(engine="streaming")
    try:
        found: pl.DataFrame = frame.collect(backend="polars").to_native()
    except Exception as error:
        # What an engine raises it alone knows, and only DuckDB is here: its errors derive from one that is its own.
        if not type(error).__module__.startswith(("duckdb", "_duckdb")):
            raise
        raise OSError(str(error)) from error
    # DuckDB's sums of whole numbers come as decimals of 38 digits.
    whole = [name for name, dtype in found.schema.items() if isinstance(dtype, pl.Decimal) and dtype.scale == 0]
    return found.with_columns(pl.col(whole).cast(pl.Int128))


def answers(summaries: Sequence[Summary]) -> list[Answer]:
    """Return the answer to each planned question; each takes one pass, and more where its metrics need them."""
    asked = [_groups(summary) for summary in summaries]
    planned = [(summary, groups, summary.passes(groups)) for summary, groups in asked]
    return [
        summary.finish(groups, [(done, pl.concat(collect(done.frames))) for done in passes])
        for summary, groups, passes in planned
    ]


def _groups(summary: Summary) -> tuple[Summary, Groups]:
    """Return the groups of a question, and the question that they answer: where they are many, it is about the first of
    them.
    """
    if (many := summary.many) and summary.cuttable:
        [about] = collect([many.estimate])
        if (count := int(about.item())) > _MANY:
            parts = [many.by_number.best(*collect([part])) for part in many.parted(count // _AT_ONCE + 1)]
            first = many.by_number.best_of(parts)
            if first.rows.height <= _MANY:
                few = many.among(first.rows[NUMBER].to_list())
                return few, replace(first, rows=few.cut(*collect([few.groups])).rows)
    return summary, summary.cut(*collect([summary.groups]))
