"""Runs shell commands as users would, the plain ones in processes that begin warm.

Two thirds of what a command takes on a small store is the import of Polars and of apilens. A command that is `apilens`
with arguments and nothing else is forked from a process that has both in memory (multiprocessing's forkserver, which
has computed nothing yet); whatever needs a shell goes to bash. How a command starts by itself is tested
in tests/cli/test_main.py and by README's tour. A command whose stdout says that it is a terminal is always forked.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

_QUOTED = re.compile(r"'[^']*'|\"[^\"$`\\]*\"")
# What bash would not leave as it is.
_SHELL = re.compile(r"[$`*?\[\]{}~<>|&;()!#\\\n\"'=]")

# No command of a test takes as long, however busy the machine is.
_MOST_S = 300

_fork = multiprocessing.get_context("forkserver")
_fork.set_forkserver_preload(["tests.warm_modules"])


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def run(
    command: str, folder: Path, env: Mapping[str, str], *, terminal: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder with an environment of its own; return its exit code and what it printed."""
    plain = command.startswith("apilens ") and not _SHELL.search(_QUOTED.sub("", command).replace("--", ""))
    if terminal and not plain:
        raise AssertionError(f"nothing for a shell can be on a terminal: {command}")
    if not plain:
        return subprocess.run(["bash", "-c", command], cwd=folder, env=dict(env), capture_output=True, text=True)
    with tempfile.TemporaryDirectory() as place:
        files = [Path(place) / name for name in ("out", "err")]
        child = _fork.Process(
            target=_apilens, args=(shlex.split(command), str(folder), dict(env), *map(str, files), terminal)
        )
        child.start()
        child.join(_MOST_S)
        if child.exitcode is None:
            child.kill()
            raise AssertionError(f"not done after {_MOST_S} s: {command}")
        out, err = (file.read_text() for file in files)
    return subprocess.CompletedProcess(command, child.exitcode, out, err)


def _apilens(command: list[str], folder: str, env: dict[str, str], out: str, err: str, terminal: bool) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    for descriptor, file, flags in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY), (2, err, os.O_WRONLY)):
        opened = os.open(file, flags | os.O_CREAT, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin = os.fdopen(0, "r", encoding="utf-8", closefd=False)
    writer = _Terminal if terminal else io.TextIOWrapper
    sys.stdout = writer(os.fdopen(1, "wb", closefd=False), encoding="utf-8", errors="surrogateescape")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    sys.argv = command
    from apilens.cli import main

    main()
