"""Runs the commands of README's tour as a reader would: `python readme_tour.py README.md FOLDER [--update]`.

A tour block is a fenced `console` block; lines that begin with `$ ` are commands, what follows a command is its output
on a terminal of 100 columns. Commands without output below them only have to succeed. --update writes the outputs.
"""

from __future__ import annotations

import os
import pty
import re
import sys
import tempfile
from pathlib import Path

NOW = "2026-11-23T12:00:00Z"
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_MARK = "\x1e"


def steps(readme: str) -> list[tuple[str, str]]:
    """Return the tour's commands in order, each with the output that is shown below it."""
    found = []
    for block in _BLOCK.findall(readme):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output.rstrip("\n")))
    return found


def outputs(commands: list[str], folder: Path) -> list[str]:
    """Run the commands one after the other in a shell on a terminal; return what each printed.

    Raises RuntimeError when one fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".sh") as script:
        script.write("set -eo pipefail\n" + "".join(f"printf '{_MARK}'\n{command}\n" for command in commands))
        script.flush()
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(folder)
            os.environ |= {"APILENS_NOW": NOW, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "LC_ALL": "C.UTF-8"}
            os.execvp("bash", ["bash", script.name])
        text = _read(terminal)
        _, status = os.waitpid(pid, 0)
    parts = text.replace("\r\n", "\n").split(_MARK)[1:]
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"{commands[len(parts) - 1]}\n{parts[-1]}")
    return [part.rstrip("\n") for part in parts]


def updated(readme: str, folder: Path) -> str:
    """Return README with the outputs that its commands have now."""
    found = steps(readme)
    made = outputs([command for command, _ in found], folder)
    for (command, shown), output in zip(found, made, strict=True):
        if shown:
            readme = readme.replace(f"$ {command}\n{shown}\n", f"$ {command}\n{output}\n")
    return readme


def _read(terminal: int) -> str:
    data = b""
    while True:
        try:
            more = os.read(terminal, 65_536)
        except OSError:  # Linux says so when the other side of a terminal is gone.
            break
        if not more:
            break
        data += more
    return data.decode()


if __name__ == "__main__":
    path = Path(sys.argv[1])
    text = updated(path.read_text(), Path(sys.argv[2]))
    if "--update" in sys.argv:
        path.write_text(text)
    elif text != path.read_text():
        sys.exit("README shows other outputs than its commands have now: run this with --update and read the diff")
