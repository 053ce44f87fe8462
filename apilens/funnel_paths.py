"""How far attempts get: the row of each step behind an entry, for all attempts at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_

import polars as pl

from apilens.funnel_rows import EXCLUDED, Rows, only, step_column
from apilens.funnel_rules import Rules


@dataclass(frozen=True, slots=True)
class Paths:
    """The row of each step of each attempt, null where it was not reached in time; and whether an attempt that stopped
    may still go on, as far as the order of events decides it.
    """

    steps: list[pl.Series]
    waiting: pl.Series


def in_order(rows: Rows, rules: Rules, entries: pl.Series) -> Paths:
    """Return the paths on which each step comes after the one before; the first step is the entry itself.

    The earliest match is always the right one: whatever could follow a later match can follow it too.
    """
    deadline = rows.key.gather(entries) + rules.within_us
    strict = rules.order == "strict"
    steps = [entries]
    waiting = pl.Series([not strict]).new_from_index(0, entries.len())
    for number, count in enumerate(rules.counts[1:], 2):
        matches = rows.frame[step_column(number)]
        counted = matches.cum_sum()
        before = steps[-1]
        if strict:
            found = _directly_behind(rows, rules, counted, before, count)
        else:
            after = rows.last_of_moment(before) if rules.ties == "strict" else before
            found = _match(matches, counted.gather(after) + (count - 1))
        found = only(found, rows.key.gather(found) <= deadline)
        if strict:
            stopped = before.is_not_null() & found.is_null()
            waiting = waiting | (stopped & _nothing_else_behind(rows, rules, counted, before).fill_null(False))
        steps.append(found)
    return Paths(steps, waiting)


def in_any_order(rows: Rows, rules: Rules, entries: pl.Series) -> Paths:
    """Return the paths on which steps come as they like, from the entry on.

    An event completes one step only: the first that it can, and the step's own event is then the next one. Going
    through the steps in their order comes to the same as going through the events.
    """
    deadline = rows.key.gather(entries) + rules.within_us
    steps: list[pl.Series] = []
    for number, count in enumerate(rules.counts, 1):
        matches = rows.frame[step_column(number)]
        counted = matches.cum_sum()
        # The entry itself counts.
        at = counted.gather(entries) - matches.gather(entries).cast(counted.dtype) + (count - 1)
        found = _match(matches, at)
        for _ in steps:
            taken = reduce(or_, [(found == step).fill_null(False) for step in steps])
            at = at + taken.cast(counted.dtype)
            found = _match(matches, at)
        steps.append(only(found, rows.key.gather(found) <= deadline))
    return Paths(steps, pl.Series([True]).new_from_index(0, entries.len()))


def first_exclusion(rows: Rows, rules: Rules, entries: pl.Series) -> pl.Series:
    """Return the row of the first excluded event after each entry and within its window, or null."""
    excluded = rows.frame[EXCLUDED]
    if not excluded.any():
        return pl.Series([None], dtype=pl.UInt32).new_from_index(0, entries.len())
    after = rows.last_of_moment(entries) if rules.ties == "strict" else entries
    found = _match(excluded, excluded.cum_sum().gather(after))
    return only(found, rows.key.gather(found) <= rows.key.gather(entries) + rules.within_us)


def _match(matches: pl.Series, at: pl.Series) -> pl.Series:
    """Return the rows of the matches with these numbers, from 0; null where there are not so many."""
    places = matches.arg_true()
    return places.extend_constant(None, 1).gather(at.clip(upper_bound=places.len()))


def _directly_behind(rows: Rows, rules: Rules, counted: pl.Series, before: pl.Series, count: int) -> pl.Series:
    """Return the row `count` further on where all the rows up to it match; null elsewhere."""
    found = only(before + count, before + count < counted.len())
    matches = counted.gather(found) - counted.gather(before) == count
    if rules.ties == "strict":
        matches = matches & _is_later(rows, before)
    return only(found, matches)


def _nothing_else_behind(rows: Rows, rules: Rules, counted: pl.Series, before: pl.Series) -> pl.Series:
    """Say whether all that is known to follow of the unit matches: it may be as many as are needed yet."""
    last = rows.last_of_group(before)
    matches = counted.gather(last) - counted.gather(before) == last - before
    if rules.ties == "strict":
        matches = matches & ((last == before) | _is_later(rows, before))
    return matches


def _is_later(rows: Rows, before: pl.Series) -> pl.Series:
    """Say whether the next row is of a later moment than each of these, or of another group."""
    behind = only(before + 1, before + 1 < rows.key.len())
    return (rows.key.gather(behind) > rows.key.gather(before)).fill_null(True)
