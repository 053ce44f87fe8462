"""Runs the commands of README's tour as a reader would: `python readme_tour.py README.md FOLDER`.

A tour block is a fenced `console` block; lines that begin with `$ ` are commands, and each must exit 0.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def commands(readme: str) -> list[str]:
    """Return the commands of every console block, in order; a trailing backslash continues a line."""
    lines = [line for block in _BLOCK.findall(readme) for line in block.replace("\\\n", " ").splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def tour(readme: Path, folder: Path) -> None:
    """Run the tour in one shell in `folder`, stopping at the first command that fails."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [line for line in commands(readme.read_text()) if not line.startswith(("make ", "pip "))]
    script = "set -eo pipefail\n" + "\n".join(f"echo '$ '{shell_quoted(line)}\n{line}" for line in lines)
    subprocess.run(["bash", "-c", script], cwd=folder, check=True)


def shell_quoted(text: str) -> str:
    """Return the text as one word of a shell."""
    return "'" + text.replace("'", "'\\''") + "'"


if __name__ == "__main__":
    tour(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
