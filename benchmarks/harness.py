"""Timing whole processes in turn, by the kernel's own account of each."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One finished process: wall and CPU seconds, peak RSS in MB."""

    wall_s: float
    cpu_s: float
    rss_mb: float


@dataclass
class Contender:
    """A command to time. before: makes each run start from the same state. fine: exit codes that say it worked."""

    name: str
    command: Sequence[str]
    before: Callable[[], None] = lambda: None
    fine: tuple[int, ...] = (0,)
    runs: list[Run] = field(default_factory=list)

    def median(self, figure: str) -> float:
        """Return the median of wall_s, cpu_s or rss_mb."""
        return statistics.median(getattr(run, figure) for run in self.runs)


def remove(*paths: Path) -> Callable[[], None]:
    """Return a function that removes files and folders."""

    def clear() -> None:
        for path in paths:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    return clear


def in_turn(contenders: Sequence[Contender], *, times: int, warm: bool = False) -> None:
    """Time the commands in turn, A B C A B C …, after one round that is not counted, unless all have run before."""
    for number in range(int(warm), times + 1):
        for contender in contenders:
            contender.before()
            run = measure(contender.command, contender.fine)
            if number:
                contender.runs.append(run)


def measure(command: Sequence[str], fine: tuple[int, ...] = (0,)) -> Run:
    """Run a command to its end. Raises RuntimeError when it ends with another code than those that are fine."""
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert child.stderr is not None
    words = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in fine:
        raise RuntimeError(f"{' '.join(command)} failed: {words.decode()[-2000:]}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
