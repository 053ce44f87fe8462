"""Configured columns: any field of the source kept as a typed column of its own."""

from __future__ import annotations

import polars as pl

from apilens.config import Settings
from apilens.enrich.base import Context, Step
from apilens.enrich.mapping import map_distinct
from apilens.enrich.secret_shapes import redact_shapes
from apilens.schema import TYPE_NAMES


def configured_dtypes(settings: Settings) -> dict[str, pl.DataType]:
    """Return name → type of the columns that settings configure, for all logs or for those of a source."""
    return {name: TYPE_NAMES[kind] for name, kind in settings.column_types().items()}


def configured(settings: Settings) -> Step:
    """Return the step that fills the configured columns."""
    reads = tuple(f"raw_field.{rule.from_}" for rule in settings.columns.values())
    return Step("columns", reads=reads, makes=tuple(settings.columns), apply=_columns)


def _columns(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    settings = context.settings
    made = []
    for name, rule in settings.columns.items():
        dtype = TYPE_NAMES[rule.type]
        raw = f"raw_field.{rule.from_}"
        if raw not in frame.columns:
            made.append(pl.lit(None, dtype=dtype).alias(name))
        elif dtype == pl.String:
            # A text may hold anything. A number is kept as it is: whoever asks for `int` means that number.
            texts = map_distinct(frame[raw], lambda some: redact_shapes(some, settings.redact))
            made.append(pl.lit(texts).alias(name))
        else:
            made.append(_typed(pl.col(raw), dtype).alias(name))
    return frame.with_columns(made)


def _typed(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return the text as a value of the type, null where it is none."""
    if dtype == pl.Boolean:
        lower = text.str.to_lowercase()
        return pl.when(lower.is_in(["true", "1"])).then(True).when(lower.is_in(["false", "0"])).then(False)
    number = text.cast(pl.Float64, strict=False)
    if dtype == pl.Float64:
        return pl.when(number.is_finite()).then(number)
    # `12.0` is an integer to whoever wrote it; through a float alone, large ones would lose digits.
    whole = pl.when(number == number.round()).then(number).cast(dtype, strict=False)
    return pl.coalesce(text.cast(dtype, strict=False), whole)
