"""`age_out` of apilens.yaml: with a day's age its addresses, paths and user agents say less, and at last it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import polars as pl

from apilens.config import Settings
from apilens.enrich.client_ip import hide
from apilens.enrich.keyed_hash import keyed_hashes
from apilens.enrich.learned_routes import NO_ROUTE
from apilens.store.data_files import files_by_day
from apilens.store.erase import erase_days, erase_rejects, rewrite
from apilens.store.table import Store, readable
from apilens.store.writer import Writer

# What a run of ingest rewrites at most: the first one with a new rule may have years before it.
ROWS_AT_ONCE = 2_000_000

Change = Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Aged:
    """What age_out did: files rewritten, rows removed, and whether there is more to do."""

    files: int = 0
    removed: int = 0
    left: bool = False


def age_out(writer: Writer, settings: Settings, *, key: bytes, today: date, most_rows: int | None = None) -> Aged:
    """Apply `age_out` to every day that is old enough; a file goes through each rule once, its name remembers which.

    A day is as old as its last moment. key: keys the hashes of addresses. most_rows: stop after so many, oldest first;
    the next run goes on. Each day changes in one commit.
    """
    with readable():
        return _age_out(writer, dict(settings.age_out.days()), key, today, most_rows)


def _age_out(writer: Writer, days: dict[str, int], key: bytes, today: date, most_rows: int | None) -> Aged:
    removed = 0
    if (most := days.pop("rows", None)) is not None:
        first = today - timedelta(days=most)
        removed = erase_days(writer, first).rows
        erase_rejects(writer, datetime.combine(first, time(), UTC).timestamp())
    changes = {name: change for name, change in _changes(key).items() if name in days}
    files = rows = 0
    for day, parts in files_by_day(Store(writer.path, writer.delta).actions):
        due = {name for name in changes if day < today - timedelta(days=days[name])}
        old = [item for item in parts if due - item.aged]
        if not old:
            continue
        if most_rows is not None and rows and rows + sum(item.rows for item in old) > most_rows:
            return Aged(files, removed, left=True)
        new = []
        for item in old:
            done = item.aged
            todo = [changes[name] for name in sorted(due - done)]
            new.append(rewrite(writer, item, partial(_all, changes=todo), aged=due))
        writer.replace(old, new, work="age out")
        files += len(old)
        rows += sum(item.rows for item in old)
    return Aged(files, removed)


def told(aged: Aged) -> str | None:
    """Return what was done, in words; None for nothing."""
    parts = [f"aged {aged.files} files"] if aged.files else []
    parts += [f"removed {aged.removed:,} old rows"] if aged.removed else []
    return ", ".join(parts) + ("; the rest with the next run" if aged.left else "") if parts else None


def _all(frame: pl.DataFrame, changes: list[Change]) -> pl.DataFrame:
    for change in changes:
        frame = change(frame)
    return frame


def _changes(key: bytes) -> Mapping[str, Change]:
    return {"client_ip": lambda frame: _aged_ip(frame, key), "path": _aged_path, "user_agent": _aged_agent}


def _aged_ip(frame: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """Replace addresses by network and keyed hash, `203.0.113.0/24#ip_…`: they can still be counted, not dialled."""
    if "client_ip" not in frame.columns:
        return frame
    addresses = frame["client_ip"]
    size = pl.when(addresses.str.contains(":", literal=True)).then(pl.lit("/48#")).otherwise(pl.lit("/24#"))
    aged = pl.concat_str([hide(addresses, "truncate", key), size, keyed_hashes(addresses, key, "ip")])
    # Aged before, or hashed from the first by the policy `client_ip: hash`.
    done = addresses.str.contains("#", literal=True) | addresses.str.starts_with("ip_")
    return frame.with_columns(pl.when(done).then(addresses).otherwise(aged).alias("client_ip"))


def _aged_path(frame: pl.DataFrame) -> pl.DataFrame:
    """Replace paths by the template of their endpoint, null where they have none; the referrer is a path as well."""
    nothing = [pl.lit(None, pl.String).alias(name) for name in ("path", "referrer") if name in frame.columns]
    aged = frame.with_columns(nothing)
    if "path" not in frame.columns or "endpoint" not in frame.columns:
        return aged
    template = pl.col("endpoint").str.extract(r"^\S+ (/.*)$")
    has_route = ~pl.col("endpoint").str.contains(NO_ROUTE, literal=True) & pl.lit(frame["path"].is_not_null())
    return aged.with_columns(pl.when(has_route).then(template).alias("path"))


def _aged_agent(frame: pl.DataFrame) -> pl.DataFrame:
    """Leave of user agents what is known of them: SDK, version, whether it is a bot."""
    if "user_agent" not in frame.columns:
        return frame
    return frame.with_columns(pl.lit(None, pl.String).alias("user_agent"))
