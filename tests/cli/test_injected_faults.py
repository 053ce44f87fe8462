"""System calls that fail, or at which the process is killed: readable at once, exact after the next run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LINE = '10.0.0.1 - {account} [20/Nov/2026:10:00:00 +0000] "GET /items/{n} HTTP/1.1" 200 5 "-" "curl/8.5"\n'
ENVIRONMENT = {
    "APILENS_NOW": "2026-11-23T12:00:00Z", "APILENS_HASH_KEY": "x", "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
}  # fmt: skip
INGEST = "ingest a.log b.log -q --input-format combined"
FORGET = "store forget --account umbra --yes -q"


def _traces() -> bool:
    probe = ["strace", "-f", "-o", "/dev/null", "true"]
    return bool(shutil.which("strace")) and subprocess.run(probe, capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not _traces(), reason="needs strace, and to be allowed to trace")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a store of one log, and a second log that is not read yet."""
    (tmp_path / "a.log").write_text("".join(LINE.format(account=f"acme-{n % 3}", n=n) for n in range(300)))
    (tmp_path / "b.log").write_text("".join(LINE.format(account="umbra", n=n) for n in range(200)) + "unreadable\n")
    assert apilens("ingest a.log -q", tmp_path).returncode == 0
    return tmp_path


def apilens(words: str, folder: Path, *inject: str) -> subprocess.CompletedProcess[str]:
    """Run a command; `inject` are faults as strace has them."""
    tracing = [part for fault in inject for part in ("-e", f"inject={fault}")]
    strace = ["strace", "-f", "-o", "/dev/null", "-e", "trace=fsync,rename,unlink,write,linkat", *tracing]
    command = [*(strace if inject else []), sys.executable, "-m", "apilens", *words.split()]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)


def counts(folder: Path) -> dict[str, int]:
    """Return account → requests, after a look at whether all of the store is there."""
    verified = apilens("store verify -q", folder)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    rows = apilens("report --by account --metrics requests -q --no-header", folder).stdout.splitlines()
    return {account: int(requests) for account, requests in (row.split("\t") for row in rows)}


BEFORE = {"acme-0": 100, "acme-1": 100, "acme-2": 100}
AFTER = {**BEFORE, "umbra": 200}


def test_an_ingest_that_is_killed_at_a_call_is_exact_after_the_next(folder: Path) -> None:
    assert apilens(INGEST, folder, "fsync:signal=KILL:when=3").returncode == -9

    assert counts(folder) in (BEFORE, AFTER)
    assert apilens(INGEST, folder).returncode == 0
    assert counts(folder) == AFTER


@pytest.mark.parametrize("fault", ["fsync:error=EIO:when=2", "rename:error=ENOSPC:when=1"])
def test_a_call_that_fails_is_named_and_changes_nothing(folder: Path, fault: str) -> None:
    done = apilens(INGEST, folder, fault)

    assert done.returncode == 3 and "Traceback" not in done.stderr
    assert ".apilens/" in done.stderr and ("Input/output error" in done.stderr or "No space left" in done.stderr)
    assert not list((folder / ".apilens" / "state").glob(".*.tmp"))
    assert counts(folder) in (BEFORE, AFTER)
    assert apilens(INGEST, folder).returncode == 0
    assert counts(folder) == AFTER


@pytest.mark.parametrize("fault", ["fsync:signal=KILL:when=6", "unlink:signal=KILL:when=2"])
def test_a_forget_that_is_killed_at_a_call_is_completed_by_the_next(folder: Path, fault: str) -> None:
    assert apilens(INGEST, folder).returncode == 0
    assert apilens(FORGET, folder, fault).returncode == -9

    assert counts(folder) in (BEFORE, AFTER)
    assert apilens(FORGET, folder).returncode == 0
    assert counts(folder) == BEFORE
