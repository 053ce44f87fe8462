"""Signals while Polars is busy, seen from outside: the exit code, how soon, what the parent ignores."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# A process that says when it is inside of a query that takes far longer than any test waits.
BUSY = """
import sys, tempfile, threading, types
from apilens import cli

def forever(*arguments, **options):
    import polars as pl
    numbers = pl.LazyFrame({"a": range(3_000_000)})
    # No two alike: what is the same Polars computes once.
    query = pl.concat([numbers.select(pl.col("a").hash(seed).sort().sum()) for seed in range(3_000)])
    with tempfile.TemporaryDirectory():
        threading.Timer(0.5, lambda: print("busy", flush=True)).start()
        query.collect()

# Not the real module: it brings Polars along, which the command line loads later than it minds signals.
reading = types.ModuleType("apilens.reading")
reading.reading = forever
reading.window_of = reading.events_of = reading.notes_of = None
sys.modules["apilens.reading"] = reading
sys.argv = ["apilens", "report"]
cli.main()
"""


def start(folder: Path, *, before: Callable[[], object] | None = None) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", BUSY], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=before,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(folder), "APILENS_STORE": str(folder)},
    )  # fmt: skip
    assert child.stdout is not None and child.stdout.readline() == "busy\n"
    return child


@pytest.mark.parametrize(
    ("number", "words"),
    [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "stopped by SIGTERM"), (signal.SIGHUP, "stopped by SIGHUP")],
)
def test_a_query_is_left_with_one_line_and_nothing_behind(tmp_path: Path, number: int, words: str) -> None:
    child = start(tmp_path)

    child.send_signal(number)
    _, errors = child.communicate(timeout=30)

    assert child.returncode == 128 + number
    assert errors.strip() == f"apilens: {words}; what was committed stands"
    assert list(tmp_path.iterdir()) == []


def test_an_ignored_sigint_stays_ignored_and_sigterm_works(tmp_path: Path) -> None:
    child = start(tmp_path, before=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))

    child.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(timeout=1)
    child.send_signal(signal.SIGTERM)
    _, errors = child.communicate(timeout=30)

    assert child.returncode == 128 + signal.SIGTERM, errors
    assert list(tmp_path.iterdir()) == []


def test_an_ignored_sighup_stays_ignored(tmp_path: Path) -> None:
    child = start(tmp_path, before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))

    child.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(timeout=1)
    child.send_signal(signal.SIGTERM)

    assert child.wait(timeout=30) == 128 + signal.SIGTERM
