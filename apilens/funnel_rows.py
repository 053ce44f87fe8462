"""The events that a funnel looks at, sorted by unit and time under one number, so that look-ups are subtractions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from apilens.funnel_rules import MICROSECOND, Rules

UNIT, MOMENT, ENTRY, EXCLUDED = "unit", "started_at", "entry", "excluded"
ORDER = ("source", "line", "item")
# Columns that steps must agree in are called so, with a number behind.
HOLD = "hold_"
# And so those by which the answer is broken down.
BY = "by_"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INT64 = 2**63


def step_column(number: int) -> str:
    """Return the name of the column that says whether an event is the step of that number, from 1."""
    return f"step_{number}"


@dataclass(frozen=True, slots=True)
class Rows:
    """Events in the order of units, and of time within a unit.

    frame: the events; `unit` is a number, of which `names` has the text. key: number of the group (a unit, or a unit
    with the values that are held constant) × span + microseconds since `start`. The span is longer than all the times
    and a window together, so that `key[b] - key[a] <= window` says both that b is of the group of a and that it is in
    the window. turn: where an event stands among all of its unit, whatever its group; is_grouped: whether those differ.
    """

    frame: pl.DataFrame
    names: pl.DataFrame
    key: pl.Series
    turn: pl.Series
    is_grouped: bool
    span: int
    start: datetime

    @property
    def end(self) -> datetime:
        """The moment of the latest event."""
        last = (self.key % self.span).max() if self.key.len() else 0
        return self.start + int(str(last)) * MICROSECOND

    def moments(self, rows: pl.Series) -> pl.Series:
        """Return when the events in these rows began; null stays null."""
        since = (self.key.gather(rows) % self.span).cast(pl.Int64).cast(pl.Duration("us"))
        return pl.Series([self.start], dtype=pl.Datetime("us", "UTC")).new_from_index(0, since.len()) + since

    def only_before(self, rows: pl.Series, barred: pl.Series, rules: Rules) -> pl.Series:
        """Return the rows that come before the barred ones, or have no such; null elsewhere."""
        if barred.null_count() == barred.len():
            return rows
        # Where events of one moment have no order, neither comes before the other.
        earlier = self.key.gather(barred) < self.key.gather(rows) if rules.ties == "strict" else barred < rows
        return only(rows, ~earlier.fill_null(False))

    def last_of_moment(self, rows: pl.Series) -> pl.Series:
        """Return the last row of the group and moment of each of these; null stays null."""
        return self.last_until(self.key.gather(rows))

    def last_of_group(self, rows: pl.Series) -> pl.Series:
        """Return the last row of the group of each of these; null stays null."""
        return self.last_until((self.key.gather(rows) // self.span + 1) * self.span - 1)

    def last_until(self, keys: pl.Series) -> pl.Series:
        """Return the last row whose key is not beyond each of these; null stays null."""
        # Searched for, a null would be the smallest of all keys.
        found = self.key.search_sorted(keys.fill_null(0), side="right").cast(pl.Int64) - 1
        return only(found.cast(pl.UInt32, strict=False), keys.is_not_null())


def only(values: pl.Series, where: pl.Series) -> pl.Series:
    """Return the values where the condition is true, null elsewhere."""
    return pl.select(pl.when(where).then(values)).to_series()


def arrange(events: pl.DataFrame, rules: Rules, *, carried: Sequence[str] = ()) -> Rows:
    """Return the events sorted. They have `unit`, `started_at`, `source`, `line`, `item`, `entry`, `excluded`,
    `step_1` … and, where values are held constant, `hold_1` …. carried: columns that are wanted afterwards.
    """
    unit = events[UNIT]
    if unit.dtype != pl.Categorical:
        unit = unit.cast(pl.Categorical(pl.Categories.random()))
    codes = unit.to_physical().cast(pl.UInt32)
    names = pl.DataFrame({UNIT: codes, "name": unit}).unique(UNIT).cast({"name": pl.String})
    events = events.with_columns(codes.alias(UNIT))

    held = [name for name in events.columns if name.startswith(HOLD)]
    group, turn = UNIT, []
    if held:
        groups = events.select(UNIT, *held).unique(maintain_order=True).with_row_index("group")
        events = events.sort(UNIT, MOMENT, *_within_moment(rules)).with_row_index("turn")
        events = events.join(groups, on=[UNIT, *held], how="left", maintain_order="left")
        group, turn = "group", ["turn"]

    first, last = events[MOMENT].min(), events[MOMENT].max()
    start = first if isinstance(first, datetime) else _EPOCH
    length = last - start if isinstance(last, datetime) else rules.within
    span = length // MICROSECOND + rules.within_us + 1
    most = int(str(events[group].max() or 0)) + 1
    number = pl.Int64() if most * span < _INT64 else pl.Int128()
    key = pl.col(group).cast(number) * span + (pl.col(MOMENT) - start).dt.total_microseconds().cast(number)
    flags = [step_column(step) for step in range(1, rules.steps + 1)]
    kept = dict.fromkeys([UNIT, *flags, ENTRY, EXCLUDED, *ORDER, *turn, *carried])
    rows = events.select(key.alias("key"), *kept).sort("key", *turn)
    if not held:
        rows = _settled(rows, rules)
    own = pl.int_range(rows.height, dtype=pl.UInt32, eager=True)
    spare = ["key", *turn, *(name for name in ORDER if name not in carried)]
    return Rows(rows.drop(spare), names, rows["key"], rows["turn"] if held else own, bool(held), span, start)


def _settled(rows: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Return the sorted rows with those of the same unit and moment in their order among themselves.

    They are few: sorting all rows by everything that decides takes three times as long.
    """
    key = pl.col("key")
    tied = rows.select(((key == key.shift(1)) | (key == key.shift(-1))).fill_null(False)).to_series().arg_true()
    if not tied.len():
        return rows
    among = rows[tied].with_columns(tied.alias("row")).sort("key", *_within_moment(rules))["row"]
    places = pl.int_range(rows.height, dtype=pl.UInt32, eager=True)
    settled: pl.DataFrame = rows[places.scatter(tied, among)]
    return settled


def _within_moment(rules: Rules) -> list[pl.Expr]:
    """Return what events of the same moment are sorted by."""
    first_step = pl.coalesce(
        *(pl.when(step_column(step)).then(step) for step in range(1, rules.steps + 1)), rules.steps + 1
    )
    by_log = [pl.col("source").cast(pl.String), pl.col("line"), pl.col("item")]
    return [first_step, *by_log] if rules.ties == "either" else by_log
