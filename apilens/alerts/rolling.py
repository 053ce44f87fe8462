"""Metrics over windows that overlap: by group, for each moment at which one ends, in few passes over the events.

Sums, least and greatest values are taken once per short slice of time and rolled up to windows. What cannot be rolled
up (distinct counts, quantiles) is asked of copies of each event, one per window that it lies in. What looks at all
groups at once, or at the order of events, is asked window by window.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import narwhals as nw
import polars as pl

from apilens.alerts.judging import AT, EPOCH, Asked, Moments
from apilens.analyses import answers, collect
from apilens.answer import ROWS, Events, Summary
from apilens.computed import Condition, condition, metric_named
from apilens.engine import frame
from apilens.metric import Part, Quantile
from apilens.query import matching_events, summarise
from apilens.schema import TIME
from apilens.window import Window

_SLICE = "#slice"
# Copies that are held at once: 8 columns of 4 million take 300 MB.
MOST_COPIES = 4_000_000
# Up to so many copies of groups it costs more to make fewer.
_FEW_COPIES, _FEW_GROUPS = 500_000, 1_000
# What these come to depends on the other groups of the same window.
_OF_THE_WHOLE = ("share", "error_share")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Metrics by dimensions over the events that pass `where`, in the `span` before each moment (half-open)."""

    metrics: tuple[str, ...]
    by: tuple[str, ...]
    where: tuple[str, ...]
    span: timedelta
    columns: Mapping[str, pl.DataType]
    errors: str | None = None

    def condition(self, text: str) -> Condition:
        """Return the compiled condition that a metric such as count(COND) holds."""
        return condition(text, self.columns)

    def ask(self, events: Events, more: Sequence[str] = (), window: Window | None = None) -> Summary:
        """Return the plan of it over all these events, by `more` besides: columns of time that the events have."""
        return summarise(
            events, metrics=self.metrics, by=(*self.by, *more), window=window, where=self.where if window else (),
            dtypes={**self.columns, **dict.fromkeys(more, TIME)}, newest=False, errors=self.errors,
        )  # fmt: skip


def rolled(events: Events, question: Question, moments: Moments) -> pl.DataFrame:
    """Return the dimensions, `#at` and the metrics: a row per moment and group that has an event in its window.

    Without dimensions there is a row for each moment, whether there were events or not. Raises UsageError for every
    name that cannot be meant.
    """
    if not len(moments):
        return _no_rows(question)
    span = Window(moments.first - question.span, moments.last)
    inside = matching_events(events, where=question.where, window=span, dtypes=question.columns)
    metrics = [metric_named(name, question.columns, question.condition) for name in question.metrics]
    details = [item for metric in metrics for item in metric.details]
    if any(not isinstance(item, Quantile) for item in details) or set(_OF_THE_WHOLE) & set(question.metrics):
        return _one_by_one(events, question, moments)
    additive = not details and all(part.combine != "distinct" for metric in metrics for part in metric.parts)
    rows = (_from_slices if additive else _from_copies)(inside, question, moments)
    return rows if question.by else _at_every_moment(rows, question, moments)


def counted(
    asked: Asked, *, by: Sequence[str], where: Sequence[str], span: timedelta, shift: timedelta = timedelta()
) -> pl.DataFrame:
    """Return the requests in the `span` that ends `shift` before each moment: the dimensions, `#at`, `requests`."""
    question = Question(
        metrics=("requests",), by=tuple(by), where=tuple(where), span=span, columns=asked.columns, errors=asked.errors
    )
    moments = Moments(asked.moments.first - shift, asked.moments.last - shift, asked.moments.step)
    return rolled(asked.events, question, moments).with_columns((pl.col(AT) + shift).alias(AT))


def _from_slices(events: Events, question: Question, moments: Moments) -> pl.DataFrame:
    sliced, width = _sliced(events, question.span, moments)
    asked = question.ask(sliced, [_SLICE])
    [groups] = collect([asked.groups])
    parts = {part.name: part for metric in asked.metrics.values() for part in metric.parts}
    others = [name for name in groups.columns if name not in parts and name.startswith("#") and name != _SLICE]
    sums = [*(_combined(part) for part in parts.values()), *(pl.col(name).sum() for name in others)]
    ordered = groups.sort(_SLICE)
    found = []
    for run in _runs(groups.height, question.span, moments, width):
        some = _shared_once(_between(ordered, run.first - question.span, run.last), question, run, sums)
        copies = _copied(some, pl.col(_SLICE), width, question.span, run)
        found.append(copies.group_by(*question.by, AT).agg(sums))
    # What was asked of slices is the same of windows: where one begins stands in the place of where it ends.
    whole = pl.concat(found, how="vertical_relaxed").rename({AT: _SLICE})
    return asked.finish(asked.cut(whole)).rows.rename({_SLICE: AT})


def _runs(groups: int, span: timedelta, moments: Moments, width: timedelta) -> Iterator[Moments]:
    """Give the moments in runs, one where they are few copies of groups in all.

    A run of k moments copies what lies between its first and last moments k times, and what all its windows share but
    once: the root of the slices in a window makes least of both.
    """
    few = groups * (span // moments.step + 1) <= _FEW_COPIES
    most = len(moments) if few else math.isqrt(span // width) + 1
    for start in range(0, len(moments), most):
        first = moments.first + start * moments.step
        yield Moments(first, min(first + (most - 1) * moments.step, moments.last), moments.step)


def _between(ordered: pl.DataFrame, since: datetime, until: datetime) -> pl.DataFrame:
    """Return the groups of the slices that begin in a window of time, of groups in that order."""
    begins = ordered[_SLICE]
    first, end = (begins.search_sorted(moment, side="left") for moment in (since, until))
    return ordered[first:end]


def _shared_once(groups: pl.DataFrame, question: Question, run: Moments, sums: Sequence[pl.Expr]) -> pl.DataFrame:
    """Return the groups with what lies in the windows of all moments of a run put together."""
    begin = run.last - question.span
    middle = _between(groups, begin, run.first)
    if middle.height < _FEW_GROUPS or not question.by:
        return groups
    whole = middle.group_by(question.by).agg(sums)
    one = whole.with_columns(_instant(begin).alias(_SLICE)).select(groups.columns)
    return pl.concat(
        [groups.filter(~pl.col(_SLICE).is_between(begin, run.first, closed="left")), one], how="vertical_relaxed"
    )


def _sliced(events: Events, span: timedelta, moments: Moments) -> tuple[Events, timedelta]:
    """Return the events with `#slice`, the beginning of the slice of time that they lie in, and how long one is.

    What lies in the windows of all moments is one slice, whose length says nothing: it is cut nowhere.
    """
    seconds = math.gcd(*(int(part.total_seconds()) for part in (span, moments.step)), int(moments.first.timestamp()))
    at = pl.col("timestamp")
    begin, end = (_instant(moment) for moment in (moments.last - span, moments.first))
    start = pl.when((at >= begin) & (at < end)).then(begin).otherwise(at.dt.truncate(f"{seconds}s"))
    native: pl.LazyFrame = nw.to_native(events)
    sliced = nw.from_native(native.with_columns(start.alias(_SLICE)))
    return sliced, timedelta(seconds=seconds)


def _from_copies(events: Events, question: Question, moments: Moments) -> pl.DataFrame:
    found = []
    for some in _chunks(events, question, moments):
        inside = _within(events, Window(some.first - question.span, some.last))
        native: pl.LazyFrame = nw.to_native(inside)
        copies = _copied(native, pl.col("timestamp"), timedelta(microseconds=1), question.span, some)
        found.append(answers([question.ask(nw.from_native(copies), [AT])])[0].rows)
    return pl.concat(found)


def _one_by_one(events: Events, question: Question, moments: Moments) -> pl.DataFrame:
    plans = [question.ask(events, window=Window(at - question.span, at)) for at in moments.times()]
    rows = [
        answer.rows.with_columns(pl.lit(at, TIME).alias(AT))
        for at, answer in zip(moments.times(), answers(plans), strict=True)
    ]
    return pl.concat(rows)


def _copied(rows: Any, start: pl.Expr, width: timedelta, span: timedelta, moments: Moments) -> Any:
    """Return each row once per moment whose window holds it, with that moment as `#at`.

    start, width: the time that a row stands for; windows begin and end with such times.
    """
    first, step = _instant(moments.first), moments.step // timedelta(microseconds=1)

    def after(moment: pl.Expr) -> pl.Expr:
        return (moment - first).dt.total_microseconds()

    # In whole microseconds: Polars divides floats by way of the reciprocal, which puts 13.0 above 13.
    from_, to = -(-after(start + width) // step), after(start + span) // step
    numbered = rows.with_columns(pl.int_ranges(from_.clip(0), to.clip(-1, len(moments) - 1) + 1).alias(AT))
    held = numbered.filter(pl.col(AT).list.len() > 0).explode(AT)
    return held.with_columns((first + pl.col(AT) * pl.lit(moments.step)).cast(TIME).alias(AT))


def _chunks(events: Events, question: Question, moments: Moments) -> Iterator[Moments]:
    """Give the moments in runs, each with so few copies of events that they fit into memory."""
    [counted] = collect([events.select(nw.len().alias(ROWS))])
    whole = (moments.last - moments.first + question.span) / timedelta(seconds=1)
    of_each = int(counted.item() or 0) * (question.span / timedelta(seconds=1)) / whole
    most = max(int(MOST_COPIES / max(of_each, 1)), 1)
    for start in range(0, len(moments), most):
        first = moments.first + start * moments.step
        last = min(first + (most - 1) * moments.step, moments.last)
        yield Moments(first, last, moments.step)


def _within(events: Events, window: Window) -> Events:
    return matching_events(events, window=window)


def _instant(moment: datetime) -> pl.Expr:
    """Return a moment as a literal: made of a datetime it takes Polars five times as long."""
    return pl.lit((moment - EPOCH) // timedelta(microseconds=1), pl.Int64).cast(TIME)


def _at_every_moment(rows: pl.DataFrame, question: Question, moments: Moments) -> pl.DataFrame:
    """Return the rows with those of moments that had no event, for which metrics are those of no events at all."""
    if rows.height == len(moments):
        return rows.sort(AT)
    [nothing] = answers([question.ask(_like_columns(question.columns))])
    every = pl.DataFrame({AT: moments.times()}, schema={AT: TIME})
    idle = every.join(rows, on=AT, how="anti").join(nothing.rows, how="cross")
    return pl.concat([rows, idle.select(rows.columns)], how="vertical_relaxed").sort(AT)


def _no_rows(question: Question) -> pl.DataFrame:
    [nothing] = answers([question.ask(_like_columns(question.columns), [AT])])
    return nothing.rows.clear()


def _like_columns(columns: Mapping[str, pl.DataType]) -> Events:
    return frame(pl.LazyFrame(schema={**columns, AT: TIME}))


def _combined(part: Part) -> pl.Expr:
    column = pl.col(part.name)
    return column.min() if part.combine == "min" else column.max() if part.combine == "max" else column.sum()
