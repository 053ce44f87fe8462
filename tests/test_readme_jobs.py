"""The crontab line and the job of GitHub Actions in README do what they say, as printed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.test_cases import environment

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS: dict[str, str] = dict(re.findall(r"^```(\S+(?: \S+)?)\n(.*?)^```", README, re.DOTALL | re.MULTILINE))
LINE = '10.0.0.1 - acme [23/Nov/2026:11:{minute:02}:00 +0000] "GET /a HTTP/1.1" {status} 5 "-" "curl/8"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the rules of README, and a log in which acme got 401 a hundred times within an hour."""
    (tmp_path / "rules.yaml").write_text(BLOCKS["yaml rules.yaml"])
    (tmp_path / "access.log").write_text("".join(LINE.format(minute=at % 60, status=401) for at in range(100)))
    return tmp_path


def run(command: str, folder: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment(folder / "home"), capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def test_the_crontab_line_tells_of_what_fires(folder: Path) -> None:
    line = BLOCKS["crontab"].strip()
    times, command = line[: len("*/5 * * * *")], line[len("*/5 * * * *") :]
    command = command.replace("/var/log/nginx", str(folder))

    code, said, warned = run(command, folder)

    assert times == "*/5 * * * *"
    assert (code, warned) == (1, "")
    assert said.split()[:4] == ["FAIL", "critical", "expired-tokens", "acme"]


def test_the_crontab_line_is_silent_when_all_is_well(folder: Path) -> None:
    command = BLOCKS["crontab"].strip()[len("*/5 * * * *") :].replace("/var/log/nginx", str(folder))
    (folder / "access.log").write_text("".join(LINE.format(minute=at % 60, status=200) for at in range(100)))

    assert run(command, folder) == (0, "", "")


def test_the_job_fails_with_an_annotation_where_a_rule_fires(folder: Path) -> None:
    [job] = yaml.safe_load(BLOCKS["yaml .github/workflows/apilens.yml"])["jobs"].values()
    install, lint, check = (step["run"] for step in job["steps"] if "run" in step)

    assert install == "pip install apilens-cli"
    assert run(lint, folder)[0] == 0
    code, said, _ = run(check, folder)
    assert code == 1
    assert said.startswith("::error file=rules.yaml,line=2,title=expired-tokens%3A acme")

    (folder / "access.log").write_text("".join(LINE.format(minute=at % 60, status=200) for at in range(100)))
    assert run(check, folder)[0] == 0
