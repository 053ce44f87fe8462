"""Who comes back: units by the period of their first event, and in which periods after it they returned.

plan = plan_returns(events, unit="account", period=PERIODS["1w"], first=…, returning=…)
sizes, returns = collect([plan.sizes, plan.returns])
cells = cells_of(sizes, returns, period=…, until=…)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import narwhals as nw
import polars as pl

from apilens.answer import Events
from apilens.engine import with_hashes
from apilens.periods import Period
from apilens.schema import TIME
from apilens.window import Window

CELLS = {
    "cohort": pl.Date(), "size": pl.Int64(), "period": pl.Int64(), "returned": pl.Int64(), "rate": pl.Float64(),
    "complete": pl.Boolean(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Returns:
    """A planned question. sizes: `cohort`, `size`. returns: `cohort`, `at` (a start), `returned` (units)."""

    sizes: Events
    returns: Events


def plan_returns(
    events: Events, *, unit: str, period: Period, first: nw.Expr, returning: nw.Expr, window: Window,
    unbounded: bool = False,
) -> Returns:  # fmt: skip
    """Return the plan: units whose first event (of those for which `first` is true) lies in the window, by its period.

    A unit returned in a period when an event for which `returning` is true lies in it, at the time of the unit's first
    event or after it; the first event itself may be such a one. unbounded: `at` is the last such period of a unit, and
    it stands there once. Events without a unit are nobody's.
    """
    moment = nw.col("timestamp")
    # Whatever they are called, units are told apart by numbers: half the time of doing it by text.
    events = with_hashes(events.filter(~nw.col(unit).is_null()), {"#unit": unit})
    began = events.filter(first).group_by("#unit").agg(moment.min())
    if window.since is not None:
        began = began.filter(moment >= nw.lit(window.since, nw.Datetime("us", "UTC")))
    if window.until is not None:
        began = began.filter(moment < nw.lit(window.until, nw.Datetime("us", "UTC")))
    began = began.select("#unit", moment.alias("#began"), period.start.alias("cohort"))
    back = events.filter(returning).select("#unit", "timestamp")
    if unbounded:
        back = back.group_by("#unit").agg(moment.max()).with_columns(period.start.alias("at"))
    else:
        back = back.with_columns(period.start.alias("at")).group_by("#unit", "at").agg(moment.max())
    back = back.join(began, on="#unit", how="inner").filter(moment >= nw.col("#began"))
    returns = back.group_by("cohort", "at").agg(nw.len().alias("returned"))
    return Returns(began.group_by("cohort").agg(nw.len().alias("size")), returns)


def cells_of(
    sizes: pl.DataFrame, returns: pl.DataFrame, *, period: Period, until: datetime, periods: int | None = None,
    unbounded: bool = False,
) -> pl.DataFrame:  # fmt: skip
    """Return a row for each cohort and each period after it that had begun by `until`, at most `periods` of them.

    period: 0 is that of the first event. returned: units so far. rate: part of the cohort, null while the period is
    not over (`complete` says so).
    """
    # The last instant that was seen: a period that would begin at `until` has not.
    now = pl.lit(period.holding(until - timedelta(microseconds=1)))
    cohort = pl.col("cohort")
    begun = period.between(cohort, now).clip(0, periods)
    numbered = returns.select(
        "cohort", period.between(cohort, pl.col("at")).alias("period"), pl.col("returned").cast(pl.Int64)
    )
    cells = (
        sizes.sort("cohort")
        .with_columns(pl.int_ranges(0, begun + 1).alias("period"))
        .explode("period")
        .join(numbered, on=["cohort", "period"], how="left", maintain_order="left")
        .with_columns(pl.col("returned").fill_null(0))
    )
    if unbounded:
        whole = numbered.group_by("cohort").agg(pl.col("returned").sum().alias("#whole"))
        gone = pl.col("returned").cum_sum().over("cohort") - pl.col("returned")
        cells = cells.join(whole, on="cohort", how="left", maintain_order="left").with_columns(
            (pl.col("#whole").fill_null(0) - gone).alias("returned")
        )
    ends = period.after(cohort, pl.col("period") + 1).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    over = ends <= pl.lit(until.astimezone(UTC), dtype=TIME)
    rate = (pl.col("returned") / pl.col("size")).round(6)
    return cells.with_columns(over.alias("complete"), pl.when(over).then(rate).alias("rate")).select(
        pl.col(name).cast(dtype) for name, dtype in CELLS.items()
    )


def curve_of(cells: pl.DataFrame) -> pl.DataFrame:
    """Return for each period how many of all cohorts came back: those alone for whom it is over, by their size."""
    over = cells.filter("complete").group_by("period").agg(
        pl.len().cast(pl.Int64).alias("cohorts"), pl.col("size", "returned").sum()
    )  # fmt: skip
    return over.sort("period").with_columns((pl.col("returned") / pl.col("size")).round(6).alias("rate"))
