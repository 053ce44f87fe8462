"""Which events a funnel needs, and what of them: planned lazily on any engine, so that little is left to match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

import narwhals as nw

from apilens.answer import Events
from apilens.dimensions import Dimension
from apilens.engine import coded
from apilens.funnel_rows import BY, ENTRY, EXCLUDED, HOLD, MOMENT, ORDER, UNIT, step_column
from apilens.funnel_rules import Order
from apilens.left_out import LeftOut
from apilens.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What is to be known of each event: the steps that it is, whether it is excluded, whose it is, what must agree
    (`hold`), what the answer is broken down by, whether an attempt may begin with it: only in `entries`; and whether
    it is left out, which is for whoever takes them to do.

    Steps and what is excluded are as `condition_of` has them, and `success` is what those share that say so.
    """

    steps: Sequence[tuple[nw.Expr, bool]]
    excluded: Sequence[tuple[nw.Expr, bool]]
    success: nw.Expr
    unit: str
    hold: Sequence[Dimension]
    by: Sequence[Dimension]
    order: Order
    entries: Window
    leave: LeftOut

    def of(self, events: Events) -> Events:
        """Return the events that matter, with these marks. Steps in strict order need every event of a unit.

        An excluded event is no step. Events of nobody stay in, to be counted.
        """
        barred = reduce(or_, map(self._whole, self.excluded)) if self.excluded else None
        flags = [self._whole(step) for step in self.steps]
        if self.order != "strict":
            events = events.filter(self._matters())
        if barred is not None:
            flags = [flag & ~barred for flag in flags]
        begins = reduce(or_, flags) if self.order == "any" else flags[0]
        marked = events.select(
            nw.col(self.unit).alias(UNIT),
            nw.col(MOMENT),
            *map(nw.col, ORDER),
            *(flag.alias(step_column(number)) for number, flag in enumerate(flags, 1)),
            (begins & self._may_enter()).alias(ENTRY),
            (nw.lit(False) if barred is None else barred).alias(EXCLUDED),
            *(held.expr.alias(f"{HOLD}{number}") for number, held in enumerate(self.hold, 1)),
            *(dimension.expr.alias(f"{BY}{number}") for number, dimension in enumerate(self.by, 1)),
            *([self.leave.code] if self.leave else []),
        )
        return coded(marked, (UNIT, "source"))

    def _whole(self, condition: tuple[nw.Expr, bool]) -> nw.Expr:
        what, must_succeed = condition
        return _true(what & self.success if must_succeed else what)

    def _matters(self) -> nw.Expr:
        """Return whether an event is anything. This is asked of every event there is: success is looked at once."""
        both = (*self.steps, *self.excluded)
        successful = [what for what, must_succeed in both if must_succeed]
        others = [what for what, must_succeed in both if not must_succeed]
        return reduce(or_, [*([reduce(or_, successful) & self.success] if successful else []), *others])

    def _may_enter(self) -> nw.Expr:
        moment, (since, until) = nw.col("timestamp"), (self.entries.since, self.entries.until)
        inside = nw.lit(True)
        if since is not None:
            inside = inside & (moment >= nw.lit(since, nw.Datetime("us", "UTC")))
        if until is not None:
            inside = inside & (moment < nw.lit(until, nw.Datetime("us", "UTC")))
        return inside


def _true(condition: nw.Expr) -> nw.Expr:
    return nw.coalesce(condition, nw.lit(False))
