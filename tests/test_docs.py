"""The worked examples of docs/*.md print what they say.

A fenced block whose info names a file (```` ```yaml apilens.yaml ````) is that file; in a `console` block a line that
begins with `$ ` is a command and what follows it its stdout. Each `##` section is a folder of its own.
`pytest --update-cases` writes the outputs.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import warm
from tests.test_cases import environment

DOCS = Path(__file__).parent.parent / "docs"
PAGES = [path for path in sorted(DOCS.glob("*.md")) if "```console" in path.read_text()]
_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_print_what_they_say(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    text = page.read_text()
    sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)

    made = "".join(run_again(section, tmp_path / str(at)) for at, section in enumerate(sections))

    if request.config.getoption("--update-cases"):
        page.write_text(made)
    else:
        assert made == text


def run_again(section: str, folder: Path) -> str:
    """Return the section with the outputs that its commands have now."""
    folder.mkdir()

    def block(found: re.Match[str]) -> str:
        language, name, body = found.groups()
        if name:
            (folder / name).write_text(body)
        if language != "console":
            return found[0]
        commands = re.findall(r"^\$ (.*)$", body, flags=re.MULTILINE)
        return "```console\n" + "".join(f"$ {command}\n{output(command, folder)}" for command in commands) + "```"

    return _BLOCK.sub(block, section)


def output(command: str, folder: Path) -> str:
    done = warm.run(command, folder, environment(folder / "home"))
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout
