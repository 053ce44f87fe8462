"""Follows a log that is written and rotated, and checks that every line landed once and memory stayed flat.

`python -m tests.follow_soak --seconds 3600 --rate 2000` writes that many lines a second, rotates the log every few
seconds (renamed, gzipped, copied and truncated), lets another process compact the store now and then, ends
`apilens ingest --follow` with SIGTERM, ingests what is left, and compares the ids of all lines with what the store
holds. `--pipe` writes the lines into its stdin instead.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from apilens.store import Store

from .kill_ingest import Logs, check

KEPT_ROTATIONS = 20
TICK_S = 0.1


@dataclass
class Soak:
    """What came of it: what is wrong (nothing, at best), resident memory in MB second by second, how it ended.

    left: lines that were not read when it was ended, on a machine too busy to keep up; a last ingest reads them.
    """

    wrong: str
    lines: int
    exit: int
    messages: str
    left: int = 0
    rss_mb: list[float] = field(default_factory=list)

    def growth(self) -> float:
        """Return the largest memory of the last third over that of the third before it."""
        third = len(self.rss_mb) // 3
        return max(self.rss_mb[2 * third :]) / max(self.rss_mb[third : 2 * third])


def soak(
    folder: Path, *, seconds: float, rate: int, rotate_s: float, compact_s: float, rng: random.Random,
    pipe: bool = False, settle_s: float = 60,
) -> Soak:  # fmt: skip
    """Run all of it in a folder; it has `settle_s` to read the last lines."""
    logs_folder, store = folder / "logs", folder / "store"
    logs_folder.mkdir()
    (folder / "apilens.yaml").write_text(
        f"sources:\n  soak:\n    path: {logs_folder}/access.log*\n    format: combined\n"
    )
    logs = Logs(logs_folder, rng, padding="x" * 40)
    command = [sys.executable, "-m", "apilens", "ingest", "--follow", *(["-", "--input-format", "combined"] * pipe)]
    with (folder / "messages").open("w") as messages:
        child = subprocess.Popen(
            command, cwd=folder, stderr=messages, env=_environment(store), stdin=subprocess.PIPE if pipe else None
        )
    made = Soak("", 0, 0, "")
    while not pipe and not (store / "state/store.json").exists() and child.poll() is None:
        time.sleep(TICK_S)
    try:
        _write(logs, child, made, seconds=seconds, rate=rate, rotate_s=rotate_s, other=_compacting(folder, compact_s))
        until = time.monotonic() + settle_s
        while not pipe and _left(store, logs) and time.monotonic() < until:
            time.sleep(0.5)
    finally:
        if pipe and child.stdin:
            child.stdin.close()
        else:
            child.send_signal(signal.SIGTERM)
        made.exit = child.wait(timeout=120)
    made.messages = (folder / "messages").read_text()
    made.lines = len(logs.good) + len(logs.bad)
    made.left = _left(store, logs)
    if not pipe:
        last = [sys.executable, "-m", "apilens", "ingest", "-q"]
        subprocess.run(last, cwd=folder, env=_environment(store), check=True)
    made.wrong = check(store, logs)
    return made


def _left(store: Path, logs: Logs) -> int:
    return len(logs.good) + len(logs.bad) - Store.open(store).total("read")


def _write(
    logs: Logs, child: subprocess.Popen[bytes], made: Soak, *, seconds: float, rate: int, rotate_s: float,
    other: Callable[[], None],
) -> None:  # fmt: skip
    began = time.monotonic()
    written, rotated, sampled = 0, began, began
    while (now := time.monotonic()) - began < seconds:
        assert child.poll() is None, "it ended by itself"
        due = int((now - began) * rate) - written
        if child.stdin:
            child.stdin.write(logs.text(due).encode())
            child.stdin.flush()
        else:
            logs.write(due)
        written += due
        if now - rotated >= rotate_s and not child.stdin:
            logs.rotate()
            rotated = now
            for old in sorted(logs.folder.glob("access.log.*"))[:-KEPT_ROTATIONS]:
                old.unlink()
        if now - sampled >= 1:
            made.rss_mb.append(_rss_mb(child.pid))
            sampled = now
        other()
        time.sleep(TICK_S)


def _compacting(folder: Path, every_s: float) -> Callable[[], None]:
    """Return what runs `store compact` beside it now and then, which needs the lock."""
    last = time.monotonic()
    running: list[subprocess.Popen[bytes]] = []

    def turn() -> None:
        nonlocal last
        if running and running[-1].poll() is not None:
            assert running[-1].returncode in (0, 75), f"store compact exits with {running[-1].returncode}"
        made = (folder / "store/state/store.json").exists()
        if made and time.monotonic() - last >= every_s and (not running or running[-1].poll() is not None):
            last = time.monotonic()
            command = [sys.executable, "-m", "apilens", "store", "compact", "-q", "--wait", "60s"]
            running.append(subprocess.Popen(command, cwd=folder, env=_environment(folder / "store")))

    return turn


def _environment(store: Path) -> dict[str, str]:
    clock = {"APILENS_NOW": "2026-11-23T12:00:00Z", "APILENS_HASH_KEY": "soak", "APILENS_STORE": str(store)}
    return {**os.environ, **clock}


def _rss_mb(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")), 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--rate", type=int, default=2000, help="lines a second")
    parser.add_argument("--rotate", type=float, default=10, help="seconds between rotations")
    parser.add_argument("--compact", type=float, default=120, help="seconds between compactions by another process")
    parser.add_argument("--pipe", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = soak(
            Path(folder), seconds=options.seconds, rate=options.rate, rotate_s=options.rotate,
            compact_s=options.compact, rng=random.Random(options.seed), pipe=options.pipe,
        )  # fmt: skip
    print(made.messages[-2000:])
    step = max(1, len(made.rss_mb) // 12)
    print("RSS MB:", " ".join(f"{value:.0f}" for value in made.rss_mb[::step]), f"growth {made.growth():.3f}")
    print(
        f"{made.lines} lines, {made.left} left for a last ingest, exit {made.exit}: {made.wrong or 'every line once'}"
    )
    sys.exit(bool(made.wrong) or made.growth() > 1.1)


if __name__ == "__main__":
    main()
