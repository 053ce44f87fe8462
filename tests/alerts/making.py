"""Stores and rules for tests of alerts: a few requests by hand, and a channel that only notes what it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apilens.alerts.alert import Message
from apilens.alerts.check import Checked
from apilens.alerts.judge import Ground
from apilens.alerts.rules import Rules, parse_rules
from apilens.alerts.running import check_store
from apilens.cohorts import Cohorts
from apilens.config import ReadOptions, Settings
from apilens.ingest import ingest
from apilens.store import Store

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KEY = b"k" * 32


def line(minutes: float, account: str = "acme", status: int = 200, ip: str = "192.0.2.1", path: str = "/v1/a") -> str:
    """Return a line of an access log, so many minutes after noon."""
    moment = NOON + timedelta(minutes=minutes)
    return f'{ip} - {account} [{moment:%d/%b/%Y:%H:%M:%S} +0000] "GET {path} HTTP/1.1" {status} 5 "-" "curl/8"'


def stored(folder: Path, lines: Iterable[str], *, settings: Settings | None = None, name: str = "access.log") -> Path:
    """Put lines into a log and the store of a folder, behind those that are there; return the store's place."""
    log = folder / name
    with log.open("a") as file:
        file.writelines(f"{text}\n" for text in lines)
    options = ReadOptions(log_format=None)
    ingest(
        [str(log)], folder / "store", settings=settings or Settings(), options=options, key=KEY,
        now=NOON + timedelta(days=30), durable=False,
    )  # fmt: skip
    return folder / "store"


def rules_of(text: str, settings: Settings | None = None) -> Rules:
    """Return rules as a file has them: `name: a, window: 5m, when: requests > 1`, one a line."""
    items = "".join(f"  - {{{item.strip()}}}\n" for item in text.strip().splitlines())
    return parse_rules(f"rules:\n{items}".encode(), "rules.yaml", settings or Settings())


def ground_of(store: Path, settings: Settings | None = None, now: datetime = NOON) -> Ground:
    """Return what rules are judged on."""
    known = settings or Settings()
    return Ground(store=Store.open(store), settings=known, accounts=None, cohorts=Cohorts(known.cohorts, now))


class Channel:
    """Notes what it is sent; while it is down nothing gets through."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.down = False

    def __call__(self, messages: Sequence[Message]) -> list[Message]:
        if self.down:
            return list(messages)
        self.got += messages
        return []

    def said(self) -> list[tuple[str, str, list[str]]]:
        """Return rule, reason and groups of every message since this was last asked."""
        said = [
            (message.rule, message.reason, [", ".join(map(str, alert.group.values())) for alert in message.alerts])
            for message in self.got
        ]
        self.got = []
        return said


def check(
    store: Path, rules: Rules, minutes: float, channel: Channel, *, settings: Settings | None = None, **options: Any
) -> Checked:
    """Run a check so many minutes after noon."""
    now = NOON + timedelta(minutes=minutes)
    more = {"max_age": None, "say": lambda text: None, **options}
    return check_store(ground_of(store, settings, now), rules, now=now, deliver=channel, **more)
