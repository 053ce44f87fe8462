"""Forgetting an account, a user or a time: rows, what was learned beside them, and a search that proves it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any

import msgspec
import polars as pl

from apilens.cohort_state import forget_members
from apilens.endpoints import STATE
from apilens.enrich.keyed_hash import key_id
from apilens.enrich.learned_routes import split
from apilens.forgotten import remember
from apilens.mentions import IDENTITIES, Names, find, texts_with
from apilens.result import Field, Result, Table
from apilens.store.catalogue import EVENT, FILE, rebuilt
from apilens.store.data_files import files_by_day, scanned
from apilens.store.durable import write_new
from apilens.store.erase import (
    FORGOTTEN,
    Erased,
    erase_days,
    erase_rejects,
    erase_rows,
    purge,
    rejects_of,
    rewrite,
)
from apilens.store.table import Store, read_kept, readable, scan
from apilens.store.writer import Writer


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be forgotten: accounts or users by name, or all that was before a moment.

    mentions: replace the names where they stand in rows of others, too.
    """

    accounts: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    before: datetime | None = None
    mentions: bool = False


def forget(writer: Writer, wanted: Wanted, *, key: bytes, now: datetime, dry_run: bool = False) -> Result:
    """Forget what is wanted and return what was removed, and what a search of the whole store finds of it afterwards.

    key: the hash key, since a name that looks like a secret was stored as its hash. Every step may be repeated: a run
    that was killed is completed by the same command. dry_run: only say what would be removed. Raises StoreError where
    the events cannot be read or written.
    """
    names = Names([text for name in (*wanted.accounts, *wanted.users) for text in (name, key_id(name, key))])
    column = "account" if wanted.accounts else "user"
    with readable():
        if not dry_run:
            # First: a rebuild that comes between this run, killed, and the next must not bring anything back.
            remember(writer, column, names.names, before=wanted.before, key=key, now=now)
        erased = _erase(writer, wanted, column, names, dry_run=dry_run)
        rejects = erase_rejects(writer, wanted.before.timestamp(), dry_run=dry_run) if wanted.before else 0
        replaced = 0
        if not dry_run:
            if wanted.mentions:
                replaced = _replace_in_rows(writer, names)
                _replace_in_rejects(writer, names)
            _forget_state(writer, wanted, names)
            found = find(writer.path, names) if names.names else _before(writer, wanted)
    done = pl.DataFrame(
        {
            "rows_removed": [erased.rows], "files_rewritten": [erased.rewritten], "files_removed": [erased.removed],
            "rejects_removed": [rejects], "mentions_replaced": [replaced],
        }
    )  # fmt: skip
    tables = [Table("forgotten", tuple(Field(name, "count") for name in done.columns), done)]
    notes = ["dry run: nothing was changed"] if dry_run else []
    if not dry_run:
        tables.append(Table("found", (Field("place"), Field("found", "count"), Field("first")), found))
        notes = _notes(writer, found)
    return Result("store-forget", f"Store {writer.path}", tuple(tables), notes=tuple(notes))


def _notes(writer: Writer, found: pl.DataFrame) -> list[str]:
    files = Store(writer.path, writer.delta).actions.height
    words = f"searched {files} Parquet files, the log, rejects and state: "
    if found.is_empty():
        return [words + "nothing is left", "logs were not touched: what was not read of them yet would come in again"]
    places = ", ".join(f"{place} {count:,} ({first})" for place, count, first in found.iter_rows())
    return [words + places, "what is left stands in rows of others, or in settings; --mentions replaces it in rows"]


def _erase(writer: Writer, wanted: Wanted, column: str, names: Names, *, dry_run: bool) -> Erased:
    if wanted.before is None:
        gone = pl.col(column).is_in(names.names)
        return erase_rows(writer, gone, [column], until=date.max, dry_run=dry_run)
    day = wanted.before.astimezone(UTC).date()
    erased = erase_days(writer, day, dry_run=dry_run)
    if wanted.before > datetime.combine(day, time(), UTC):
        erased += erase_rows(writer, pl.col("timestamp") < wanted.before, ["timestamp"], until=day, dry_run=dry_run)
    return erased


def _before(writer: Writer, wanted: Wanted) -> pl.DataFrame:
    rows = scan(Store(writer.path, writer.delta), ["timestamp", "source", "line"])
    left = rows.filter(pl.col("timestamp") < wanted.before).select(
        pl.lit("column timestamp").alias("place"), pl.len().cast(pl.Int64).alias("found"),
        pl.format("{}:{}", pl.col("source").first(), pl.col("line").first()).alias("first"),
    )  # fmt: skip
    return left.filter(pl.col("found") > 0).collect()


def _replace_in_rows(writer: Writer, names: Names) -> int:
    """Replace the names within the texts of other rows; return in how many values."""
    pattern, replaced = names.pattern, 0
    if pattern is None:
        return 0

    def change(frame: pl.DataFrame) -> pl.DataFrame:
        texts = [column for column in texts_with(names, frame.schema) if column not in IDENTITIES]
        changed = pl.col(texts).str.replace_all(pattern, f"${{1}}{FORGOTTEN}${{2}}")
        # Twice: two names with one character between them share it.
        return frame.with_columns(changed).with_columns(changed)

    for _, files in files_by_day(Store(writer.path, writer.delta).actions):
        old, new = [], []
        for item in files:
            file = writer.path / "events" / item.path
            rows = scanned(file)
            tests = texts_with(names, rows.collect_schema())
            counts = rows.select(test.sum().alias(name) for name, test in tests.items() if name not in IDENTITIES)
            if found := sum(counts.collect(engine="streaming").row(0)):
                replaced += found
                old.append(item)
                new.append(rewrite(writer, item, change))
        if old:
            writer.replace(old, new, work="forget")
    return replaced


def _replace_in_rejects(writer: Writer, names: Names) -> None:
    for path in rejects_of(writer.path):
        text = path.read_text()
        if names.within(text):
            write_new(path, names.replaced(text, FORGOTTEN).encode())


def _forget_state(writer: Writer, wanted: Wanted, names: Names) -> None:
    """Take what is forgotten out of the catalogue and of what was learned, and the files behind it off the disk."""
    store = Store(writer.path, writer.delta)
    known = rebuilt(store)
    rows = known.rows
    if wanted.before:
        rows = rows.filter((pl.col("last") >= wanted.before) | (pl.col("dimension") == EVENT))
    if names.names:
        # Endpoints, SDKs and codes with the name in them stay only as far as others have them.
        within = pl.Series([names.within(name) for name in rows["name"]], dtype=pl.Boolean)
        within &= rows["dimension"] != "account"
        suspect = rows.filter(within | pl.col("name").is_in(names.names))
        left = _left(store, suspect)
        gone = suspect.join(left, on=["dimension", "name"], how="anti")
        rows = rows.join(gone, on=["dimension", "name"], how="anti")
        saved = read_kept(writer.path, STATE)
        if saved:
            kept = set(left.filter(dimension="endpoint")["name"])
            writer.keep(STATE, msgspec.json.encode(_without(saved, names, kept)) + b"\n")
    gone_accounts = set(known.of("account")["name"]) - set(rows.filter(dimension="account")["name"])
    forget_members(writer, gone_accounts | set(wanted.accounts and names.names), before=wanted.before)
    known = replace(known, rows=rows.sort("dimension", "name"))
    writer.keep(FILE, known.to_bytes())
    purge(writer)
    if not writer.has_rivals:
        # The same again, as of the table that is left: it needs not be caught up with. Where others write, the table
        # may hold by now what this has not seen.
        writer.keep(FILE, replace(known, version=writer.delta.version()).to_bytes())


def _left(store: Store, suspect: pl.DataFrame) -> pl.DataFrame:
    """Return those of some names of dimensions that events still have."""
    frames = [suspect.select("dimension", "name").clear()]
    for (dimension,), rows in suspect.group_by("dimension"):
        column = str(dimension)
        names = scan(store, [column]).filter(pl.col(column).is_in(rows["name"].implode())).unique()
        found = names.select(pl.lit(column).alias("dimension"), pl.col(column).alias("name"))
        frames.append(found.collect(engine="streaming"))
    return pl.concat(frames)


def _without(saved: dict[str, Any], names: Names, kept: set[str]) -> dict[str, Any]:
    """Return what was learned of endpoints without those that hold a name; `kept` are those that events still have."""
    paths = {split(endpoint)[1] for endpoint in kept}

    def stays(endpoint: str) -> bool:
        return endpoint in kept or not names.within(endpoint)

    def path_stays(path: str) -> bool:
        return path in paths or not names.within(path)

    def both_stay(endpoints: dict[str, str]) -> dict[str, str]:
        return {known: now for known, now in endpoints.items() if stays(known) and stays(now)}

    learned = saved.get("learned", {})
    cleaned = {
        **learned,
        "routes": {path: calls for path, calls in learned.get("routes", {}).items() if path_stays(path)},
        "variable": [path for path in learned.get("variable", ()) if path_stays(path)],
        "stored": [endpoint for endpoint in learned.get("stored", ()) if stays(endpoint)],
        "unanswered": [endpoint for endpoint in learned.get("unanswered", ()) if stays(endpoint)],
        "aliases": both_stay(learned.get("aliases", {})),
    }
    announced = [row for row in saved.get("announced", ()) if stays(row[0])]
    return {**saved, "names": both_stay(saved.get("names", {})), "learned": cleaned, "announced": announced}
