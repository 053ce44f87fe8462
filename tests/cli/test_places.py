"""Where and as whom it runs: sudo, umask, groups, foreign and read-only stores, full disks, no HOME, no network."""

from __future__ import annotations

import grp
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

LINE = '10.0.0.{n} - acme [20/Nov/2026:10:00:00 +0000] "GET /items/{n} HTTP/1.1" 200 5 "-" "curl/8.5"\n'
ENVIRONMENT = {"APILENS_NOW": "2026-11-23T12:00:00Z", "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
APILENS = f"{sys.executable} -m apilens"
NOBODY = 65534
ROOT = Path(__file__).parents[2]

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes root to be somebody else")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that every user may enter, which pytest's own are not."""
    path = Path(tempfile.mkdtemp(prefix="apilens-places-"))
    path.chmod(0o755)
    (path / "a.log").write_text("".join(LINE.format(n=n) for n in range(100)))
    yield path
    shutil.rmtree(path, ignore_errors=True)


# Python may live where only its owner can read it: what the commands load is loaded before the user is changed.
AS_USER = """
import os, sys, tempfile
from contextlib import redirect_stdout
from io import StringIO
from apilens.cli import run

def call(line):
    sys.argv = ["apilens", *line.split()]
    return run(debug=False)

uid, gid, *lines = sys.argv[1:]
here = os.getcwd()
with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
    os.chdir(folder)
    open("w.log", "w").write(open(os.path.join(here, "a.log")).read())
    open("apilens.yaml", "w").write("tz: UTC")
    for words in ("ingest w.log", "report", "store info", "store verify", "redact scan"):
        assert call(f"{words} -q") == 0
    os.chdir(here)
os.setgroups([])
os.setgid(int(gid))
os.setuid(int(uid))
code = max(call(line) for line in lines)
sys.stdout.flush()
os._exit(code)
"""


def shell(command: str, folder: Path, **environment: str) -> tuple[int, str, str]:
    """Run a command line; return exit code, stdout and stderr."""
    return ended(["bash", "-c", re.sub(r"(?<!\.)apilens ", f"{APILENS} ", command)], folder, environment)


def as_nobody(*lines: str, folder: Path, gid: int = NOBODY, **environment: str) -> tuple[int, str, str]:
    """Run apilens as the user `nobody`, once per line; return the worst exit code, stdout and stderr."""
    return ended([sys.executable, "-c", AS_USER, str(NOBODY), str(gid), *lines], folder, environment)


def ended(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str, str]:
    base = {"APILENS_HASH_KEY": "x", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=base | ENVIRONMENT | environment, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def fine(command: str, folder: Path, **environment: str) -> str:
    code, output, errors = shell(command, folder, **environment)
    assert code == 0, errors
    return output


def modes(store: Path) -> dict[str, set[int]]:
    """Return the modes of the folders and of the files of a store."""
    items = [store, *store.rglob("*")]
    return {
        "folders": {stat.S_IMODE(item.stat().st_mode) for item in items if item.is_dir()},
        "files": {stat.S_IMODE(item.stat().st_mode) for item in items if item.is_file()},
    }


PRIVATE = {"folders": {0o700}, "files": {0o600}}
SHARED = {"folders": {0o2750}, "files": {0o640}}


@is_root
def test_sudo_makes_no_store_that_nobody_asked_for(folder: Path) -> None:
    code, _, errors = shell("apilens ingest a.log", folder, SUDO_USER="ann")

    assert code == 2
    assert "only root could read it" in errors
    assert "usermod -aG adm ann" in errors and "--store DIR" in errors
    assert not (folder / ".apilens").exists()


@is_root
def test_sudo_is_fine_where_the_store_is_named_or_there(folder: Path) -> None:
    for command in ("apilens ingest a.log -q --store s1", "APILENS_STORE=s2 apilens ingest a.log -q"):
        fine(command, folder, SUDO_USER="ann")
    fine("cp -r s1 .apilens && apilens ingest a.log -q", folder, SUDO_USER="ann")


def test_a_store_is_private_whatever_the_umask(folder: Path) -> None:
    fine("umask 000; apilens ingest a.log -q; apilens store compact -q", folder)

    assert modes(folder / ".apilens") == PRIVATE
    assert (folder / ".apilens" / ".gitignore").read_text() == "*\n"


@pytest.fixture
def shared(folder: Path) -> Path:
    """Return a folder with a store that the group `daemon` may read, written to twice, compacted and forgotten of."""
    (folder / "apilens.yaml").write_text("store: {path: data, group: daemon}\n")
    fine("umask 077; apilens ingest a.log -q", folder)
    (folder / "b.log").write_text("".join(LINE.format(n=n) for n in range(100, 200)) + "unreadable\n")
    # Without settings: the store itself says that it is shared.
    work = "ingest b.log -q", "store compact -q", "store forget --user x --yes -q"
    fine(" && ".join(f"apilens {words} --store data --config /dev/null" for words in work), folder)
    return folder


@is_root
def test_a_group_may_read_and_others_may_not(shared: Path) -> None:
    assert modes(shared / "data") == SHARED
    assert {item.stat().st_gid for item in (shared / "data").rglob("*")} == {grp.getgrnam("daemon").gr_gid}

    questions = ("report --by account --metrics requests -q", "store info -q", "store verify -q", "redact scan -q")
    code, output, errors = as_nobody(*questions, folder=shared, gid=grp.getgrnam("daemon").gr_gid)
    assert (code, errors) == (0, "")
    assert output.startswith("account\trequests\nacme\t200\n")

    code, _, errors = as_nobody("report", folder=shared)
    assert (code, "Permission denied" in errors, "Traceback" in errors) == (3, True, False)


def test_reading_needs_no_secret(folder: Path) -> None:
    fine("apilens ingest a.log -q", folder)

    for question in ("report --by account", "store info", "redact scan"):
        fine(f"apilens {question} -q", folder, APILENS_HASH_KEY="", HOME="/proc/none")


@is_root
def test_a_store_is_shared_later_and_a_killed_run_is_taken_up(folder: Path) -> None:
    fine("apilens ingest a.log -q", folder)
    (folder / ".apilens" / "events").chmod(0o2750)

    (folder / "apilens.yaml").write_text("store: {group: daemon}\n")
    fine("apilens ingest a.log -q", folder)

    assert modes(folder / ".apilens") == SHARED


def test_an_unknown_group_is_a_mistake_of_the_settings(folder: Path) -> None:
    (folder / "apilens.yaml").write_text("store: {group: no-such-group}\n")

    code, _, errors = shell("apilens ingest a.log", folder)

    assert (code, errors.splitlines()[0]) == (2, "apilens: store.group: no group `no-such-group` on this machine")


@is_root
def test_a_group_that_one_is_not_in_cannot_be_given(folder: Path) -> None:
    folder.chmod(0o777)
    (folder / "apilens.yaml").write_text("store: {group: adm}\n")

    code, _, errors = as_nobody("ingest a.log", folder=folder)

    assert code == 3
    assert "cannot be given to group `adm`" in errors and "usermod -aG adm" in errors


@is_root
def test_the_store_of_another_user_is_not_written_to(folder: Path) -> None:
    folder.chmod(0o777)
    assert as_nobody("ingest a.log -q", folder=folder)[0] == 0

    code, _, errors = shell("apilens ingest a.log", folder)

    assert code == 3
    assert "belongs to user nobody" in errors and "sudo -u nobody" in errors
    assert "acme" in fine("apilens report --by account -q", folder)
    assert {item.stat().st_uid for item in (folder / ".apilens").rglob("*")} == {NOBODY}


@is_root
def test_a_store_that_cannot_be_written_can_be_read(folder: Path) -> None:
    folder.chmod(0o777)
    assert as_nobody("ingest a.log -q", folder=folder)[0] == 0
    fine("chmod -R a-w .apilens", folder)

    code, output, _ = as_nobody("report --by account -q", "store verify -q", folder=folder)
    assert (code, "acme" in output) == (0, True)
    code, _, errors = as_nobody("ingest a.log", folder=folder)
    assert (code, "cannot be written by this user" in errors) == (3, True)


def in_mount(mount: str, commands: str, folder: Path) -> tuple[int, str, str]:
    """Run commands with something mounted where nobody else sees it. Skips where that is not allowed."""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    return shell(f"unshare -m bash -c '{mount} || exit 99; {commands}'", folder)


@is_root
def test_a_read_only_file_system_can_be_read(folder: Path) -> None:
    fine("apilens ingest a.log -q", folder)
    fine(f"echo '{LINE.format(n=7).strip()}' > b.log", folder)

    _, output, errors = in_mount(
        "mount --bind . . && mount -o remount,ro,bind . && cd .",
        f"cd {folder}; apilens report --by account --metrics requests -q; apilens ingest b.log; echo $?", folder,
    )  # fmt: skip

    assert output.splitlines() == ["account\trequests", "acme\t100", "3"], errors
    assert "cannot be written" in errors and "Traceback" not in errors


@is_root
def test_a_full_disk_is_said_and_nothing_is_lost_or_doubled(folder: Path) -> None:
    (folder / "a.log").write_text("".join(LINE.format(n=n) for n in range(60_000)))
    (folder / "disk").mkdir()

    code, output, errors = in_mount(
        "mount -t tmpfs -o size=200k none disk",
        "apilens ingest a.log --store disk/s; echo $?; mount -o remount,size=64m disk; "
        "apilens ingest a.log -q --store disk/s && apilens report --store disk/s -q --metrics requests; "
        "apilens store verify -q --store disk/s --no-header",
        folder,
    )  # fmt: skip

    assert (code, output.split()) == (0, ["3", "requests", "60000"]), errors
    assert "cannot write disk/s/events" in errors and "No space left on device" in errors
    assert "Traceback" not in errors


def test_no_environment_at_all_is_enough(folder: Path) -> None:
    command = f"XDG_CONFIG_HOME={folder}/config {sys.executable} -m apilens"
    done = subprocess.run(
        ["/usr/bin/env", "-i", f"PYTHONPATH={ROOT}", "/bin/bash", "-c",
         f"{command} ingest a.log && {command} report --by account -q"],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip

    assert (done.returncode, "acme" in done.stdout) == (0, True), done.stderr


def test_a_home_that_cannot_be_written_is_named(folder: Path) -> None:
    code, _, errors = shell("apilens ingest a.log", folder, APILENS_HASH_KEY="", HOME="/proc/none")

    assert (code, "no hash key: /proc/none" in errors, "APILENS_HASH_KEY" in errors) == (3, True, True)


COMMANDS = (
    "ingest a.log", "report --by account", "report a.log", "endpoints", "attribution", "convert a.log -o e.parquet",
    "formats", "formats detect a.log", "config show", "config schema", "store info", "store verify", "store compact",
    "redact test a.log", "redact scan", "completion bash", "store forget --account acme --yes",
)  # fmt: skip
GUARD = """
import sys
opened = []
sys.addaudithook(lambda event, arguments: opened.append(event) if event.startswith("socket.") else None)
from apilens.cli import cli
for line in sys.argv[1:]:
    cli.main(line.split(), standalone_mode=False)
    assert not opened, (line, opened)
import socket
socket.socket()
assert opened, "the guard guards nothing"
"""


def test_no_command_opens_a_socket(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", GUARD, *COMMANDS], cwd=folder, capture_output=True, text=True,
        env={"APILENS_HASH_KEY": "x", "PYTHONPATH": str(ROOT)} | ENVIRONMENT,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_no_library_below_python_opens_one_either(folder: Path) -> None:
    work = "; ".join(f"apilens {command}" for command in COMMANDS if command.startswith(("ingest", "store forget")))
    code, _, errors = shell(f"strace -f -qq -e trace=socket,connect -o calls bash -c '{work}'", folder)
    if "ptrace" in errors.lower():
        pytest.skip("tracing is not allowed here")

    # AF_UNIX is glibc asking nscd for the name of a user.
    calls = [call for call in (folder / "calls").read_text().splitlines() if "AF_UNIX" not in call]
    assert (code, [call for call in calls if "socket(" in call or "connect(" in call]) == (0, []), errors
