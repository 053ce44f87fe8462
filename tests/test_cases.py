"""What a user sees: commands with their output and exit code, in tests/cases/*.toml.

`[files]` are written into an empty folder; the `[[run]]`s go one after the other in it. `[real_logs]` are linked into
it from beside the repository; where they are absent the case is skipped, for they are not ours to commit. A run with
`terminal = 80` is on a terminal so wide. `pytest --update-cases` writes what the commands print now: read the diff as
carefully as code.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from pathlib import Path

import pytest

from tests import warm
from tests.real_logs import LOGS

CASES = sorted((Path(__file__).parent / "cases").glob("*.toml"))


def environment(home: Path) -> dict[str, str]:
    return {
        "APILENS_NOW": "2026-11-23T12:00:00Z",
        "APILENS_HASH_KEY": "cases",
        "COLUMNS": "100",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    case = tomllib.loads(path.read_text())
    folder = tmp_path / "case"
    folder.mkdir()
    for name, text in case.get("files", {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name, log in case.get("real_logs", {}).items():
        if not (LOGS / log).exists():
            pytest.skip(f"the real log {log} is not here")
        (folder / name).symlink_to(LOGS / log)
    made = []
    for run in case["run"]:
        env = environment(tmp_path)
        if columns := run.get("terminal"):
            env |= {"COLUMNS": str(columns), "NO_COLOR": "1"}
        done = warm.run(run["command"], folder, env, terminal="terminal" in run)
        made.append({"stdout": steady(done.stdout), "stderr": steady(done.stderr), "exit": done.returncode})

    if request.config.getoption("--update-cases"):
        path.write_text(updated(path.read_text(), case["run"], made))
        return
    for run, output in zip(case["run"], made, strict=True):
        expected = {"stdout": run.get("stdout", ""), "stderr": run.get("stderr", ""), "exit": run.get("exit", 0)}
        assert output == expected, run["command"]


def steady(text: str) -> str:
    """Replace what differs from machine to machine: sizes of Parquet files."""
    return re.sub(r"\d+(\.\d+)? (kB|MB)\)", "N kB)", text)


def updated(text: str, runs: list[dict[str, str]], made: list[dict[str, object]]) -> str:
    """Return the case's text with its runs replaced by what they print now."""
    head = text[: text.index("[[run]]")]
    blocks = []
    for run, output in zip(runs, made, strict=True):
        lines = ["[[run]]", f"command = {literal(run['command'])}"]
        lines += [f"terminal = {run['terminal']}"] if "terminal" in run else []
        lines += [f"{name} = {literal(str(output[name]))}" for name in ("stdout", "stderr") if output[name]]
        lines += [f"exit = {output['exit']}"] if output["exit"] else []
        blocks.append("\n".join(lines) + "\n")
    return head + "\n".join(blocks)


def literal(text: str) -> str:
    """Return the text as a TOML string."""
    if "\n" not in text and "'" not in text:
        return f"'{text}'"
    if text.isprintable() and not {'"', "\\"} & set(text):
        return f'"{text}"'
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    escaped = "".join(c if c in "\n\t" or c >= " " else f"\\u{ord(c):04x}" for c in escaped)
    return f'"""\n{escaped}"""'
