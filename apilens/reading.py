"""What a reading command reads: the store, or log files by way of a private store that is gone afterwards."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from apilens.accounts import Accounts
from apilens.analyses.cohorts import members
from apilens.answer import Events
from apilens.catalogued import catalogued
from apilens.cohorts import Cohorts, column_of, named_cohorts, window_of_cohort, with_members
from apilens.config import ReadOptions, Settings
from apilens.cost import priced
from apilens.endpoints import STATE, Endpoints
from apilens.engine import Engine, scan
from apilens.errors import ConfigError, InputError, UsageError
from apilens.places import Place
from apilens.result import Table
from apilens.store import Store, hash_key, read_kept
from apilens.store.table import scan as scan_store
from apilens.versions import with_version_keys
from apilens.window import CLOCK_SLACK, Window, anchor, is_relative, parse_window

if TYPE_CHECKING:
    from apilens.freshness import Settling
    from apilens.ingested import Summary

# Logs of which nothing came for so long are not waited for.
RECENT = timedelta(days=2)


@contextmanager
def reading(
    files: Sequence[str], *, store: Place, settings: Settings, options: ReadOptions, now: datetime,
    advance: Callable[[int, str], None] | None = None,
) -> Iterator[tuple[Store, Summary | None]]:  # fmt: skip
    """Open the store at `store`, or with `files` a temporary one made of them, and what became of the files.

    One code path for both. Raises InputError when there is no store, or when not one of the files could be read.
    """
    if not files:
        yield Store.open(store), None
        return
    # Here and not above: the formats take 0.1 s to import, and a store needs none.
    from apilens.ingest import ingest

    with tempfile.TemporaryDirectory(prefix="apilens-") as folder:
        path = Path(folder) / "store"
        summary = ingest(
            files, path, settings=settings, options=options, key=hash_key(os.environ), now=now, final=True,
            durable=False, advance=advance,
        )  # fmt: skip
        if summary.problems and not summary.logs:
            raise summary.problems[0]
        if not summary.logs and summary.skipped:
            raise InputError(f"nothing to read: {summary.skipped[0]}")
        yield Store.open(path), summary


def window_of(
    store: Store, *, since: str | None, until: str | None, now: datetime, tz: str, settling: Settling | None = None,
    anchored: bool = True,
) -> tuple[Window, datetime | None, str | None]:  # fmt: skip
    """Return the window that is meant, the newest event, and a note when `since` counts back from that one.

    settling: how long events take to arrive, where the window is to be compared with another: it ends where everything
    has come, and at the newest event where that is old, so that it is as full as the other one. anchored: `since` may
    count back from the newest event, where that one is old.
    """
    newest = store.newest(now + CLOCK_SLACK)
    moment, note = anchor(now, newest) if anchored and (is_relative(since) or (settling and not until)) else (now, None)
    if settling is None:
        return parse_window(since, until, now=moment, tz=tz), newest, note
    complete = settling.complete_until(_logs(store, now), now)
    if complete < moment:
        moment, note = complete, f"window ends at {complete:%Y-%m-%d %H:%M} UTC: later events may still arrive"
    window = parse_window(since, until, now=moment, tz=tz)
    return Window(window.since, window.until or moment), newest, note


def _logs(store: Store, now: datetime) -> list[tuple[str, str]]:
    """Return source and format of the logs whose events may still arrive: those of the last days."""
    recent = store.files(now - RECENT)
    logs = scan_store(store, ["source", "format"], recent).unique().collect()
    return logs.rows()


def endpoints_of(store: Store) -> Endpoints:
    """Return what the store knows of endpoints."""
    return Endpoints.of(read_kept(store.path, STATE))


def events_of(
    store: Store,
    window: Window,
    accounts: Accounts | None,
    texts: Iterable[str],
    cohorts: Cohorts | None = None,
    *,
    engine: Engine = "polars",
    about: Window | None = None,
    cost: str | None = None,
    parts: Sequence[Window] = (),
) -> tuple[Events, dict[str, pl.DataType]]:
    """Return the events of a window, and the columns that a question may name: those of accounts, endpoints and the
    catalogue as well.

    parts: windows within it, where no other events matter: only their files are read.
    about: the window that the question is about, where it reads more: what was first seen in that one is new. texts:
    every name and condition of the question; what they name of those is joined to the events. So are the
    cohorts that they name, as a column that says who is in them: without `cohorts` they are unknown. cost: what a
    request costs, if anything says so.
    """
    texts = list(texts)
    endpoints = endpoints_of(store)
    seen = catalogued(store, about or window, texts, endpoints)
    files = dict.fromkeys(file for part in parts or (window,) for file in store.files(part.since, part.until))
    events = endpoints.beside(scan(list(files), store.dtypes, engine=engine), texts)
    columns = {**store.dtypes, **endpoints.dtypes()}
    events, columns = priced(events, columns, cost)
    if accounts is not None:
        events, columns = accounts.beside(events, texts), {**columns, **accounts.dtypes()}
    if seen is not None:
        events, columns = seen.beside(events), {**columns, **seen.dtypes()}
    if cohorts is not None:
        for name in named_cohorts(texts):
            found = members_of(store, name, cohorts, engine=engine).rows
            cohorts.tell(f"cohort {name}: {found.height:,} account{'' if found.height == 1 else 's'}")
            events, columns = with_members(events, name, found), {**columns, column_of(name): pl.Boolean()}
    return with_version_keys(events, texts, columns)


def notes_of(store: Store, window: Window, texts: Iterable[str]) -> tuple[str, ...]:
    """Return what a reader must know of the columns that `events_of` puts beside the events of a question."""
    seen = catalogued(store, window, texts, endpoints_of(store))
    return seen.notes() if seen else ()


def members_of(store: Store, name: str, cohorts: Cohorts, *, engine: Engine = "polars") -> Table:
    """Return the accounts of a cohort with the metrics that it is about. Raises UsageError for an unknown cohort."""
    cohort = cohorts[name]
    now = now_of(store, cohorts.now)
    try:
        texts = [*cohort.texts, *(cohorts.scope.texts() if cohorts.scope else ())]
        window = window_of_cohort(cohort, now)
        events, columns = events_of(store, window, cohorts.accounts, texts, engine=engine, cost=cohorts.cost)
        return members(
            cohort, events, everyone=lambda: scan(store.files(), store.dtypes, engine=engine), columns=columns, now=now,
            accounts=cohorts.accounts, errors=cohorts.errors, scope=cohorts.scope,
        )  # fmt: skip
    except ConfigError:
        # It names a file and a line already.
        raise
    except UsageError as error:
        raise UsageError(f"cohort {name}: {error.message}", hint=error.hint) from None


def now_of(store: Store, now: datetime) -> datetime:
    """Return what times count back from: now, or the newest event when that is old."""
    moment, _ = anchor(now, store.newest(now + CLOCK_SLACK))
    return moment
