"""From attempts to the table of a funnel: how many reached each step, and how long it took them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from apilens.funnel_rows import BY, step_column
from apilens.funnel_rules import Order
from apilens.funnels import Attempts
from apilens.result import Field
from apilens.significance import fisher

FIELDS = (
    Field("step", "text"),
    Field("name", "text"),
    Field("entities", "count", "higher"),
    Field("conversion", "ratio", "higher", bar=True),
    Field("step_conversion", "ratio", "higher"),
    Field("dropped", "count", "lower"),
    Field("open", "count"),
    Field("median_ms", "ms", "lower"),
    Field("p95_ms", "ms", "lower"),
)
P_VALUE = Field("p_value", "number")
_DIGITS = 6
_MS_DIGITS = 3


def walked(attempts: Sequence[Attempts], *, steps: int, order: Order, by: int, at: str) -> pl.DataFrame:
    """Return the attempts with `took_2` … (milliseconds from the step before) and `by_1` …: the values at the event
    that the column `at` names (`first`, `last`, `step_3`), null for those who have none.
    """
    return pl.concat([_walked(part, steps=steps, order=order, by=by, at=at) for part in attempts])


def _walked(attempts: Attempts, *, steps: int, order: Order, by: int, at: str) -> pl.DataFrame:
    rows, table = attempts.rows, attempts.table
    reached = pl.DataFrame([rows.moments(table[step_column(n)]).alias(str(n)) for n in range(1, steps + 1)])
    if order == "any":
        # The second step is then the one that came second.
        listed = reached.select(pl.concat_list(pl.all()).list.drop_nulls().list.sort().alias("all"))
        reached = listed.select(pl.col("all").list.get(n, null_on_oob=True).alias(str(n + 1)) for n in range(steps))
    took = reached.select(
        ((pl.col(str(n)) - pl.col(str(n - 1))).dt.total_microseconds() / 1000).alias(f"took_{n}")
        for n in range(2, steps + 1)
    )
    values = [rows.frame[f"{BY}{n}"].gather(table[at]).alias(f"{BY}{n}") for n in range(1, by + 1)]
    return table.with_columns(*took.get_columns(), *values)


def tabulate(attempts: pl.DataFrame, names: Sequence[str], by: Sequence[Field], *, limit: int | None) -> pl.DataFrame:
    """Return a row for each step, of each group where there is a breakdown: the biggest groups first, `limit` of them.

    `entities` is who got there, `conversion` their share of those at step 1, `step_conversion` of those one step
    before; `dropped` and `open` got no further. `p_value`, with groups, is that of the share against all others'.
    """
    keys = [f"{BY}{number}" for number in range(1, len(by) + 1)]
    steps = pl.concat([_step(attempts, keys, number, name) for number, name in enumerate(names, 1)])
    first = pl.col("entities").filter(pl.col("step") == 1).first()
    if keys:
        ranked = steps.filter(pl.col("step") == 1).sort(
            pl.col("entities"), *keys, descending=[True, *[False] * len(keys)]
        )
        shown = ranked.head(ranked.height if limit is None else limit).select(*keys).with_row_index("rank")
        steps = steps.join(shown, on=keys, nulls_equal=True).sort("rank", "step").drop("rank")
    else:
        steps = steps.sort("step")
    share = [
        pl.col("entities") / _not_none(whole)
        for whole in (_over(first, keys), _over(pl.col("entities").shift(1), keys))
    ]
    table = steps.with_columns(conversion=share[0].round(_DIGITS), step_conversion=share[1].round(_DIGITS))
    if keys:
        table = table.with_columns(_p_values(table, attempts, keys))
    columns = [*FIELDS, *([P_VALUE] if keys else [])]
    return table.select(
        *(pl.col(key).alias(field.name) for key, field in zip(keys, by, strict=True)),
        *(field.name for field in columns),
    )


def _step(attempts: pl.DataFrame, keys: Sequence[str], number: int, name: str) -> pl.DataFrame:
    stays = pl.col("depth") == number
    took = pl.col(f"took_{number}") if number > 1 else pl.lit(None, dtype=pl.Float64)
    here = attempts.filter(pl.col("depth") >= 1)
    last = f"took_{number + 1}" not in attempts.columns
    parts = {
        "entities": (pl.col("depth") >= number).sum().cast(pl.Int64),
        "dropped": (stays & ~pl.col("open") & pl.lit(not last)).sum().cast(pl.Int64),
        "open": (stays & pl.col("open") & pl.lit(not last)).sum().cast(pl.Int64),
        "median_ms": took.median().round(_MS_DIGITS),
        "p95_ms": took.quantile(0.95, "linear").round(_MS_DIGITS),
    }
    counted = here.group_by(*keys).agg(**parts) if keys else here.select(**parts)
    return counted.with_columns(step=pl.lit(number, pl.Int64), name=pl.lit(name))


def _over(expr: pl.Expr, keys: Sequence[str]) -> pl.Expr:
    return expr.over(*keys) if keys else expr


def _not_none(count: pl.Expr) -> pl.Expr:
    return pl.when(count > 0).then(count)


def _p_values(table: pl.DataFrame, attempts: pl.DataFrame, keys: Sequence[str]) -> pl.Series:
    """Return for each row how likely so different a share of those at step 1 is by chance, null at step 1."""
    reached = attempts["depth"].value_counts().rows()
    most = table["step"].n_unique()
    everyone = [sum(count for depth, count in reached if depth >= step) for step in range(most, -1, -1)]
    everyone.reverse()
    values: list[float | None] = []
    size = 0
    for step, hits in table.select("step", "entities").iter_rows():
        size = hits if step == 1 else size
        others = everyone[1] - size
        values.append(
            round(fisher(hits, size, everyone[step] - hits, others), _DIGITS) if step > 1 and others else None
        )
    return pl.Series(P_VALUE.name, values, dtype=pl.Float64)


def compared(now: pl.DataFrame, before: pl.DataFrame, *, keys: Sequence[str]) -> tuple[pl.DataFrame, tuple[Field, ...]]:
    """Return the rows with what each number was in another window beside them, and the fields of that.

    `entities_change` is a ratio, `conversion_diff` the difference of two shares. Groups that were not there have null.
    """
    shares = ("conversion", "step_conversion")
    old = before.select(*keys, "step", *(pl.col(name).alias(f"{name}_before") for name in ("entities", *shares)))
    rows = now.join(old, on=[*keys, "step"], how="left", nulls_equal=True, maintain_order="left").with_columns(
        (pl.col("entities") / _not_none(pl.col("entities_before")) - 1).round(_DIGITS).alias("entities_change"),
        *((pl.col(name) - pl.col(f"{name}_before")).round(_DIGITS).alias(f"{name}_diff") for name in shares),
    )
    fields = [Field("entities_before", "count", "higher"), Field("entities_change", "ratio")]
    for name in shares:
        fields += [Field(f"{name}_before", "ratio", "higher"), Field(f"{name}_diff", "ratio")]
    return rows.select(*now.columns, *(field.name for field in fields)), tuple(fields)
