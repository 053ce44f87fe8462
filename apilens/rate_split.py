"""Why an error rate changed: who calls (volume), what they call (mix), or how often the same calls fail (rate).

The error rate of all requests is a sum over cells, callers a by endpoints e: Σ V·M·R, where V is a's part of all
requests, M e's part of a's requests, and R the error rate of the cell. Its change is split among the three factors by
Shapley's value (Sun 1998, "complete decomposition"): each factor's change is weighted by the others, averaged over
every order in which the three could have changed, so that the parts sum to the change exactly and none comes first.

plan = plan_split(events, comparison, by=["account"])
split = plan.finish(answers(plan.summaries))

Volume and mix are counted against the mean rate of all, and of the caller: who calls more and fails more than others
adds to the error rate, who calls more and fails less takes from it. Where a cell is not called in one window its rate
there is taken to be that of the other, so that it adds to volume or mix alone; so is the mix of a caller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from apilens.answer import Answer, Events, Summary
from apilens.comparison import Comparison
from apilens.errors import UsageError
from apilens.left_out import NOTHING, LeftOut
from apilens.query import summarise
from apilens.result import Field
from apilens.schema import DTYPES

PARTS = ("volume_part", "mix_part", "rate_part")
TOTAL = "total_part"
# Enough that a sum over many rows is the change to the last digit shown, and little enough to print alike.
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Split:
    """The parts of a change by group, greatest first; `rows` leaves out groups that add nothing.

    before, now: the error rates; None without requests. volume, mix, rate: the parts of all groups together.
    """

    rows: pl.DataFrame
    fields: tuple[Field, ...]
    now: float | None
    before: float | None
    parts: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class RateSplit:
    """A planned split: collect `summaries`, then call `finish` with their answers."""

    summaries: tuple[Summary, Summary]
    by: tuple[str, ...]
    callers: tuple[str, ...]

    def finish(self, found: Sequence[Answer]) -> Split:
        """Return the split."""
        head, base = found
        keys = [field for field in head.fields if field.name in self.by]
        fields = (*keys, *(Field(name, "points", "lower") for name in (TOTAL, *PARTS)))
        now, before = _rate(head), _rate(base)
        cells = _cells(head, base)
        if now is None or before is None:
            empty = cells.head(0).select(*self.by, *(pl.lit(0.0).alias(name) for name in (TOTAL, *PARTS)))
            return Split(empty, fields, now, before, (0.0, 0.0, 0.0))
        parts = _parts(_factors(cells, self.callers), mean=(now + before) / 2)
        # + 0.0 makes 0 of −0.
        sums = [pl.col(name).sum().round(_DIGITS) + 0.0 for name in (TOTAL, *PARTS)]
        rows = parts.group_by(self.by).agg(sums).filter(pl.any_horizontal(pl.col(*PARTS) != 0))
        # Ties go by key; what adds most, or takes most away, comes first.
        ranked = rows.sort(pl.col(TOTAL).abs(), *self.by, descending=[True, *[False] * len(self.by)], nulls_last=True)
        volume, mix, rate = parts.select(pl.col(*PARTS).sum().round(_DIGITS) + 0.0).row(0)
        return Split(ranked.select(field.name for field in fields), fields, now, before, (volume, mix, rate))


def plan_split(
    events: Events, comparison: Comparison, *, by: Sequence[str], where: Sequence[str] = (),
    dtypes: Mapping[str, pl.DataType] = DTYPES, errors: str | None = None, before: Events | None = None,
    leave: LeftOut = NOTHING,
) -> RateSplit:  # fmt: skip
    """Return the plan of a split by the dimensions `by`: the first says who calls, the others what.

    With a single one what is called is the endpoint, or of endpoints the account. before: the events of the other
    window, where they are others. leave: what is left out. Raises UsageError for names that cannot be meant, and for
    what is typical, since medians do not add up.
    """
    if comparison.is_typical:
        raise UsageError("medians do not add up: what is typical has no split", hint="--compare previous, or 7d-ago")
    if not by:
        raise UsageError("a split needs a dimension", hint="for example --by account")
    what = by[1:] or (["account"] if by[0] == "endpoint" else ["endpoint"])

    def ask(events: Events, number: int) -> Summary:
        window = (comparison.head, *comparison.bases)[number]
        return summarise(
            events, metrics=["requests", "errors"], by=[by[0], *what], where=where, window=window, dtypes=dtypes,
            errors=errors, newest=False, leave=leave,
        )  # fmt: skip

    return RateSplit((ask(events, 0), ask(events if before is None else before, 1)), tuple(by), (by[0],))


def _rate(answer: Answer) -> float | None:
    requests, errors = (int(answer.rows[name].sum()) for name in ("requests", "errors"))
    return errors / requests if requests else None


def _cells(head: Answer, base: Answer) -> pl.DataFrame:
    """Return requests and errors of each cell in both windows: n1, e1 now and n0, e0 before."""
    counts = ("requests", "errors")
    keys = [name for name in head.rows.columns if name not in counts]
    now, before = (
        part.rows.select(*keys, *(pl.col(name).cast(pl.Float64).alias(f"{name[0]}{at}") for name in counts))
        .rename({f"r{at}": f"n{at}"})
        for at, part in ((1, head), (0, base))
    )  # fmt: skip
    return now.join(before, on=keys, how="full", coalesce=True, nulls_equal=True).fill_null(0.0)


def _factors(cells: pl.DataFrame, callers: Sequence[str]) -> pl.DataFrame:
    """Return V, M and R of each cell in both windows, and the caller's own error rate."""

    def ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
        return pl.when(whole > 0).then(part / whole)

    columns = []
    for at, other in ((0, 1), (1, 0)):
        n, e, own = pl.col(f"n{at}"), pl.col(f"e{at}"), pl.col(f"n{at}").sum().over(callers)
        n2, e2, own2 = pl.col(f"n{other}"), pl.col(f"e{other}"), pl.col(f"n{other}").sum().over(callers)
        columns += [
            (own / n.sum()).alias(f"V{at}"),
            pl.coalesce(ratio(n, own), ratio(n2, own2)).alias(f"M{at}"),
            pl.coalesce(ratio(e, n), ratio(e2, n2)).alias(f"R{at}"),
            pl.coalesce(ratio(e.sum().over(callers), own), ratio(e2.sum().over(callers), own2)).alias(f"own{at}"),
        ]
    return cells.with_columns(columns)


def _parts(cells: pl.DataFrame, *, mean: float) -> pl.DataFrame:
    def change(name: str) -> pl.Expr:
        return pl.col(f"{name}1") - pl.col(f"{name}0")

    def weight(one: str, other: str, *, less: pl.Expr | float = 0.0) -> pl.Expr:
        """Return the mean of one · (other − less) over the orders in which factors may have changed."""
        a0, a1 = pl.col(f"{one}0"), pl.col(f"{one}1")
        b0, b1 = pl.col(f"{other}0") - less, pl.col(f"{other}1") - less
        return (a0 * b0 + a1 * b1) / 3 + (a0 * b1 + a1 * b0) / 6

    own = (pl.col("own0") + pl.col("own1")) / 2
    volume = change("V") * weight("M", "R", less=mean)
    mix = change("M") * weight("V", "R", less=own)
    rate = change("R") * weight("V", "M")
    return cells.with_columns(
        volume.alias(PARTS[0]), mix.alias(PARTS[1]), rate.alias(PARTS[2]), (volume + mix + rate).alias(TOTAL)
    )
