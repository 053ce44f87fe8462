"""The funnel matcher: from the events that are steps to attempts, exactly, and in whole columns.

Every event that may begin an attempt begins one. From there on each further step takes one look-up for all attempts at
once: in rows sorted by unit and time, count the matches of the step up to a row, and the next match is the one behind
that many. Which attempts count - the first of a unit, the one that went furthest, all that do not overlap - is chosen
afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from apilens.funnel_paths import Paths, first_exclusion, in_any_order, in_order
from apilens.funnel_rows import ENTRY, MOMENT, UNIT, Rows, arrange, step_column
from apilens.funnel_rules import Rules

# So many events are matched at once: they take about 400 MB.
_ROWS = 4_000_000


@dataclass(frozen=True, slots=True)
class Attempts:
    """The attempts that count, one row each in `table`.

    `unit` (its number), `depth` (how many steps were reached), `open` (it may still go on), and rows of `rows`: `first`
    (the event that began it), `last` (the latest that was a step), `step_1` … (where each step was reached, or null).
    """

    rows: Rows
    table: pl.DataFrame


def attempts_of(events: pl.DataFrame, rules: Rules, *, carried: Sequence[str] = ()) -> list[Attempts]:
    """Return the attempts that count among the events that `arrange` takes, in parts: each has all events of its units.

    So many events at once keep memory small; there is always one part.
    """
    unit = events[UNIT]
    if not isinstance(unit.dtype, pl.Categorical):
        unit = unit.cast(pl.Categorical(pl.Categories.random()))
        events = events.with_columns(unit)
    newest = events[MOMENT].max()
    if rules.newest is None and isinstance(newest, datetime):
        # Not that of a part.
        rules = replace(rules, newest=newest)
    parts = events.height // _ROWS + 1
    if parts == 1:
        return [match(arrange(events, rules, carried=carried), rules)]
    part = pl.col(UNIT).to_physical() % parts
    return [match(arrange(events.filter(part == at), rules, carried=carried), rules) for at in range(parts)]


def match(rows: Rows, rules: Rules) -> Attempts:
    """Return the attempts that count: one of each unit, or all that do not overlap."""
    entries = _entries(rows, rules)
    if rules.entry == "first" and rules.counting == "units":
        entries = _first_of_units(rows, entries)
    follow = in_any_order if rules.order == "any" else in_order
    table = _attempts(rows, rules, entries, follow(rows, rules, entries))
    if rules.counting == "attempts":
        table = _without_overlaps(table)
    table = table.filter(~pl.col("removed"))
    if rules.counting == "units" and rules.entry == "any":
        table = _best(rows, table)
    return Attempts(rows, table.select(UNIT, "depth", "open", "first", "last", *_names(rules)))


def _names(rules: Rules) -> list[str]:
    return [step_column(number) for number in range(1, rules.steps + 1)]


def _entries(rows: Rows, rules: Rules) -> pl.Series:
    """Return the rows in which attempts may begin."""
    places = rows.frame[ENTRY].arg_true()
    count = rules.counts[0]
    if rules.order == "any" or count == 1:
        return places
    # Whoever has done it ten times has done so with each further time; an attempt of its own takes ten more.
    groups = pl.DataFrame({"group": rows.key.gather(places) // rows.span})
    times = groups.select(pl.int_range(1, pl.len() + 1).over("group")).to_series()
    return places.filter(times % count == 0 if rules.counting == "attempts" else times >= count)


def _first_of_units(rows: Rows, entries: pl.Series) -> pl.Series:
    """Return the earliest of the entries of each unit."""
    found = pl.DataFrame({"row": entries, UNIT: rows.units(entries)})
    if rows.is_grouped:
        found = found.with_columns(rows.turn.gather(entries).alias("turn")).sort("turn")
        return found.unique(UNIT, keep="first", maintain_order=True)["row"].sort()
    return found.filter((pl.col(UNIT) != pl.col(UNIT).shift(1)).fill_null(True))["row"]


def _attempts(rows: Rows, rules: Rules, entries: pl.Series, paths: Paths) -> pl.DataFrame:
    """Return the attempts on these paths, with `removed`, and `end`: the row behind which a next one may begin."""
    barred = first_exclusion(rows, rules, entries)
    steps = paths.steps
    if rules.exclusion == "drop":
        steps = [rows.only_before(step, barred, rules) for step in steps]
    deadlines = rows.key.gather(entries) + rules.within_us
    late = rows.moments(entries) + rules.within > (rules.newest or rows.end)
    table = pl.DataFrame(
        {
            UNIT: rows.units(entries), "first": entries, "barred": barred, "late": late,
            "waiting": paths.waiting, "deadline": rows.last_until(deadlines),
            **dict(zip(_names(rules), steps, strict=True)),
        }
    )  # fmt: skip
    reached = [pl.col(name) for name in _names(rules)]
    table = table.with_columns(
        depth=pl.sum_horizontal(step.is_not_null() for step in reached).cast(pl.UInt8),
        last=pl.max_horizontal(*reached),
        converted=pl.all_horizontal(step.is_not_null() for step in reached),
    )
    spoilt = rows.only_before(table["last"], barred, rules).is_null() & barred.is_not_null()
    removed = pl.lit(rules.exclusion == "remove") & pl.col("barred").is_not_null() & (spoilt | ~pl.col("converted"))
    stopped = pl.col("last") if rules.order == "strict" else pl.col("deadline")
    return table.with_columns(
        open=~pl.col("converted") & pl.col("barred").is_null() & pl.col("late") & pl.col("waiting"), removed=removed
    ).with_columns(
        end=pl.when(pl.col("converted") & ~pl.col("removed")).then("last")
        .when(pl.col("barred").is_not_null()).then("barred").otherwise(stopped)
    )  # fmt: skip


def _without_overlaps(table: pl.DataFrame) -> pl.DataFrame:
    """Return the attempts that a unit makes one after the other: each begins after the one before has ended."""
    if table.is_empty():
        return table
    none = table.height
    follows = pl.concat([table["first"].search_sorted(table["end"], side="right"), pl.Series([none], dtype=pl.UInt32)])
    # After n rounds all that are fewer than 2^n attempts behind the first one are found; `follows` goes 2^n further.
    found = pl.Series([0], dtype=pl.UInt32)
    while follows[0] != none:
        found = pl.concat([found, follows.gather(found)]).unique()
        follows = follows.gather(follows)
    found = pl.concat([found, follows.gather(found)]).unique().sort()
    return table[found.filter(found < none)]


def _best(rows: Rows, table: pl.DataFrame) -> pl.DataFrame:
    """Return of each unit the attempt that went furthest: of several the one that was there first, begun last.

    A unit is open as long as any of its attempts may go on.
    """
    table = table.with_columns(
        rows.turn.gather(table["last"].fill_null(table["first"])).alias("arrived"),
        rows.turn.gather(table["first"]).alias("began"),
    )
    # One number for all three: comparing rows one by one takes several times as long.
    bits, number = (28, pl.Int64()) if rows.key.len() < 1 << 28 else (56, pl.Int128())
    depth, arrived, began = (pl.col(name).cast(number) for name in ("depth", "arrived", "began"))
    rank = (depth * (1 << bits) + ((1 << bits) - 1 - arrived)) * (1 << bits) + began
    best = table.with_columns(rank=rank).group_by(UNIT).agg(pl.col("rank").max(), any_open=pl.col("open").any())
    chosen = table.with_columns(rank=rank).join(best, on=[UNIT, "rank"])
    converted = pl.col("converted")
    return chosen.with_columns(open=pl.col("any_open") & ~converted).sort("began")
