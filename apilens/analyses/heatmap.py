"""heatmap: one dimension against another, a number in each cell: who has which errors, when, with which SDK."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import narwhals as nw
import polars as pl

from apilens import dimensions
from apilens.analyses import answers, collect
from apilens.analyses.scope import Scope
from apilens.answer import Answer, Events
from apilens.computed import condition, metric_named
from apilens.crossing import Axis
from apilens.engine import frame
from apilens.errors import UsageError
from apilens.heading import attributed, iso
from apilens.metric import Metric
from apilens.metrics import BY_NAME as METRICS
from apilens.result import REST, Field, Result, Spread, Table
from apilens.schema import DTYPES
from apilens.short_filters import quoted

LIMIT = 20
COLUMNS = 12
# What `--value` calls a metric, beside the names of metrics.
SHORT: Mapping[str, str] = {"count": "requests", "p50": "p50_ms", "p95": "p95_ms", "p99": "p99_ms"}
# How a request ended: their rate is the part of requests that ended so.
_OUTCOMES = ("status", "status_class", "error_code", "error_field", "auth_failure")
# Not `#row`: what metrics over a second key call theirs.
_ROW, _COLUMN = "#down", "#across"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatmapOptions(Scope):
    """What is asked. rows, cols: dimensions. value: a metric, or one of SHORT, or `rate`. limit, columns: how many rows
    and columns stand for themselves, None for all.
    """

    rows: str = "account"
    cols: str = "status"
    value: str = "errors"
    limit: int | None = LIMIT
    columns: int | None = COLUMNS

    @property
    def shares(self) -> str | None:
        """The axis whose requests are what a rate is a part of; None where the value is a metric."""
        if self.value != "rate" or not {self.rows, self.cols} & set(_OUTCOMES):
            return None
        return _ROW if self.cols in _OUTCOMES else _COLUMN

    @property
    def metric(self) -> str:
        """The metric that cells are made of."""
        if self.value == "rate":
            return "requests" if self.shares else "error_rate"
        return SHORT.get(self.value, self.value)

    def texts(self) -> list[str]:
        """Return every name and condition in it, and the columns that its metric reads."""
        needs = METRICS[self.metric].needs if self.metric in METRICS else ()
        return [*Scope.texts(self), self.rows, self.cols, self.metric, *needs]

    def query(self) -> dict[str, Any]:
        """Return how the result records what it is about."""
        return {
            "rows": self.rows,
            "cols": self.cols,
            "value": self.value,
            "limit": "all" if self.limit is None else self.limit,
            "columns": "all" if self.columns is None else self.columns,
            "where": list(self.where),
            **Scope.query(self),
        }


def heatmap(events: Events, options: HeatmapOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return a row for each cell: what is called so in rows and columns, and the value where they meet.

    Raises UsageError for every name that cannot be meant.
    """
    one, two = dimensions.resolve([options.rows, options.cols], columns)
    metric = metric_named(options.metric, columns, lambda text: condition(text, columns))
    value = "rate" if options.shares else options.metric
    if value in (one.name, two.name):
        raise UsageError(f"`{value}` is both a dimension and the value", hint="give the column another name")
    rows, cols = Axis(one, options.limit), Axis(two, options.columns)
    ranking = options.metric if _adds_up(metric) else "requests"
    # Sums of rounded numbers are no longer exact.
    if rows.is_few and cols.is_few and ranking == options.metric and metric.unit in ("count", "bytes"):
        shown, answer = _summed(events, options, columns, (rows, cols))
    else:
        shown = _keys(events, options, columns, (rows, cols), ranking)
        answer = _cells(events, options, columns, (rows, cols), shown)
    cells = _within(answer.rows, rows, cols, shown)
    if options.shares:
        part = pl.col(options.metric) / pl.col(options.metric).sum().over(options.shares)
        cells = cells.with_columns(part.round(6).alias(options.metric))
    elif ranking == options.metric and metric.needs != ("weight",):
        cells = cells.filter(*(pl.col(options.metric).sum().over(axis) > 0 for axis in (_ROW, _COLUMN)))
    down = rows.order(shown[0], cells[_ROW])
    across = cols.order(shown[1], cells[_COLUMN])
    table = _table(cells, options, answer, (rows, cols), value, (down, across))
    return Result(
        kind="heatmap",
        title=f"{value} by {rows.name} and {cols.name}",
        tables=(table,),
        query=options.query(),
        header=(*options.header(answer.totals), f"cells: {_meaning(options, metric)}"),
        notes=tuple(_notes(options, answer, table, (rows, cols), shown)),
        command=_command(options),
    )


def _adds_up(metric: Metric) -> bool:
    """Say whether the values of cells sum up to that of all of them."""
    return not metric.details and [part.combine for part in metric.parts] == ["sum"] and metric.unit != "ratio"


def _summed(
    events: Events, options: HeatmapOptions, columns: Mapping[str, pl.DataType], axes: tuple[Axis, Axis]
) -> tuple[tuple[list[Any], list[Any]], Answer]:  # fmt: skip
    """Return the keys of rows and columns that stand for themselves, and the cells, from one look at the events."""
    metric = options.metric
    [answer] = answers([options.ask(events, columns, metrics=(metric,), by=[axis.name for axis in axes])])
    sums = [answer.rows.group_by(axis.name).agg(pl.col(metric).sum()) for axis in axes]
    down, across = collect([axis.keys(frame(rows), metric) for axis, rows in zip(axes, sums, strict=True)])
    shown = down["key"].to_list(), across["key"].to_list()
    labels = [
        axis.label(keys, nw.col(axis.name)).alias(name)
        for name, axis, keys in zip((_ROW, _COLUMN), axes, shown, strict=True)
    ]
    cells = frame(answer.rows).select(*labels, metric).group_by(_ROW, _COLUMN).agg(nw.col(metric).sum())
    [rows] = collect([cells])
    return shown, replace(answer, rows=rows)


def _keys(
    events: Events, options: HeatmapOptions, columns: Mapping[str, pl.DataType], axes: tuple[Axis, Axis], ranking: str
) -> tuple[list[Any], list[Any]]:
    """Return the keys of rows and columns that stand for themselves, each found by the engine."""
    plans = [options.ask(events, columns, metrics=(ranking,), by=(axis.name,)) for axis in axes]
    [part] = next(iter(plans[0].metrics.values())).parts
    found = collect([axis.keys(plan.groups, part.name) for axis, plan in zip(axes, plans, strict=True)])
    down, across = (frame["key"].to_list() for frame in found)
    return down, across


def _cells(
    events: Events, options: HeatmapOptions, columns: Mapping[str, pl.DataType], axes: tuple[Axis, Axis],
    shown: tuple[list[Any], list[Any]],
) -> Answer:  # fmt: skip
    labelled = events.with_columns(
        axis.label(keys).alias(name) for name, axis, keys in zip((_ROW, _COLUMN), axes, shown, strict=True)
    )
    types = {**columns, _ROW: axes[0].dtype, _COLUMN: axes[1].dtype}
    [answer] = answers([options.ask(labelled, types, metrics=(options.metric,), by=(_ROW, _COLUMN))])
    return answer


def _within(cells: pl.DataFrame, rows: Axis, cols: Axis, shown: tuple[list[Any], list[Any]]) -> pl.DataFrame:
    """Return the cells without those of times before the ones that are shown."""
    for name, axis, keys in zip((_ROW, _COLUMN), (rows, cols), shown, strict=True):
        if axis.is_time and keys:
            cells = cells.filter(pl.col(name) >= min(keys))
    return cells


def _table(
    cells: pl.DataFrame, options: HeatmapOptions, answer: Answer, axes: tuple[Axis, Axis], value: str,
    order: tuple[Sequence[Any], Sequence[Any]],
) -> Table:  # fmt: skip
    rows, cols = axes
    for name, axis, keys in zip((_ROW, _COLUMN), axes, order, strict=True):
        places = pl.DataFrame({name: pl.Series(keys, dtype=axis.dtype), f"{name}#": range(len(keys))})
        cells = cells.join(places, on=name, how="inner", nulls_equal=True)
    cells = cells.sort(f"{_ROW}#", f"{_COLUMN}#")
    metric = answer.fields[-1]
    unit = "ratio" if options.shares else metric.unit
    fields = (
        Field(rows.name, rows.dimension.unit if rows.is_time else "text"),
        Field(cols.name, cols.dimension.unit if cols.is_time else "text"),
        Field(value, unit, metric.better),
    )
    found = cells.select(
        pl.col(_ROW).alias(rows.name), pl.col(_COLUMN).alias(cols.name), pl.col(options.metric).alias(value)
    )
    return Table("heatmap", fields, found, Spread((rows.name,), cols.name, value, tuple(order[1]), heat=True))


def _meaning(options: HeatmapOptions, metric: Metric) -> str:
    if not options.shares:
        return f"{options.metric}, {metric.help}"
    whole, part = (options.rows, options.cols) if options.shares == _ROW else (options.cols, options.rows)
    return f"part of the requests of each {whole} that has this {part}"


def _notes(
    options: HeatmapOptions, answer: Answer, table: Table, axes: tuple[Axis, Axis], shown: tuple[list[Any], list[Any]]
) -> Iterator[str]:  # fmt: skip
    if not answer.totals.requests:
        yield "no request matches: widen --since, or loosen --where"
    elif table.rows.is_empty():
        yield f"no cell has any {options.metric}: --value count shows all requests"
    for axis, keys, flag in zip(axes, shown, ("--limit", "--columns"), strict=True):
        if axis.is_time and len(keys) == axis.limit:
            yield f"the newest {axis.limit} by {axis.name}; {flag} all shows all"
        elif not axis.is_time and REST in table.rows[axis.name]:
            yield f"{REST}: every {axis.name} beyond the first {axis.limit}; {flag} all shows them"
    if answer.approximate:
        yield "quantiles are within 1 %: there are more than 2,000,000 events, or sampled ones"
    if words := attributed(answer.totals.attributed_share):
        yield words
    yield from _hottest(options, table, axes)


def _hottest(options: HeatmapOptions, table: Table, axes: tuple[Axis, Axis]) -> Iterator[str]:
    """Give the command that looks into the greatest cell of one row and one column, where greater is worse."""
    row, column, value = table.rows.columns
    if options.shares or table.fields[-1].better != "lower":
        return
    own = [axis.is_time or pl.col(axis.name).ne_missing(pl.lit(REST)) for axis in axes]
    cells = table.rows.filter(pl.col(value).is_not_null(), *own)
    if cells.is_empty():
        return
    [cell] = cells.sort(value, descending=True, maintain_order=True).head(1).iter_rows(named=True)
    where = " AND ".join(_same(axis, cell[name]) for axis, name in zip(axes, (row, column), strict=True))
    flags = options.flags(limit=LIMIT, usual=LIMIT)
    by = next(name for name in ("endpoint", "account", "sdk") if name not in (row, column))
    yield f"the hottest cell → {options.command('report', [('--by', by), ('--where', where), *flags])}"


def _same(axis: Axis, key: Any) -> str:
    if key is None:
        return f"{axis.name} IS NULL"
    if axis.is_time:
        return f"{axis.name} = {quoted(str(iso(key) if isinstance(key, datetime) else key))}"
    if axis.dimension.dtype == pl.Boolean:
        return f"{axis.name} = {key}"
    return f"{axis.name} = {key if axis.dimension.dtype.is_numeric() else quoted(key)}"


def _command(options: HeatmapOptions) -> str:
    columns = "all" if options.columns is None else str(options.columns)
    own = [
        ("--rows", options.rows if options.rows != "account" else ""),
        ("--cols", options.cols if options.cols != "status" else ""),
        ("--value", options.value if options.value != "errors" else ""),
        ("--columns", columns if options.columns != COLUMNS else ""),
    ]
    return options.command("heatmap", [*own, *options.flags(limit=options.limit, usual=LIMIT)])
