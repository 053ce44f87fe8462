"""Configured columns: any field of the source kept as a typed column of its own."""

from __future__ import annotations

import polars as pl

from apilens.config import Settings
from apilens.enrich.base import Context, Step

_DTYPES: dict[str, pl.DataType] = {
    "int": pl.Int64(),
    "float": pl.Float64(),
    "string": pl.String(),
    "bool": pl.Boolean(),
}


def configured_dtypes(settings: Settings) -> dict[str, pl.DataType]:
    """Return name → type of the columns that settings configure."""
    return {name: _DTYPES[rule.type] for name, rule in settings.columns.items()}


def _columns(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    made = []
    for name, dtype in configured_dtypes(context.settings).items():
        raw = f"raw_field.{context.settings.columns[name].from_}"
        made.append(_typed(pl.col(raw) if raw in frame.columns else pl.lit(None, dtype=pl.String), dtype).alias(name))
    return frame.with_columns(made)


def _typed(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return the text as a value of the type, null where it is none."""
    if dtype == pl.Boolean:
        lower = text.str.to_lowercase()
        return pl.when(lower.is_in(["true", "1"])).then(True).when(lower.is_in(["false", "0"])).then(False)
    if dtype == pl.Float64:
        number = text.cast(pl.Float64, strict=False)
        return pl.when(number.is_finite()).then(number)
    return text if dtype == pl.String else text.cast(dtype, strict=False)


def configured(settings: Settings) -> Step:
    """Return the step that fills the configured columns."""
    reads = tuple(f"raw_field.{rule.from_}" for rule in settings.columns.values())
    return Step("columns", reads=reads, makes=tuple(settings.columns), apply=_columns)
