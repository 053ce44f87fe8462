"""What is known of accounts besides their traffic (`accounts:` in apilens.yaml): joined to questions, never stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from apilens.csv_table import read_csv, shown_name
from apilens.dimensions import unit_of
from apilens.engine import joined
from apilens.errors import ConfigError, UsageError
from apilens.metrics import QUOTA_USE
from apilens.quota_columns import QUOTAS
from apilens.result import Field, Result, Table
from apilens.schema import TIME
from apilens.spelling import nearest

PREFIX = "account."

_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,62}")
_INTEGER = r"^-?(?:0|[1-9][0-9]{0,17})$"
_DECIMAL = r"^-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}$"
_DATE = r"^\d{4}-\d\d-\d\d$"
_INSTANT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)$"


@dataclass(frozen=True, slots=True)
class Accounts:
    """A row per account: `account` is its id, every other column is called `account.NAME`. show: columns to show."""

    table: pl.DataFrame
    show: tuple[str, ...] = ()

    def dtypes(self) -> dict[str, pl.DataType]:
        """Name → type of the columns `account.NAME`."""
        return {name: dtype for name, dtype in self.table.schema.items() if name != "account"}

    def beside(self, events: nw.LazyFrame[Any], texts: Iterable[str]) -> nw.LazyFrame[Any]:
        """Return the events with those columns beside them that the texts of a question (names, filters) name."""
        # SQL may write a name in quotes.
        said = " ".join(texts).replace('"', "")
        needed = QUOTAS if QUOTA_USE.name in said else ()
        named = [name for name in self.dtypes() if name in said or name in needed]
        return joined(events, self.table.select("account", *named), on="account") if named else events

    def names(self) -> dict[str, str]:
        """Return what the column `name` calls each account, nothing where there is no such column."""
        column = f"{PREFIX}name"
        if column not in self.table.columns:
            return {}
        named = self.table.select("account", pl.col(column).cast(pl.String)).drop_nulls()
        return dict(named.iter_rows())

    def shown(self, result: Result) -> Result:
        """Return the result with the columns of `show` behind the account, in every table that has one."""
        return replace(result, tables=tuple(self._shown(table) for table in result.tables)) if self.show else result

    def _shown(self, table: Table) -> Table:
        names = [PREFIX + name for name in self.show if PREFIX + name not in table.rows.columns]
        if "account" not in table.rows.columns or not names:
            return table
        rows = table.rows.join(self.table.select("account", *names), on="account", how="left", maintain_order="left")
        at = table.rows.columns.index("account") + 1
        order = [*table.rows.columns[:at], *names, *table.rows.columns[at:]]
        fields = [Field(name, unit_of(self.table.schema[name])) for name in names]
        return replace(table, fields=(*table.fields[:at], *fields, *table.fields[at:]), rows=rows.select(order))


def read_accounts(path: str | Path, show: Sequence[str] = ()) -> Accounts:
    """Return what a CSV or Parquet file says of accounts: `id` and any other columns.

    A column of a CSV file is of numbers, dates or times where all its values are; an empty cell says nothing. Raises
    ConfigError with every mistake, UsageError for an unknown column in `show`.
    """
    raw = _read_parquet(path) if str(path).endswith(".parquet") else _read_csv(path)
    accounts = _with_both(raw.rename({name: "account" if name == "id" else PREFIX + name for name in raw.columns}))
    for name in show:
        if PREFIX + name not in accounts.columns:
            known = [column for column in raw.columns if column != "id"]
            hint = nearest(name, known) or f"one of {', '.join(known)}"
            raise UsageError(f"show: {shown_name(path)} has no column `{name}`", hint=hint)
    return Accounts(accounts.select("account", *(name for name in accounts.columns if name != "account")), tuple(show))


def _with_both(accounts: pl.DataFrame) -> pl.DataFrame:
    """Return the table with both columns of quotas where it says anything in one: the metric reads both."""
    given = [name for name in QUOTAS if name in accounts.columns and accounts[name].count()]
    # A column that is empty all the way down is one of text.
    none = [pl.lit(None, pl.Int64).alias(name) for name in QUOTAS if given and name not in given]
    return accounts.with_columns(none)


def accounts_of(rows: Mapping[str, Mapping[str, object]]) -> Accounts:
    """Return what is written out of accounts: id → the values of columns, read as those of a CSV file are.

    Raises UsageError for what cannot name a column.
    """
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    if problems := _name_problems(names):
        raise UsageError(problems[0])
    texts = [pl.Series(PREFIX + name, [_text(row.get(name)) for row in rows.values()], pl.String) for name in names]
    return Accounts(_with_both(pl.DataFrame([pl.Series("account", list(rows), pl.String), *map(_typed, texts)])))


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read_csv(path: str | Path) -> pl.DataFrame:
    table = read_csv(path, required=("id",))
    table.need_values("id")
    table.need_distinct("id")
    table.mistakes[:0] = [f"{table.name}:1: {problem}" for problem in _name_problems(table.columns)]
    table.check()
    texts = pl.DataFrame(table.columns, schema=dict.fromkeys(table.columns, pl.String))
    filled = texts.with_columns(pl.all().replace("", None))
    return filled.select("id", *(_typed(filled[name]) for name in texts.columns if name != "id"))


def _read_parquet(path: str | Path) -> pl.DataFrame:
    name = shown_name(path)
    try:
        frame = pl.read_parquet(Path(path).read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read {name}: {error.strerror}") from None
    except pl.exceptions.PolarsError as error:
        raise ConfigError(f"{name} is no Parquet file: {str(error).splitlines()[0]}") from None
    if "id" not in frame.columns:
        raise ConfigError(f"{name}: no column `id`", hint=nearest("id", frame.columns))
    problems = [f"{name}: {problem}" for problem in _name_problems(frame.columns)]
    odd = [column for column, dtype in frame.schema.items() if dtype.is_nested() or dtype == pl.Binary]
    problems += [f"{name}: column `{column}` is neither text, a number, a time nor a truth" for column in odd]
    ids = frame["id"].cast(pl.String, strict=False)
    for what, bad in (("is empty", ids.is_null() | (ids == "")), ("is there before", ~ids.is_first_distinct())):
        problems += [f"{name}: row {row + 1}: `id` {what}" for row in bad.arg_true().head(20)]
    if problems:
        raise ConfigError("\n".join(problems))
    times = [pl.col(column).cast(TIME) for column, dtype in frame.schema.items() if dtype == pl.Datetime]
    return frame.with_columns(ids.alias("id"), *times)


def _name_problems(names: Iterable[str]) -> list[str]:
    wrong = [name for name in names if not _NAME.fullmatch(name)]
    return [f"{name!r} cannot name a column: letters, digits and `_`, as in `plan`" for name in wrong]


def _typed(texts: pl.Series) -> pl.Series:
    """Return the texts as numbers, dates or times where all of them are."""
    said = texts.drop_nulls()
    made: Mapping[str, pl.Expr] = {
        _INTEGER: pl.col(texts.name).cast(pl.Int64, strict=False),
        f"{_INTEGER}|{_DECIMAL}": pl.col(texts.name).cast(pl.Float64, strict=False),
        _DATE: pl.col(texts.name).str.to_date("%Y-%m-%d", strict=False),
        _INSTANT: pl.col(texts.name).str.to_datetime("%+", time_unit="us", strict=False).cast(TIME),
    }
    for pattern, expr in made.items():
        if said.len() and said.str.contains(pattern).all():
            typed = texts.to_frame().select(expr).to_series()
            return typed if typed.null_count() == texts.null_count() else texts
    return texts
