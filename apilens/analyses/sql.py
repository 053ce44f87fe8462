"""sql: what a SELECT of the user's own answers. The only place where text runs as full SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import narwhals as nw
import polars as pl

from apilens.analyses import collect
from apilens.analyses.scope import Scope
from apilens.answer import Events
from apilens.errors import StoreError, UsageError
from apilens.heading import bounds, iso
from apilens.query import matching_events
from apilens.result import Field, Result, Table, Unit
from apilens.schema import DTYPES
from apilens.shell import shell_line
from apilens.spelling import nearest

TABLE = "events"
# What a statement that only reads begins with; DELETE and DROP would seem to work, and change nothing.
_READS = re.compile(
    r"(?:\s|\(|--[^\n]*(?:\n|$)|/\*.*?\*/)*(?:select|with|values|show|explain)\b", re.IGNORECASE | re.DOTALL
)
# A column of the event table that is a word of SQL.
_USER = "unsupported function 'user'"
_UNKNOWN = re.compile(r'unable to find column "(.*)"')
# A column's unit shows in its name, as everywhere in apilens.
_UNITS: Mapping[str, Unit] = {"_ms": "ms", "_bytes": "bytes", "_rate": "ratio", "_share": "ratio"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlOptions(Scope):
    """What is asked: one SELECT over the table `events`, which holds the events of the window."""

    statement: str

    def texts(self) -> list[str]:
        """Return the query; endpoints have their names of today whether it names them or not."""
        return [self.statement, "endpoint"]


def sql(events: Events, options: SqlOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return the rows of the query. It may read any file that the user may: never run it on text of others.

    Raises UsageError for a query that cannot be meant, StoreError where the store cannot be read.
    """
    text = options.statement
    if not _READS.match(text):
        raise UsageError("a query begins with SELECT or WITH", hint=f"SELECT account, count(*) FROM {TABLE} GROUP BY 1")
    native: pl.LazyFrame = nw.to_native(matching_events(events, window=options.window, dtypes=columns))
    context = pl.SQLContext({TABLE: native})
    with _mistakes(columns):
        planned = context.execute(text, eager=False)
        planned.collect_schema()
        [rows] = collect([nw.from_native(planned)])
    flags = (
        *(("--from", name) for name in options.inputs),
        ("--since", iso(options.window.since)),
        ("--until", iso(options.window.until)),
        ("--tz", options.tz if options.tz != "UTC" else ""),
    )
    words = [word for flag, value in flags if value for word in (flag, value)]
    return Result(
        kind="sql",
        title="SQL",
        tables=(Table("rows", tuple(Field(name, _unit(name, dtype)) for name, dtype in rows.schema.items()), rows),),
        query={"sql": text, **options.query()},
        header=(bounds(options.window, options.tz),),
        command=shell_line(["apilens", "sql", text, *words]),
    )


def _unit(name: str, dtype: pl.DataType) -> Unit:
    if dtype.is_numeric():
        return next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), "number")
    if isinstance(dtype, pl.Duration):
        return "ms"
    return "time" if isinstance(dtype, pl.Datetime) else "date" if isinstance(dtype, pl.Date) else "text"


@contextmanager
def _mistakes(columns: Iterable[str]) -> Iterator[None]:
    """Turn what Polars says of a query into a UsageError of one line."""
    try:
        yield
    except StoreError as error:
        # Types meet values only while the query runs; what Parquet or the disk says is no mistake of the query.
        cause = error.__cause__
        if isinstance(cause, OSError) or str(cause).startswith("parquet:"):
            raise
        raise _mistake(str(cause), columns) from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise _mistake(str(error), columns) from None
    except OSError as error:
        raise _mistake(str(error), columns) from None


def _mistake(said: str, columns: Iterable[str]) -> UsageError:
    reason = said.split("\n", 1)[0].split("; valid columns:")[0].strip()
    hint = "what SQL can do: docs/sql.md"
    if reason.startswith(_USER):
        reason = "`user` is a word of SQL as well as a column"
        hint = 'write "user", in double quotes'
    elif unknown := _UNKNOWN.match(reason):
        hint = nearest(unknown[1], columns) or "the columns: docs/sql.md; text stands in 'single' quotes"
    elif reason.startswith("relation "):
        hint = f"the table is `{TABLE}`"
    return UsageError(f"the query cannot be answered: {reason}", hint=hint)
