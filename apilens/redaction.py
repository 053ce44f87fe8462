"""What redaction does: to a log that is only looked at, and to a store that was written under other rules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

import polars as pl

from apilens.config import ReadOptions, Settings
from apilens.enrich import enrich, reject_shape
from apilens.enrich.redact import TEXTS, redacted_again
from apilens.formats.base import Parsed
from apilens.pieces import Log
from apilens.pipeline import Pipeline
from apilens.result import Field, Result, Table
from apilens.store import Store
from apilens.store.data_files import scanned
from apilens.store.table import readable

LIMIT = 20
# As a log has it, and as the store has it.
_COMPARED = (("raw_referrer", "referrer"), ("raw_agent", "user_agent"), *((name, name) for name in TEXTS))
# The host of a URL is no secret: it has a column of its own.
_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#@]*"
_MARK = r"\[R(?::[a-z_]+)?\]"
_QUERY = "query values"
# Hashes, numbers, names of apilens itself, and of files: there is nothing in them to redact.
_SAFE = frozenset(
    ("kind", "account_source", "api_key", "session", "auth_scheme", "auth_failure", "client_ip", "method", "query_keys",
     "query_values", "protocol", "sdk_version", "direction", "request_shape", "response_shape", "request_header_names",
     "format", "source")
)  # fmt: skip

_LINES = {"place": pl.String(), "column": pl.String(), "before": pl.String(), "after": pl.String()}
_KINDS = {"column": pl.String(), "kind": pl.String(), "found": pl.Int64()}


def redact_test(
    inputs: Sequence[str], *, settings: Settings, options: ReadOptions, key: bytes, now: datetime, limit: int | None
) -> tuple[Result, int]:
    """Say what the rules hide in logs: the first lines before and after, and how much of each kind. Nothing is written.

    limit: how many values are shown, None for all. Also return how many inputs could not be read; raises InputError
    where that is all of them.
    """
    pipeline = Pipeline(settings, options, key=key, now=now)
    lines = pl.DataFrame(schema=_LINES)
    found: Counter[tuple[str, str]] = Counter()
    for log, block in pipeline.blocks(inputs, final=True):
        changes = list(_changes(log, pipeline.parsed(log, block), settings))
        for changed in changes:
            found.update(_kinds(changed))
        if limit is None or lines.height < limit:
            place = pl.format("{}:{}", pl.lit(log.source.name), "line").alias("place")
            more = pl.concat(changes).sort("line", maintain_order=True).select(place, *list(_LINES)[1:])
            lines = pl.concat([lines, more if limit is None else more.head(limit - lines.height)])
    if pipeline.problems and not pipeline.logs:
        raise pipeline.problems[0]
    notes = (*(error.message for error in pipeline.problems), *pipeline.skipped)
    words = ", ".join(f"{column} {kind} {count:,}" for (column, kind), count in sorted(found.items()))
    notes = (*notes, f"hidden: {words}" if found else "nothing in it would be hidden")
    tables = (Table("lines", tuple(map(Field, _LINES)), lines), _kinds_table(found))
    command = f"apilens redact test {' '.join(inputs)}"
    query = {"files": list(inputs)}
    result = Result("redact-test", "What is hidden", tables, query=query, notes=notes, command=command)
    return result, len(pipeline.problems)


def redact_scan(store: Store, settings: Settings, *, limit: int | None) -> Result:
    """Say what in the store the rules of today would hide: by column and kind, and where the first of it stand."""
    found: Counter[tuple[str, str]] = Counter()
    places: dict[tuple[str, str], str] = {}
    first: list[tuple[str, str, str]] = []
    for file in store.files():
        with readable():
            changes = list(_stored(file, settings))
        for column, again in changes:
            for after, count, source, line in again.iter_rows():
                kinds = _marks(after)
                found.update({(column, kind): times * count for kind, times in kinds.items()})
                for kind in kinds:
                    places.setdefault((column, kind), f"{source}:{line}")
                if limit is None or len(first) < limit:
                    first.append((f"{source}:{line}", column, after))
    shown = pl.DataFrame(first, schema=dict.fromkeys(("place", "column", "would_be"), pl.String), orient="row")
    notes = ("nothing in the store would be hidden by the rules of today",) if not found else (
        "ingest the logs again into a new store, or forget what is concerned: apilens store forget",
    )  # fmt: skip
    kinds_table = _kinds_table(found)
    where = [places[column, kind] for column, kind in kinds_table.rows.select("column", "kind").iter_rows()]
    rows = kinds_table.rows.with_columns(pl.Series("first", where, dtype=pl.String))
    tables = (
        Table("kinds", (*kinds_table.fields, Field("first")), rows),
        Table("places", tuple(map(Field, shown.columns)), shown),
    )
    return Result("redact-scan", f"Store {store.path}", tables, notes=notes, command="apilens redact scan")


def _changes(log: Log, parsed: Parsed, settings: Settings) -> Iterator[pl.DataFrame]:
    """Give for each column what is hidden in it: `line`, `column`, `before`, `after`."""
    raw, stored = parsed.events, enrich(parsed.events, log.context)
    if "raw_target" in raw.columns:
        keys = pl.concat_str([pl.lit("?"), pl.col("query_keys")])
        target = stored.select(pl.concat_str([pl.col("path"), keys.fill_null("")])).to_series()
        yield _changed(raw["line"], "target", raw["raw_target"], target)
    for before, after in _COMPARED:
        if before in raw.columns and after in stored.columns:
            yield _changed(raw["line"], after, raw[before].cast(pl.String), stored[after])
    rejects = parsed.rejects
    yield _changed(rejects["line"], "rejected line", rejects["text"], reject_shape(rejects["text"], settings.redact))


def _changed(lines: pl.Series, column: str, before: pl.Series, after: pl.Series) -> pl.DataFrame:
    pairs = pl.DataFrame({"line": lines, "before": before, "after": after})
    path = pl.col("before").str.replace(_HOST, "") if column == "target" else pl.col("before")
    differ = pl.col("before").is_not_null() & (pl.col("after") != path)
    return pairs.filter(differ).select("line", pl.lit(column).alias("column"), "before", "after")


def _kinds(changed: pl.DataFrame) -> dict[tuple[str, str], int]:
    """Return (column, kind) → how often something of it was hidden in these values."""
    if changed.is_empty():
        return {}
    column = str(changed["column"][0])
    marks = changed["after"].str.extract_all(_MARK).explode().drop_nulls().value_counts()
    kinds = {(column, _kind(mark)): count for mark, count in marks.iter_rows()}
    if column == "target":
        kinds[(column, _QUERY)] = int(changed["before"].str.contains("?", literal=True).sum())
    return {kind: count for kind, count in kinds.items() if count}


def _stored(file: str, settings: Settings) -> Iterator[tuple[str, pl.DataFrame]]:
    """Give the text columns of a file with what would change: `after`, in how many rows, and where the first stands."""
    rows = scanned(file)
    for column, dtype in rows.collect_schema().items():
        if dtype != pl.String or column in _SAFE:
            continue
        where = (pl.len(), pl.col("source").first(), pl.col("line").first())
        named = rows.select(pl.col(column).alias("before"), "source", "line").drop_nulls("before")
        values = named.group_by("before", maintain_order=True).agg(where).collect()
        after = redacted_again(column, values["before"], settings).alias("after")
        yield (
            column,
            values.with_columns(after)
            .filter(pl.col("after") != pl.col("before"))
            .drop("before")
            .select("after", "len", "source", "line"),
        )


def _marks(text: str) -> Counter[str]:
    return Counter(map(_kind, re.findall(_MARK, text)))


def _kind(mark: str) -> str:
    return mark[3:-1] if ":" in mark else "value"


def _kinds_table(found: Counter[tuple[str, str]]) -> Table:
    rows = [(column, kind, count) for (column, kind), count in sorted(found.items())]
    fields = (Field("column"), Field("kind"), Field("found", "count"))
    return Table("kinds", fields, pl.DataFrame(rows, schema=_KINDS, orient="row"))
