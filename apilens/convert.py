"""Logs into one file of normalised events, without a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from apilens.config import ReadOptions, Settings
from apilens.enrich import configured_dtypes
from apilens.errors import InputError, UsageError
from apilens.ingested import Summary
from apilens.outfile import whole_file
from apilens.pipeline import Pipeline
from apilens.schema import dtypes
from apilens.spelling import nearest
from apilens.threads import in_order

# What a spreadsheet would run as a formula.
_FORMULA = r"^[=+\-@\t\r＝＋－＠]"


def convert(
    inputs: Sequence[str], output: Path, *, kind: str, columns: Sequence[str] | None, settings: Settings,
    options: ReadOptions, key: bytes, now: datetime, advance: Callable[[int, str], None] | None = None,
) -> Summary:  # fmt: skip
    """Write the events of the inputs to `output` as `kind` (parquet, jsonl or csv), block by block in bounded memory.

    columns: which event columns to write, in this order (None: all of them); only what they need is parsed. Raises
    UsageError for an unknown column or kind, InputError when the output cannot be written.
    """
    types = dtypes(configured_dtypes(settings))
    for name in columns or ():
        if name not in types:
            raise UsageError(f"no column `{name}`", hint=nearest(name, types) or "docs/report.md lists them")
    schema = types if columns is None else {name: types[name] for name in columns}
    summary = Summary()
    pipeline = Pipeline(settings, options, key=key, now=now, columns=list(schema))
    events = register_io_source(lambda *_: _frames(pipeline, inputs, summary, advance), schema=schema)
    try:
        with whole_file(output) as place:
            _sink(events, place, kind, schema)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"cannot write {output}: {str(error).splitlines()[0]}") from None
    summary.take(pipeline)
    return summary


def preview(
    inputs: Sequence[str], *, rows: int, settings: Settings, options: ReadOptions, key: bytes, now: datetime
) -> tuple[pl.DataFrame, Summary]:
    """Return the first events as they would be stored, all columns, from the first block of each input."""
    summary = Summary()
    pipeline = Pipeline(settings, options, key=key, now=now)
    frames = []
    seen: set[int] = set()
    for log, block in pipeline.blocks(inputs, final=True):
        if id(log) not in seen:
            seen.add(id(log))
            piece = pipeline.parse(log, block)
            summary.counts += piece.counts
            summary.sources.update(piece.sources())
            frames.append(piece.events.head(rows))
    summary.take(pipeline)
    found = pl.concat(frames).head(rows) if frames else pl.DataFrame(schema=dtypes(configured_dtypes(settings)))
    return found, summary


def _frames(
    pipeline: Pipeline, inputs: Sequence[str], summary: Summary, advance: Callable[[int, str], None] | None
) -> Iterator[pl.DataFrame]:
    blocks = pipeline.blocks(inputs, final=True, advance=advance)
    for piece in in_order(lambda item: pipeline.parse(*item), blocks):
        summary.counts += piece.counts
        summary.sources.update(piece.sources())
        summary.keep_rejects(piece.rejects)
        yield piece.events


def _sink(events: pl.LazyFrame, path: Path, kind: str, schema: dict[str, pl.DataType]) -> None:
    if kind == "parquet":
        # Extremes of unsorted columns skip nothing when read, and finding them is a tenth of the writing.
        events.sink_parquet(path, compression="zstd", compression_level=1, statistics=False)
    elif kind == "jsonl":
        events.sink_ndjson(path)
    elif kind == "csv":
        texts = [pl.col(name) for name, dtype in schema.items() if dtype == pl.String]
        events.with_columns(
            pl.when(text.str.contains(_FORMULA))
            .then(pl.concat_str(pl.lit("'"), text))
            .otherwise(text)
            .alias(text.meta.output_name())
            for text in texts
        ).sink_csv(path)
    else:
        raise UsageError(f"cannot write {kind!r}", hint="one of: parquet, jsonl, csv")
