"""Schedules, read back as cron and systemd read them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from apilens.errors import UsageError
from apilens.schedule import Job, crontab, ingest_job, systemd

HARD = ("/opt/a b/apilens", "/logs/100%/it's", '/logs/"$HOME"/\\x', "/logs/a;b#c*", "/a\\%b", "/\\\\%c d", "%", "")


def job(files: list[str], config: Path | None = None) -> Job:
    return ingest_job(["/bin/apilens"], files, config=config, store=Path(".apilens"), folder=Path("/srv"))


def of_cron(text: str) -> list[str]:
    """Return the words that cron's shell gets: a backslash before `%` goes, a bare `%` ends the command."""
    [line] = [line for line in text.splitlines() if not line.startswith("#")]
    command, escaped = "", False
    for character in line.split(maxsplit=5)[5]:
        if character == "%" and not escaped:
            break
        command = command[:-1] + character if character == "%" else command + character
        escaped = character == "\\" and not escaped
    return shlex.split(command)


def of_systemd(text: str) -> list[str]:
    """Return the words of ExecStart as systemd.service(5) has them: quotes, C escapes, `%%` and `$$`."""
    [line] = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    words = re.findall(r'"((?:[^"\\]|\\.)*)"|([^\s"]+)', line.removeprefix("ExecStart="))
    return [
        re.sub(r"\\(.)", r"\1", quoted or bare).replace("%%", "%").replace("$$", "$") for quoted, bare in words
    ]  # fmt: skip


@pytest.mark.parametrize(("made", "read"), [(crontab, of_cron), (systemd, of_systemd)])
def test_every_word_comes_back_as_it_was(made: object, read: object) -> None:
    assert callable(made) and callable(read)

    assert read(made(Job(HARD))) == list(HARD)


def test_paths_are_absolute_and_globs_stay() -> None:
    assert job(["logs/a.log*", "/var/log/b.log"], Path("apilens.yaml")).words == (
        "/bin/apilens", "ingest", "-q", "--config", "/srv/apilens.yaml", "--store", "/srv/.apilens", "--",
        "/srv/logs/a.log*", "/var/log/b.log",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["-", "a\nb", "a\x1bb"])
def test_what_no_schedule_can_have_is_a_mistake(name: str) -> None:
    with pytest.raises(UsageError):
        job([name])


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    service, timer = re.split(r"\n(?=# ~.*\.timer\n)", systemd(Job(("/bin/true", "a b"))))
    (tmp_path / "apilens-ingest.service").write_text(service)
    (tmp_path / "apilens-ingest.timer").write_text(timer)

    subprocess.run(["systemd-analyze", "verify", *tmp_path.iterdir()], check=True)
