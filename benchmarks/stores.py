"""The stores that benchmarks read: made-up logs, ingested and compacted, each made once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import polars as pl

from apilens.demo import World, write_combined
from apilens.demo.chance import below, pick
from apilens.demo.world import ACCOUNTS, moments
from apilens.store import Store

T = TypeVar("T")

DATA = Path(__file__).parent / "data"
DAYS = 14
END = datetime(2026, 11, 23, tzinfo=UTC)
APILENS = str(Path(sys.executable).with_name("apilens"))

# One event in so many is a delivery of a webhook.
_DELIVERIES = 20
# What the store with request times and webhooks is ingested with, and asked with.
SETTINGS = """\
deprecated:
  - {endpoint: 'GET /v2/profile', since: 2026-06-01, sunset: 2026-12-15}
  - {sdk: lumen-python, below: '3.0'}
sources:
  webhooks:
    path: deliveries-*.jsonl
    direction: outgoing
    account: [{field: customer}]
    fields: {destination: to, attempt: try, delivery_id: id}
"""


def isolated(function: Callable[..., T], *arguments: object) -> T:
    """Run a function in a process of its own: a child's peak RSS as the kernel has it begins with its parent's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def plain(lines: int, *, accounts: int) -> tuple[Path, Path]:
    """Return a store of a combined log, and a file with the paths of its data files."""
    store = DATA / f"store-{lines}-{accounts}"
    if not store.exists():
        log = DATA / f"combined-{lines}-{accounts}.log"
        isolated(partial(write_combined, accounts=accounts), log, World(lines, DAYS, END, 7))
        _ingest(store, log)
    return store, listed(store)


def timed(events: int, *, accounts: int) -> Path:
    """Return a store of a log that has request times, and of webhooks: what every analysis has something to say of."""
    store = DATA / f"timed-{events}-{accounts}"
    if not store.exists():
        log, sent = DATA / f"timed-{events}-{accounts}.log", DATA / f"deliveries-{events}.jsonl"
        webhooks = events // _DELIVERIES
        write = partial(write_combined, accounts=accounts, with_time=True)
        isolated(write, log, World(events - webhooks, DAYS, END, 7))
        isolated(_write_deliveries, sent, webhooks)
        _ingest(store, log, sent, "--config", settings())
    return store


def settings() -> Path:
    """Return the apilens.yaml of the `timed` store."""
    path = DATA / "timed.yaml"
    path.write_text(SETTINGS)
    return path


def listed(store: Path) -> Path:
    """Return a file with the paths of the store's data files."""
    files = DATA / f"files-{store.name}.txt"
    files.write_text("\n".join(isolated(files_of, store)))
    return files


def files_of(store: Path) -> list[str]:
    """Return the data files of a store."""
    return Store.open(store).files()


def shape_of(store: Path) -> tuple[int, set[str]]:
    """Return how many events a store holds, and the columns that any of its files has."""
    files = files_of(store)
    events = pl.scan_parquet(files, extra_columns="ignore", missing_columns="insert").select(pl.len()).collect().item()
    return events, {name for file in files for name in pl.read_parquet_schema(file)}


def _ingest(store: Path, *arguments: Path | str) -> None:
    subprocess.run([APILENS, "ingest", *map(str, arguments), "--store", str(store)], check=True)
    subprocess.run([APILENS, "store", "compact", "--store", str(store)], check=True)
    for log in arguments:
        if isinstance(log, Path) and log.suffix in (".log", ".jsonl"):
            log.unlink()


def _write_deliveries(path: Path, attempts: int) -> None:
    """Write attempts to deliver webhooks: of eight, one fails and is made again."""
    index = pl.int_range(attempts, eager=True).alias("index")
    n = pl.col("index")
    account = pl.concat_str(pick(index, 1, ACCOUNTS), pl.lit("-"), below(n, 2, 55))
    again, failed = n % 8 == 1, n % 8 == 0
    rows = pl.DataFrame({"index": index, "time": moments(World(attempts, DAYS, END, 7), index / attempts)})
    # An attempt that is made again goes to the account of the one before.
    named = rows.with_columns(account.alias("customer")).with_columns(
        pl.when(again).then(pl.col("customer").shift(1)).otherwise("customer").alias("customer")
    )
    named.select(
        "time", pl.lit("POST").alias("method"), pl.lit("/hook").alias("path"),
        pl.when(failed).then(503).otherwise(200).alias("status"), (below(n, 3, 900) + 20).alias("duration_ms"),
        pl.concat_str(pl.lit("hooks."), "customer", pl.lit(".example")).alias("to"),
        pl.when(again).then(2).otherwise(1).alias("try"),
        pl.concat_str(pl.lit("d-"), pl.when(again).then(n - 1).otherwise(n)).alias("id"), "customer",
    ).write_ndjson(path)  # fmt: skip
