"""A day of cron: every minute the log grows, is ingested and checked, with `--now` as the clock, and who is told what.

`python -m tests.day_of_cron` runs `apilens ingest` and `apilens check` 1,440 times in one process, as
`* * * * * apilens ingest -q LOG && apilens check -q` would. One account is busy for hours: it is to be told once when
that begins, again after each `repeat`, once when it ends, and nothing else. Every seventh line is written two minutes
late, and one run of `ingest` in five is left out, as if another had the store.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from click.testing import CliRunner

from apilens.cli import cli
from tests.alerts.making import MINUTE, NOON, line

RULES = """
rules:
  - {name: busy, by: [account], window: 10m, when: requests >= 20, repeat: REPEAT, notify: [ops]}
  - {name: errors, window: 5m, when: error_rate > 0.5 AND requests >= 10, notify: [ops]}
"""


@dataclass(frozen=True, slots=True)
class Day:
    """How long it is and when the account is busy, in minutes; `repeat` of the rule."""

    minutes: int
    busy_from: int
    busy_to: int
    repeat: timedelta

    def expected(self) -> list[tuple[str, list[str | None]]]:
        """Return reason and accounts of each message there is to be, in their order.

        Three requests a minute are 20 in 10 minutes from the seventh minute on, and no longer three minutes after the
        last; an incident is told again while it goes on.
        """
        first, last = self.busy_from + 7, self.busy_to + 3
        repeats = (last - first) * MINUTE // self.repeat
        return [("firing", ["acme"]), *[("repeat", ["acme"])] * repeats, ("resolved", ["acme"])]


@dataclass(slots=True)
class Told:
    """What came of it: minute, reason and accounts of each message; exit codes of checks; what was printed."""

    messages: list[tuple[int, str, list[str | None]]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    codes: set[int] = field(default_factory=set)
    cpu_s: float = 0.0
    checks_cpu_s: float = 0.0


def lines_at(day: Day, minute: int) -> list[tuple[int, str]]:
    """Return the lines of a minute, each with the minute at which it is written."""
    accounts = ["globex", *["acme"] * 3 * (day.busy_from <= minute < day.busy_to)]
    return [
        (minute + (2 if (minute + at) % 7 == 5 else 0), line(minute + at / 8, account))
        for at, account in enumerate(accounts)
    ]


def run(folder: Path, day: Day) -> Told:
    """Run every minute of a day in a folder."""
    (folder / "rules.yaml").write_text(RULES.replace("REPEAT", f"{day.repeat // MINUTE}m"))
    (folder / "apilens.yaml").write_text(f"channels: {{ops: {{type: file, path: {folder / 'told.jsonl'}}}}}\n")
    log, told = folder / "access.log", Told()
    places = ["--config", str(folder / "apilens.yaml"), "--store", str(folder / "store")]
    written = [item for minute in range(day.minutes) for item in lines_at(day, minute)]
    began = time.process_time()
    for minute in range(day.minutes):
        with log.open("a") as file:
            file.writelines(f"{text}\n" for at, text in written if at == minute)
        now = NOON + (minute + 1) * MINUTE
        if minute % 5 != 3:
            _apilens(now, ["ingest", "-q", str(log), "--input-format", "combined", *places])
        before = time.process_time()
        told.codes.add(_apilens(now, ["check", "-q", "--rules", str(folder / "rules.yaml"), *places]))
        told.checks_cpu_s += time.process_time() - before
        _listen(folder / "told.jsonl", minute, told)
    told.cpu_s = time.process_time() - began
    return told


def _apilens(now: datetime, arguments: list[str]) -> int:
    done = CliRunner().invoke(cli, [*arguments, "--now", now.isoformat()], standalone_mode=False)
    if done.exception:
        raise done.exception
    return int(done.return_value or 0)


def _listen(channel: Path, minute: int, told: Told) -> None:
    """Note what a channel was sent since it was last looked at."""
    for text in (channel.read_text().splitlines() if channel.exists() else [])[len(told.messages) :]:
        message = json.loads(text)
        accounts = [alert["group"].get("account") for alert in message["alerts"]]
        told.messages.append((minute, message["reason"], accounts))
        told.ids.append(message["id"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=24 * 60)
    minutes = parser.parse_args().minutes
    day = Day(minutes, minutes // 8, minutes // 2, timedelta(hours=4))
    with tempfile.TemporaryDirectory() as folder:
        told = run(Path(folder), day)
    for minute, reason, accounts in told.messages:
        print(f"{NOON + minute * MINUTE:%H:%M}  {reason:<9} {', '.join(map(str, accounts))}")
    right = [item[1:] for item in told.messages] == day.expected() and len(set(told.ids)) == len(told.ids)
    print(f"{minutes} checks, {told.checks_cpu_s / minutes * 1e3:.0f} ms of CPU each (with ingest {told.cpu_s:.0f} s)")
    print("as it should be" if right else f"expected {day.expected()}")
    sys.exit(not right)


if __name__ == "__main__":
    main()
