"""series: metrics by a bounded number of groups, for a monitor: the largest ones, and all the others as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import narwhals as nw
import polars as pl

from apilens.analyses import answers
from apilens.analyses.scope import Scope
from apilens.answer import Events
from apilens.dimensions import Dimension, resolve
from apilens.errors import UsageError
from apilens.heading import iso
from apilens.metrics import BY_NAME as METRICS
from apilens.result import Field, Result, Table
from apilens.schema import DTYPES

# What stands in the place of every value of the groups that are not among the largest.
OTHER = "__other__"
_LABEL = "#label_"
# Between the values of a group, and in the place of a null: no line of a log holds either.
_BETWEEN, _NULL = "\x1f", "\x1e"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesOptions(Scope):
    """What series are asked for. top: so many groups, the ones with most requests, keep their names."""

    by: tuple[str, ...] = ("account",)
    metrics: tuple[str, ...] = ("requests", "errors", "error_rate", "p95_ms")
    top: int = 50

    def texts(self) -> list[str]:
        """Return every name and condition in it, and the columns that its metrics read."""
        # Not super(): dataclasses with slots are made anew, and it would look for the class that was before.
        texts = [*self.by, *self.metrics, *Scope.texts(self)]
        said = " ".join(texts)
        return [*texts, *(column for name, metric in METRICS.items() if name in said for column in metric.needs)]


def series(events: Events, options: SeriesOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return the metrics of the largest groups, and those of all other requests together in a row of `__other__`.

    The others are computed from their events: no metric, no quantile either, is made of metrics. Raises UsageError for
    every name that cannot be meant.
    """
    if not options.by:
        raise UsageError("series need a dimension", hint="--by account")
    dimensions = resolve(options.by, columns)
    (largest,) = answers([options.ask(events, columns, metrics=["requests"], by=options.by, limit=options.top)])
    labels = {_LABEL + name: pl.String() for name in options.by}
    named = events.with_columns(*_labels(dimensions, largest.rows.select(options.by)))
    (found,) = answers([options.ask(named, {**columns, **labels}, metrics=options.metrics, by=tuple(labels))])
    names = {label: label.removeprefix(_LABEL) for label in labels}
    fields = tuple(Field(names.get(field.name, field.name), field.unit, field.better) for field in found.fields)
    return Result(
        kind="series",
        title=f"Series by {', '.join(options.by)}",
        tables=(Table("series", fields, found.rows.rename(names)),),
        query={
            "by": list(options.by), "metrics": list(options.metrics), "where": list(options.where), "top": options.top,
            "now": iso(options.now), "newest": iso(options.newest or found.totals.newest), **options.query(),
        },
        command=_command(options),
    )  # fmt: skip


def _labels(dimensions: tuple[Dimension, ...], largest: pl.DataFrame) -> list[nw.Expr]:
    """Return the columns that name a group where it is one of the largest."""
    texts = [dimension.expr.cast(nw.String) for dimension in dimensions]
    key = nw.concat_str([text.fill_null(_NULL) for text in texts], separator=_BETWEEN)
    known = largest.select(pl.concat_str(pl.all().cast(pl.String).fill_null(_NULL), separator=_BETWEEN)).to_series()
    if known.is_empty():
        # No engine says of which type the values of an empty list would be.
        return [nw.lit(OTHER).alias(_LABEL + dimension.name) for dimension in dimensions]
    is_large = key.is_in(known.to_list())
    return [
        nw.when(is_large).then(text).otherwise(nw.lit(OTHER)).alias(_LABEL + dimension.name)
        for dimension, text in zip(dimensions, texts, strict=True)
    ]


def _command(options: SeriesOptions) -> str:
    flags = (
        ("--by", ",".join(options.by)),
        ("--metrics", ",".join(options.metrics)),
        *(("--where", text) for text in options.where),
        ("--since", iso(options.window.since)),
        ("--until", iso(options.window.until)),
        ("--top", str(options.top)),
    )
    return options.command("export prometheus", flags)
