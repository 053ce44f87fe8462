"""Analyses: one question per file, each a function from events and options to a Result.

To add one, write a file with an options dataclass and a function `(events, options, …) -> Result` that plans with
apilens.query, collects here, and words its notes. Lazy frames are collected in this family and nowhere below it.
"""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw
import polars as pl

from apilens.answer import Answer, Events, Summary


def collect(frames: Sequence[Events]) -> list[pl.DataFrame]:
    """Return the frames, computed; on Polars together and streaming, so that memory stays small."""
    if all(frame.implementation is nw.Implementation.POLARS for frame in frames):
        return pl.collect_all([nw.to_native(frame) for frame in frames], engine="streaming") if frames else []
    return [frame.collect(backend="polars").to_native() for frame in frames]


def answers(summaries: Sequence[Summary]) -> list[Answer]:
    """Return the answer to each planned question; questions over the same events share the pass over them."""
    groups = collect([summary.groups for summary in summaries])
    asked = [summary.quantiles(group) for summary, group in zip(summaries, groups, strict=True)]
    found = iter(collect([frame for frames in asked for frame in frames]))
    return [
        summary.finish(group, [next(found) for _ in frames])
        for summary, group, frames in zip(summaries, groups, asked, strict=True)
    ]
