"""The process as a shell, cron and a pipe see it: exit codes, streams, signals, what is imported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LINE = '10.0.0.1 - acme [20/Nov/2026:10:00:00 +0000] "GET /items/{n} HTTP/1.1" 200 5 "-" "curl/8.5"\n'
ENVIRONMENT = {
    "APILENS_NOW": "2026-11-23T12:00:00Z",
    "APILENS_HASH_KEY": "x",
    "PATH": os.environ["PATH"],
    "LC_ALL": "C.UTF-8",
}
APILENS = f"{sys.executable} -m apilens"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_text("".join(LINE.format(n=n) for n in range(2000)))
    return path


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=ENVIRONMENT | environment, capture_output=True, text=True, timeout=60
    )


def modules_after(command: str, folder: Path) -> set[str]:
    """Run a command line and return the names of the modules that it loaded."""
    code = (
        "import os, sys\n"
        "from apilens.cli import run\n"
        f"sys.argv = {['apilens', *command.split()]!r}\n"
        "run(debug=False)\n"
        "print('LOADED', *sorted(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=60
    )
    return set(done.stdout.rpartition("LOADED")[2].split())


def test_help_loads_click_and_nothing_heavy(tmp_path: Path) -> None:
    loaded = modules_after("--help", tmp_path)

    assert "click" in loaded
    assert not loaded & {"polars", "rich", "msgspec", "yaml", "deltalake", "narwhals", "sqlglot", "pyarrow"}


@pytest.mark.parametrize("command", ["ingest access.log", "report --by account", "report access.log --by account -q"])
def test_plain_commands_load_neither_pyarrow_nor_numpy_nor_rich(log: Path, command: str) -> None:
    shell(f"{APILENS} ingest access.log", log.parent)

    assert not modules_after(command, log.parent) & {"pyarrow", "numpy", "pandas", "rich", "sqlglot"}


def test_a_report_on_a_store_does_not_load_the_formats(log: Path) -> None:
    shell(f"{APILENS} ingest access.log", log.parent)

    loaded = modules_after("report --by account", log.parent)

    assert "apilens.query" in loaded
    assert not loaded & {"apilens.formats", "apilens.enrich", "apilens.sources"}


@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_a_closed_pipe_is_silent_and_fine(log: Path, reader: str) -> None:
    done = shell(f'{APILENS} report {log} --by path --limit all -q | {reader}; echo "${{PIPESTATUS[0]}}"', log.parent)

    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


def test_a_closed_stdout_is_no_crash(log: Path) -> None:
    assert shell(f"{APILENS} report {log} --by account -q >&-", log.parent).returncode == 0


def test_a_full_disk_is_said_in_a_line(log: Path) -> None:
    done = shell(f"{APILENS} report {log} --by account -q > /dev/full", log.parent)

    assert (done.returncode, done.stderr) == (3, "apilens: cannot write output: No space left on device\n")


def test_an_ascii_terminal_gets_escapes_not_tracebacks(log: Path) -> None:
    log.write_text(LINE.format(n="é").replace("acme", "Zoë"), encoding="utf-8")

    done = shell(f"{APILENS} report {log} --by account -f table -q", log.parent, LC_ALL="C", PYTHONIOENCODING="ascii")

    assert done.returncode == 0
    assert done.stdout.isascii() and "Zo\\xeb" in done.stdout


def test_no_home_and_no_environment_is_enough(log: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "apilens", "report", str(log), "--by", "account"],
        env={"XDG_CONFIG_HOME": str(log.parent / "config")}, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_ends_ingest_at_once_with_a_line_and_its_code(tmp_path: Path, number: int, code: int) -> None:
    big = tmp_path / "big.log"
    big.write_text("".join(LINE.format(n=n) for n in range(600_000)))
    child = subprocess.Popen(
        [sys.executable, "-m", "apilens", "ingest", "big.log"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
    )
    lock = tmp_path / ".apilens" / "lock"
    while not lock.exists():
        time.sleep(0.02)
    time.sleep(0.3)
    child.send_signal(number)
    _, words = child.communicate(timeout=20)

    assert child.returncode == code, words
    assert words.strip().startswith(("apilens: interrupted", "apilens: stopped by")) and "Traceback" not in words
    again = shell(f"{APILENS} ingest big.log && {APILENS} report -q --metrics requests", tmp_path)
    assert again.stdout.split() == ["requests", "600000"]


def test_a_bug_is_said_in_a_line_and_shown_with_debug(log: Path) -> None:
    broken = (
        "import sys; from apilens import cli, reading\n"
        "def fail(*a, **k): raise ZeroDivisionError('boom')\n"
        "reading.reading = fail\n"
        "sys.argv = ['apilens', 'report', 'x', *sys.argv[1:]]\n"
        "cli.main()\n"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", broken, *arguments], env=ENVIRONMENT, capture_output=True, text=True
        )

    short, long = run(), run("--debug")
    assert (short.returncode, long.returncode) == (70, 70)
    assert "internal error: ZeroDivisionError: boom" in short.stderr
    assert "Traceback" not in short.stderr and "Traceback" in long.stderr


def test_a_panic_of_polars_is_a_bug_not_a_traceback() -> None:
    broken = (
        "import sys, polars; from apilens import cli, reading\n"
        "def fail(*a, **k): raise polars.exceptions.PanicException('boom')\n"
        "reading.reading = fail\n"
        "sys.argv = ['apilens', 'report', 'x']\n"
        "cli.main()\n"
    )

    done = subprocess.run([sys.executable, "-c", broken], env=ENVIRONMENT, capture_output=True, text=True)

    assert done.returncode == 70
    assert done.stderr.splitlines()[0] == "apilens: internal error: PanicException: boom"


def test_debug_changes_no_exit_code(log: Path) -> None:
    for command, code in (("report --debug nofile.log", 3), ("report --debug access.log --limit none", 2)):
        done = shell(f"{APILENS} {command}", log.parent)
        assert (done.returncode, "Traceback" in done.stderr) == (code, True), command


@pytest.mark.parametrize("stderr", ["2>/dev/full", "2>&-", "2> >(true)"])
def test_a_stderr_that_nobody_reads_keeps_no_answer_back(log: Path, stderr: str) -> None:
    done = shell(f"{APILENS} report {log} --by account --metrics requests > out {stderr}", log.parent)

    assert done.returncode == 0
    assert (log.parent / "out").read_text() == "account\trequests\nacme\t2000\n"


def test_quiet_may_stand_before_the_command(log: Path) -> None:
    done = shell(f"{APILENS} -q report {log} --by account --metrics requests", log.parent)

    assert (done.stdout, done.stderr) == ("account\trequests\nacme\t2000\n", "")


def test_a_hostile_argument_is_named_harmlessly(tmp_path: Path) -> None:
    for command in ("report $'--\\e[31mx'", "report $'\\e]52;c;x\\a'", "$'\\e[31mx'", "report --store $'\\e[31mx'"):
        done = shell(f"{APILENS} {command}", tmp_path)
        assert done.returncode in (2, 3) and "\x1b" not in done.stderr and "\\x1b" in done.stderr, command


def test_a_busy_store_is_75(log: Path) -> None:
    command = f"{APILENS} ingest access.log -q; exec 9>>.apilens/lock; flock 9; {APILENS} ingest access.log --wait 1s"

    done = shell(command, log.parent)

    assert done.returncode == 75
    assert "is being written by process" in done.stderr
