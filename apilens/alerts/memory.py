"""What a check knows of the ones before it: STORE/state/alerts.json, one file that is always whole."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from apilens.alerts.alert import Alert, Message
from apilens.alerts.incidents import Incident
from apilens.errors import StoreBusy, StoreError
from apilens.places import Place
from apilens.store import durable

STATE = "alerts.json"
LOCK = "alerts.lock"
VERSION = 1
MOST_HISTORY = 1_000
# For how long it is known that the end of an incident was told.
_FORGET_AFTER = timedelta(days=7)


class Progress(msgspec.Struct, frozen=True):
    """How far a rule was judged with all events there, and its incidents at that moment."""

    upto: datetime
    incidents: tuple[Incident, ...] = ()


class Told(msgspec.Struct, frozen=True):
    """What was said last of a group: to whom, when, how often, and whether that was its end (`alert.until`)."""

    alert: Alert
    channels: tuple[str, ...]
    at: datetime
    times: int = 1


class Input(msgspec.Struct, frozen=True):
    """A source and service: its newest event, since when it is known, and by day the longest gap between events."""

    newest: datetime
    known_since: datetime
    gaps_s: dict[str, float] = {}


class Memory(msgspec.Struct, frozen=True):
    """All of it. told: rule → key of the group. unsent: messages that no channel took yet. history: what is over."""

    version: int = VERSION
    progress: dict[str, Progress] = {}
    told: dict[str, dict[str, Told]] = {}
    unsent: tuple[Message, ...] = ()
    history: tuple[Alert, ...] = ()
    inputs: dict[str, Input] = {}


def read_memory(store: Place) -> tuple[Memory, str | None]:
    """Return what is known, and a warning where the file is damaged or from the future: then nothing is known, and
    what fires is told again rather than dropped.
    """
    file = store / "state" / STATE
    try:
        memory = msgspec.json.decode(file.read_bytes(), type=Memory)
    except FileNotFoundError:
        return Memory(), None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "damaged"
        return Memory(), f"{file} is {reason}: nothing is known of earlier checks, what fires is told again"
    if memory.version > VERSION:
        return Memory(), f"{file} was written by a newer apilens: what fires is told again"
    return memory, None


def write_memory(store: Place, memory: Memory, now: datetime) -> None:
    """Write what is known, in one step. Raises StoreError where that cannot be."""
    told = {
        rule: {key: item for key, item in groups.items() if item.alert.until is None or _recent(item, now)}
        for rule, groups in memory.told.items()
    }
    kept = msgspec.structs.replace(
        memory,
        told={rule: groups for rule, groups in told.items() if groups},
        history=memory.history[-MOST_HISTORY:],
    )
    try:
        with durable.private():
            # Not sorted: the order of a group's dimensions is that of its rule, and part of the key that channels know.
            durable.write_new(store / "state" / STATE, msgspec.json.encode(kept) + b"\n")
    except OSError as error:
        raise StoreError(f"cannot write {store / 'state' / STATE}: {error.strerror}") from None


@contextmanager
def one_check(store: Place) -> Iterator[None]:
    """Hold what only one check at a time may have; the kernel frees it when its holder dies.

    Raises StoreBusy where another check runs. On S3 nobody can hold anything.
    """
    if not isinstance(store, Path):
        yield
        return
    file = store / "state" / LOCK
    try:
        with durable.private():
            fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    except OSError as error:
        raise StoreError(f"cannot write {file}: {error.strerror}", hint="--dry-run needs no state") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise StoreBusy(
            f"another check of {store} is running", hint="--skip-if-running makes that exit code 0"
        ) from None
    finally:
        os.close(fd)


def _recent(told: Told, now: datetime) -> bool:
    return now - told.at < _FORGET_AFTER
