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
_UINT64 = 2**64


def flags_of(rules: Rules) -> list[str]:
    """Return the names of the columns of truths: the steps, whether an attempt may begin, whether it must not be."""
    return [*(step_column(number) for number in range(1, rules.steps + 1)), ENTRY, EXCLUDED]


def step_column(number: int) -> str:
    """Return the name of the column that says whether an event is the step of that number, from 1."""
    return f"step_{number}"


@dataclass(frozen=True, slots=True)
class Rows:
    """Events in the order of units, and of time within a unit.

    frame: what is known of the events; units are numbers, of which `coded` has the texts. key: number of the group (a
    unit, or a unit with the values that are held constant) × span + microseconds since `start`. The span is longer than
    all the times and a window together, so that `key[b] - key[a] <= window` says both that b is of the group of a and
    that it is in the window. turn: where an event stands among all of its unit, whatever its group; is_grouped: whether
    those differ.
    """

    frame: pl.DataFrame
    coded: pl.Series
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

    def units(self, rows: pl.Series) -> pl.Series:
        """Return the units of the events in these rows."""
        if self.is_grouped:
            return self.frame[UNIT].gather(rows)
        return (self.key.gather(rows) // self.span).cast(pl.UInt32)

    def named(self, table: pl.DataFrame) -> pl.DataFrame:
        """Return a table of units with the text of each as `name`."""
        distinct = self.coded.unique()
        codes = distinct.to_physical().cast(pl.UInt32)
        names = pl.DataFrame({UNIT: codes, "name": distinct.cast(pl.String)})
        return table.join(names, on=UNIT, how="left", maintain_order="left")

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
    """Return the events sorted. They have `unit` (Categorical), `started_at`, `source`, `line`, `item`, `entry`,
    `excluded`, `step_1` … and, where values are held constant, `hold_1` …. carried: columns that are wanted afterwards.
    """
    unit = events[UNIT]
    events = events.with_columns(unit.to_physical().cast(pl.UInt32).alias(UNIT))

    held = [name for name in events.columns if name.startswith(HOLD)]
    group = UNIT
    if held:
        groups = events.select(UNIT, *held).unique(maintain_order=True).with_row_index("group")
        events = events.sort(UNIT, MOMENT, *_within_moment(rules)).with_row_index("turn")
        events = events.join(groups, on=[UNIT, *held], how="left", maintain_order="left")
        group = "group"

    first, last = events[MOMENT].min(), events[MOMENT].max()
    start = first if isinstance(first, datetime) else _EPOCH
    length = last - start if isinstance(last, datetime) else rules.within
    span = length // MICROSECOND + rules.within_us + 1
    most = int(str(events[group].max() or 0)) + 1
    number = pl.Int64() if most * span < _INT64 else pl.Int128()
    since = (pl.col(MOMENT) - start).dt.total_microseconds().cast(number)
    key = events.select((pl.col(group).cast(number) * span + since).alias("key")).to_series()
    # A flag that no event has takes no bit.
    flags = [name for name in flags_of(rules) if events[name].any()]
    if held or carried or most * span << len(flags) >= _UINT64:
        columns = [*flags_of(rules), *([UNIT, "turn"] if held else []), *dict.fromkeys(carried)]
        frame, key = _sorted_rows(events, key, rules, columns)
    else:
        frame, key = _sorted_words(events, key, rules, flags)
    turn = frame["turn"] if held else pl.int_range(frame.height, dtype=pl.UInt32, eager=True)
    return Rows(frame, unit, key, turn, bool(held), span, start)


def _sorted_rows(
    events: pl.DataFrame, key: pl.Series, rules: Rules, columns: Sequence[str]
) -> tuple[pl.DataFrame, pl.Series]:
    """Return these columns of the events in their order, and the keys."""
    order = key.arg_sort()
    sorted_key = key.gather(order)
    places, tied = _ties(sorted_key, key)
    if places.len():
        among = _settled(events.filter(tied), key.filter(tied), tied.arg_true(), rules)
        order = order.scatter(places, among)
    return events.select(columns)[order], sorted_key


def _sorted_words(
    events: pl.DataFrame, key: pl.Series, rules: Rules, flags: Sequence[str]
) -> tuple[pl.DataFrame, pl.Series]:
    """Return the flags of the events in their order, and the keys.

    Flags are bits of the same number as the key: sorting one column of numbers takes half the time of all else.
    """
    size = 1 << len(flags)
    bits = [pl.col(name).cast(pl.UInt32) * (1 << bit) for bit, name in enumerate(flags)]
    mask = events.select(pl.sum_horizontal(pl.lit(0, pl.UInt32), *bits)).to_series()
    unsorted = key.cast(pl.UInt64) * size + mask.cast(pl.UInt64)
    words = unsorted.sort()
    sorted_key = (words // size).cast(pl.Int64)
    places, tied = _ties(sorted_key, key)
    if places.len():
        words = words.scatter(places, _settled(events.filter(tied), key.filter(tied), unsorted.filter(tied), rules))
    mask = (words % size).cast(pl.UInt32)
    none = pl.Series([False]).new_from_index(0, words.len())
    found = {name: mask & (1 << bit) != 0 for bit, name in enumerate(flags)}
    return pl.DataFrame({name: found.get(name, none) for name in flags_of(rules)}), sorted_key


def _ties(sorted_key: pl.Series, key: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the sorted places that share their unit and moment with another, and which events those are."""
    as_before = (sorted_key == sorted_key.shift(1)).fill_null(False)
    places = (as_before | as_before.shift(-1).fill_null(False)).arg_true()
    return places, key.is_in(sorted_key.filter(as_before).unique().implode())


def _settled(events: pl.DataFrame, key: pl.Series, values: pl.Series, rules: Rules) -> pl.Series:
    """Return the values of events in the order of their keys, and of the log within a moment.

    They are few: sorting all events by everything that decides takes three times as long.
    """
    among = events.with_columns(key.alias("key"), values.alias("value"))
    return among.sort("key", *_within_moment(rules))["value"]


def _within_moment(rules: Rules) -> list[pl.Expr]:
    """Return what events of the same moment are sorted by."""
    first_step = pl.coalesce(
        *(pl.when(step_column(step)).then(step) for step in range(1, rules.steps + 1)), rules.steps + 1
    )
    by_log = [pl.col("source").cast(pl.String), pl.col("line"), pl.col("item")]
    return [first_step, *by_log] if rules.ties == "either" else by_log
