"""Where a result goes: whole files, the same bytes as on stdout, pipes and devices left in place."""

from __future__ import annotations

import os
import pty
import stat
import subprocess
import sys
import threading
from pathlib import Path

import polars as pl
import pytest

from apilens.cli.output import show
from apilens.errors import InputError, UsageError
from apilens.result import Field, Result, Table

ROWS = pl.DataFrame({"account": ["acme", None, "é"], "error_rate": [0.5, 0.25, 1.0]})
RESULT = Result("report", "Title", (Table("report", (Field("account"), Field("error_rate", "ratio", "lower")), ROWS),))


def write(output: str | None = None, *, kind: str | None = None, color: str = "auto") -> None:
    show(RESULT, kind=kind, output=output, no_header=False, csv_raw=False, color=color)


@pytest.mark.parametrize("kind", ["table", "json", "jsonl", "csv", "tsv", "markdown", "parquet"])
def test_a_file_has_the_bytes_of_stdout(kind: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    write(str(tmp_path / "out"), kind=kind)
    write(kind=kind)

    assert (tmp_path / "out").read_bytes() == capfdbinary.readouterr().out != b""


def test_nothing_is_left_beside_a_file_and_its_mode_is_the_umask_s(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(str(tmp_path / "out.csv"))
    finally:
        os.umask(before)

    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o640


def test_a_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to("real.csv")

    write(str(tmp_path / "link.csv"))

    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("account,error_rate")


def test_a_named_pipe_is_written_to_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "pipe.tsv"
    os.mkfifo(path)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()

    write(str(path))
    reader.join(timeout=10)

    assert stat.S_ISFIFO(path.stat().st_mode)
    assert read[0].startswith(b"account\terror_rate\n")


# No real device is ever named here: code that replaced it would, run as root, break the machine.
@pytest.mark.parametrize(("output", "words"), [("missing/out.csv", "No such file or directory"), (".", "directory")])
def test_a_file_that_cannot_be_written_is_said(
    output: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InputError, match=words):
        write(output, kind="csv")


def test_a_file_without_a_telling_suffix_needs_a_format(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="its suffix says no format"):
        write(str(tmp_path / "out"))


def test_colour_that_was_asked_for_goes_into_a_pipe_too(capfd: pytest.CaptureFixture[str]) -> None:
    write(kind="table", color="always")
    write(kind="table")

    colored, plain = capfd.readouterr().out.split("account")[1:]
    assert "\x1b[31m" in colored and "\x1b" not in plain


def test_a_terminal_gets_a_table_but_never_parquet(monkeypatch: pytest.MonkeyPatch) -> None:
    primary, secondary = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with open(secondary, "w") as terminal:  # noqa: PTH123 - a descriptor, not a path
        monkeypatch.setattr("sys.stdout", terminal)
        with pytest.raises(UsageError, match="nothing for a terminal"):
            write(kind="parquet")
        write()
    made = os.read(primary, 65536).decode()
    os.close(primary)

    assert "50.0 %" in made and "(unattributed)" in made and "\x1b[31m" in made


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_convert_keeps_links_and_pipes(suffix: str, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text('203.0.113.9 - - [20/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5\n')
    link, pipe = tmp_path / f"link.{suffix}", tmp_path / f"pipe.{suffix}"
    link.symlink_to(f"real.{suffix}")
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()

    for output in (link, pipe):
        command = [sys.executable, "-m", "apilens", "convert", log, "-o", output, "--columns", "status,line"]
        subprocess.run(command, check=True, capture_output=True)
    reader.join(10)

    assert link.is_symlink() and stat.S_ISFIFO(pipe.stat().st_mode)
    assert read == [(tmp_path / f"real.{suffix}").read_bytes()] != [b""]
    assert len(list(tmp_path.iterdir())) == 4
