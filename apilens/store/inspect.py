"""Looking at a store: what it holds, how fresh it is, and whether all of it is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime, timedelta

import polars as pl

from apilens.places import Place
from apilens.result import Field, Result, Table, Unit
from apilens.schema import DTYPES
from apilens.store.catalogue import FILE, is_damaged
from apilens.store.counts import Counts
from apilens.store.data_files import scanned
from apilens.store.table import Store, scan

# A log's file and format → the source in apilens.yaml that it belongs to, and how long its events take to arrive.
Settle = Callable[[str, str], tuple[str | None, timedelta]]


def info(store: Store, *, now: datetime, settle: Settle) -> Result:
    """Return what the store holds: an overview, a row per log, freshness per source and service, the running totals."""
    actions = store.actions
    events = scan(store, ["timestamp", "account", "source", "format", "service", "line"])
    by_service = (
        events.group_by("source", "format", "service")
        .agg(
            pl.len().alias("events"),
            pl.col("line").max().alias("last_line"),
            pl.col("timestamp").min().alias("first"),
            pl.col("timestamp").max().alias("last"),
            pl.col("account").is_not_null().sum().alias("attributed"),
        )
        .collect()
    )
    by_source = (
        by_service.group_by("source", "format")
        .agg(
            pl.col("events").sum(),
            pl.col("last_line").max(),
            pl.col("first").min(),
            pl.col("last").max(),
            pl.col("attributed").sum(),
        )
        .sort("source", "format")
    )
    fresh = _freshness(by_service, now=now, settle=settle)
    rows = int(actions["num_records"].sum())
    last = by_source["last"].max()
    overview = pl.DataFrame(
        {
            "store": [str(store.path)],
            "days": [actions["day"].n_unique()],
            "events": [rows],
            "files": [actions.height],
            "bytes": [int(actions["size_bytes"].sum())],
            "first": [by_source["first"].min()],
            "last": [last],
            "age_ms": [(now - last).total_seconds() * 1000 if isinstance(last, datetime) else None],
            "complete_until": [fresh["complete_until"].min()],
            "attributed_share": [int(by_source["attributed"].sum()) / rows if rows else None],
        }
    )
    sources = by_source.drop("attributed")
    names = [*(item.name for item in fields(Counts)), "forgotten"]
    totals = pl.DataFrame({name: [store.total(name)] for name in names})
    return Result(
        kind="store-info",
        title=f"Store {store.path}",
        tables=(
            Table("overview", _fields(overview), overview),
            Table("sources", _fields(sources), sources),
            Table("freshness", _fields(fresh), fresh),
            Table("totals", _fields(totals), totals),
        ),
        query={"store": str(store.path)},
        command=f"apilens store info --store {store.path}",
    )


def verify(store: Store) -> Result:
    """Decode every data file and compare it with the log; a row for each problem, none when all is well."""
    problems: list[tuple[str, str]] = []
    stored = 0
    for path, size, records in store.actions.select("path", "size_bytes", "num_records").iter_rows():
        stored += records
        found = _problem(store.path / "events" / path, size, records)
        if found:
            problems.append((path, found))
    counts = Counts(**{item.name: store.total(item.name) for item in fields(Counts)})
    gone = store.total("forgotten")
    if counts.stored != stored + gone:
        problems.append(
            (
                "_delta_log",
                f"{counts.stored} events were committed, but the files hold {stored}, and {gone} were removed",
            )
        )
    if not counts.balances:
        problems.append(("_delta_log", f"the totals do not balance: {counts}"))
    if is_damaged(store.path):
        problems.append((f"state/{FILE}", "damaged: `apilens store compact` makes it anew"))
    table = pl.DataFrame(problems, schema={"file": pl.String, "problem": pl.String}, orient="row")
    note = f"{store.actions.height} files, {stored} events: " + ("all there" if not problems else "damaged")
    return Result("store-verify", f"Store {store.path}", (Table("problems", _fields(table), table),), notes=(note,))


def _freshness(logs: pl.DataFrame, *, now: datetime, settle: Settle) -> pl.DataFrame:
    """Return, for each source of apilens.yaml, service and format, the age of the newest event and what is complete."""
    known = [(*log, *settle(*log)) for log in logs.select("source", "format").unique().iter_rows()]
    texts: dict[str, pl.DataType] = dict.fromkeys(("source", "format", "name"), pl.String())
    schema = {**texts, "settle": pl.Duration("us")}
    return (
        logs.join(pl.DataFrame(known, schema=schema, orient="row"), on=["source", "format"])
        .group_by(pl.col("name").alias("source"), "service", "format")
        .agg(pl.len().alias("logs"), pl.col("events").sum(), pl.col("last").max(), pl.col("settle").max())
        .sort("source", "service", "format")
        .select(
            "source", "service", "format", "logs", "events", "last",
            ((now - pl.col("last")).dt.total_milliseconds()).cast(pl.Float64).alias("age_ms"),
            pl.col("settle").dt.total_milliseconds().cast(pl.Float64).alias("settle_ms"),
            (now - pl.col("settle")).cast(DTYPES["timestamp"]).alias("complete_until"),
        )
    )  # fmt: skip


def _problem(path: Place, size: int, records: int) -> str | None:
    try:
        on_disk = path.stat().st_size
    except OSError as error:
        return error.strerror or "missing"
    if on_disk != size:
        return f"{on_disk} bytes on disk, {size} in the log"
    try:
        rows = scanned(path)
        # Counting the nulls of every column decodes every page.
        height = (
            rows.select(pl.len(), pl.all().null_count().name.suffix("_nulls")).collect(engine="streaming").item(0, 0)
        )
    except pl.exceptions.PolarsError as error:
        return f"cannot be decoded: {str(error).splitlines()[0]}"
    return None if height == records else f"{height} rows in the file, {records} in the log"


_UNITS: dict[str, Unit] = {"attributed_share": "ratio", "bytes": "bytes", "age_ms": "ms", "settle_ms": "ms"}


def _fields(frame: pl.DataFrame) -> tuple[Field, ...]:
    def unit(name: str) -> Unit:
        dtype = frame.schema[name]
        return _UNITS.get(name) or ("count" if dtype.is_integer() else "time" if dtype == pl.Datetime else "text")

    return tuple(Field(name, unit(name)) for name in frame.columns)
