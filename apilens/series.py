"""Metrics over time: a row per group and bucket (`--every 1h|1d|1w`), those without any request among them.

plan = plan_series(events, "1d", metrics=["requests", "error_rate"], by=["account"], window=window)
rows, fields = plan.finish(answers(plan.summaries))

Buckets are of UTC, and begin where the window does: an hour, a day, or a week from its Monday. In a bucket without
requests of a group its counts are 0, and its rates and durations unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import polars as pl

from apilens.answer import Answer, Events, Summary
from apilens.changed import completed
from apilens.engine import frame
from apilens.errors import UsageError
from apilens.left_out import NOTHING, LeftOut
from apilens.query import summarise
from apilens.result import Field
from apilens.schema import DTYPES
from apilens.window import Window

# What --every says → the dimension of its buckets, and how long they are.
EVERY: Mapping[str, tuple[str, timedelta]] = {
    "1h": ("hour", timedelta(hours=1)),
    "1d": ("day", timedelta(days=1)),
    "1w": ("week", timedelta(days=7)),
}
MOST_BUCKETS = 5_000


@dataclass(frozen=True, slots=True)
class SeriesPlan:
    """A planned series: collect `summaries`, then call `finish`.

    newest: when the last event of all was, where that is known: buckets go on until then, if the window is open.
    summaries: the groups over the whole window, which rank and choose them; groups by buckets; and no events at all.
    """

    every: str
    window: Window
    newest: datetime | None
    summaries: tuple[Summary, Summary, Summary]

    @property
    def bucket(self) -> str:
        """The name of the column that says when a bucket begins."""
        return EVERY[self.every][0]

    def finish(self, found: Sequence[Answer]) -> tuple[pl.DataFrame, tuple[Field, ...]]:
        """Return the rows, groups in their order and buckets in theirs, and what the columns mean.

        Raises UsageError where there are more buckets than anybody reads.
        """
        whole, answer, nothing = found
        keys = self.summaries[0].keys
        starts = self._starts(answer)
        groups = whole.rows.select(keys).with_row_index("#rank") if keys else pl.DataFrame({"#rank": [0]})
        grid = groups.join(starts.to_frame(), how="cross")
        # Engines make a time of a day that is offset.
        rows = answer.rows.with_columns(pl.col(self.bucket).cast(starts.dtype))
        part = Answer(rows, answer.fields, answer.groups, answer.totals, answer.approximate)
        series = completed(part, grid, nothing.rows, [*keys, self.bucket]).sort("#rank", self.bucket)
        return series.select(field.name for field in answer.fields), answer.fields

    def marked(self, rows: pl.DataFrame, marks: Mapping[str, datetime]) -> dict[str, int]:
        """Return which bucket of these rows each mark lies in, counted from 0; marks outside of them are left out."""
        known = rows[self.bucket].unique().sort().to_list()
        at = {bucket: number for number, bucket in enumerate(known)}
        starts = {name: _floor(moment, self.every) for name, moment in marks.items()}
        found = {name: at.get(start if self.every == "1h" else start.date()) for name, start in starts.items()}
        return {name: number for name, number in found.items() if number is not None}

    def _starts(self, answer: Answer) -> pl.Series:
        name, length = EVERY[self.every]
        known = answer.rows[name].drop_nulls()
        first = self.window.since or _moment(known.min())
        last = self.window.until - timedelta(microseconds=1) if self.window.until else self.newest
        last = last or _moment(known.max())
        moments: list[datetime] = []
        if first is not None and last is not None:
            start = _floor(first, self.every)
            count = max((last - start) // length + 1, 0)
            if count > MOST_BUCKETS:
                raise UsageError(
                    f"--every {self.every} makes {count:,} buckets of each group, {MOST_BUCKETS:,} at most",
                    hint="take longer ones, or a shorter window",
                )
            moments = [start + number * length for number in range(count)]
        series = pl.Series(name, moments, dtype=pl.Datetime("us", "UTC"))
        return series if self.every == "1h" else series.cast(pl.Date)


def plan_series(
    events: Events,
    every: str,
    *,
    metrics: Sequence[str],
    by: Sequence[str] = (),
    where: Sequence[str] = (),
    having: str | None = None,
    sort: str | None = None,
    limit: int | None = None,
    window: Window,
    dtypes: Mapping[str, pl.DataType] = DTYPES,
    newest: datetime | None = None,
    errors: str | None = None,
    leave: LeftOut = NOTHING,
) -> SeriesPlan:
    """Return the plan of a series, asked as `summarise` is: having, sort and limit are about whole groups.

    every: a key of EVERY. newest: when the last event of all was, where that is known. leave: what is left out. Raises
    UsageError for what cannot be meant.
    """
    if every not in EVERY:
        raise UsageError(f"--every {every!r} is no length of time", hint=f"one of {', '.join(EVERY)}")
    bucket = EVERY[every][0]
    if bucket in by:
        raise UsageError(f"--every {every} is --by {bucket}, with empty ones too", hint=f"leave {bucket} out of --by")
    whole = summarise(
        events, metrics=metrics, by=by, where=where, having=having, sort=sort, limit=limit, window=window,
        dtypes=dtypes, newest=newest is None, errors=errors, leave=leave,
    )  # fmt: skip
    buckets = summarise(
        events, metrics=metrics, by=[*by, bucket], where=where, window=window, dtypes=dtypes, newest=False,
        errors=errors, leave=leave,
    )  # fmt: skip
    nothing = summarise(
        frame(pl.LazyFrame(schema=dict(dtypes))), metrics=metrics, dtypes=dtypes, newest=False, errors=errors
    )
    return SeriesPlan(every, window, newest, (whole, buckets, nothing))


def _floor(moment: datetime, every: str) -> datetime:
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if every == "1h":
        return hour
    day = hour.replace(hour=0)
    return day - timedelta(days=day.weekday()) if every == "1w" else day


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime(value.year, value.month, value.day, tzinfo=UTC) if isinstance(value, date) else None
