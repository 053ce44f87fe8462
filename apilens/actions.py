"""What accounts did that no log has: actions of a CSV file, and when an account was registered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from apilens.accounts import PREFIX, Accounts
from apilens.csv_table import read_csv
from apilens.errors import UsageError
from apilens.schema import TIME
from apilens.spelling import nearest

CREATED_AT = "account.created_at"
_ISO = r"^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?$"


def read_actions(path: str | Path) -> pl.DataFrame:
    """Return the actions in a CSV file as events: `account`, `time` (ISO 8601, UTC unless it says otherwise), `action`,
    and `user` where there is such a column. Raises ConfigError with every mistake.
    """
    table = read_csv(path, required=("account", "time", "action"))
    for column in ("time", "action"):
        table.need_values(column)
    texts = pl.DataFrame(table.columns, schema=dict.fromkeys(table.columns, pl.String))
    times = texts.select(_time(pl.col("time"))).to_series()
    for row in times.is_null().arg_true().to_list():
        if text := table.columns["time"][row]:
            table.add(row, f"`time` is {text!r}, and not for example 2026-11-01T10:00:00Z")
    table.check()
    known = texts.with_columns(pl.all().replace("", None))
    users = (
        known["user"] if "user" in known.columns else pl.Series([None], dtype=pl.String).new_from_index(0, len(known))
    )
    return _as_events(known["account"], users, times, known["action"], source=table.name)


def registrations(accounts: Accounts, column: str) -> pl.DataFrame:
    """Return when each account was registered, as events whose action is the name of the column, `account.created_at`.

    A date is its midnight. Raises UsageError for a column that holds no times.
    """
    name = column.removeprefix(PREFIX)
    if column not in accounts.table.columns:
        names = [other.removeprefix(PREFIX) for other in accounts.dtypes()]
        hint = nearest(name, names) or f"one of {', '.join(names)}"
        raise UsageError(f"step `{column}`: the accounts file has no column `{name}`", hint=hint)
    known = registered(accounts, column, what=f"step `{column}`: ")
    nobody = pl.Series([None], dtype=pl.String).new_from_index(0, known.height)
    actions = pl.Series([column], dtype=pl.String).new_from_index(0, known.height)
    return _as_events(known["account"], nobody, known["registered"], actions, source="accounts")


def registrations_in(names: Iterable[str], accounts: Accounts | None) -> list[pl.DataFrame]:
    """Return the registrations that are steps: those of names such as `account.created_at`, among those of actions.

    Raises UsageError where nothing is known of accounts.
    """
    columns = sorted({name for name in names if name.startswith(PREFIX)})
    if columns and accounts is None:
        raise UsageError(f"step `{columns[0]}` is about accounts", hint="name `accounts: FILE` in apilens.yaml")
    return [registrations(accounts, column) for column in columns] if accounts is not None else []


def created_of(accounts: Accounts | None) -> pl.DataFrame:
    """Return `account` and `registered`, by the column `created_at` of the accounts file where there is one.

    Raises UsageError for a column that holds no times.
    """
    if accounts is None or CREATED_AT not in accounts.table.columns:
        return pl.DataFrame(schema={"account": pl.String(), "registered": TIME})
    return registered(accounts, CREATED_AT)


def registered(accounts: Accounts, column: str, *, what: str = "") -> pl.DataFrame:
    """Return `account` and `registered`, a time, of the accounts for which a column says it. A date is its midnight.

    what: what a mistake is about. Raises UsageError for a column that holds no times.
    """
    known = accounts.table.filter(pl.col(column).is_not_null())
    if known.schema[column] == pl.String:
        # Dates and times one below the other are text to whoever reads the file.
        known = known.with_columns(_time(pl.col(column)).alias(column))
    if not known.schema[column].is_temporal() or known[column].null_count():
        hint = "every value is empty or for example 2026-11-01T10:00:00Z or 2026-11-01"
        name = column.removeprefix(PREFIX)
        raise UsageError(f"{what}`{name}` of the accounts file holds other things than times", hint=hint)
    return known.select("account", pl.col(column).cast(TIME).alias("registered"))


def iso_times(texts: Sequence[str]) -> list[datetime | None]:
    """Return the times of ISO texts, None for anything else; what states no zone is UTC, and a date its midnight."""
    return pl.DataFrame({"time": texts}, schema={"time": pl.String}).select(_time(pl.col("time")))["time"].to_list()


def _time(text: pl.Expr) -> pl.Expr:
    """Return the times of ISO texts, null for anything else; what states no zone is UTC."""
    iso = pl.when(text.str.contains(_ISO)).then(text.str.replace(" ", "T", literal=True))
    whole = pl.when(iso.str.contains("T")).then(iso).otherwise(iso + "T00:00")
    seconds = whole.str.replace(r"(T\d\d:\d\d)(Z|[+-]|$)", "${1}:00${2}")
    zoned = pl.when(seconds.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$")).then(seconds).otherwise(seconds + "Z")
    return zoned.str.to_datetime("%+", time_unit="us", strict=False).cast(TIME)


def _as_events(
    accounts: pl.Series, users: pl.Series, times: pl.Series, actions: pl.Series, *, source: str
) -> pl.DataFrame:
    frame = pl.DataFrame(
        {"timestamp": times, "account": accounts, "user": users, "action": actions},
        schema={"timestamp": TIME, "account": pl.String, "user": pl.String, "action": pl.String},
    )
    return frame.with_columns(
        pl.col("timestamp").alias("started_at"), pl.col("timestamp").dt.date().alias("day"),
        pl.lit("action").alias("kind"), pl.lit("incoming").alias("direction"), pl.lit(1, pl.Int64).alias("weight"),
        pl.lit(source).alias("source"), pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("line"),
        pl.lit(0, pl.Int32).alias("item"), pl.lit(False).alias("is_bot"), pl.lit(False).alias("is_health_check"),
    )  # fmt: skip
