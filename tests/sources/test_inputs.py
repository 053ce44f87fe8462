"""Which files a path, directory or glob means, and what is said of those that cannot be read."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from apilens.sources.inputs import expand


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(path: str, text: str = "x\n", modified: int | None = None) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    if modified is not None:
        os.utime(path, (modified, modified))


def names(*inputs: str) -> list[str]:
    sources, errors = expand(inputs)
    assert errors == []
    return [source.name for source in sources]


def messages(*inputs: str) -> list[str]:
    return [error.message for error in expand(inputs)[1]]


def test_named_file_is_named_and_has_its_size(folder: Path) -> None:
    make("a.log", "four")

    (source,), errors = expand(["a.log"])

    assert (source.name, source.path, source.named, source.size, errors) == ("a.log", Path("a.log"), True, 4, [])


def test_named_files_keep_their_order(folder: Path) -> None:
    make("a.log", modified=1)
    make("b.log", modified=2)

    assert names("b.log", "a.log") == ["b.log", "a.log"]


def test_glob_gives_rotated_files_oldest_first(folder: Path) -> None:
    make("access.log", modified=30)
    make("access.log.1", modified=20)
    make("access.log.2.gz", modified=10)

    assert names("access.log*") == ["access.log.2.gz", "access.log.1", "access.log"]
    assert not any(source.named for source in expand(["access.log*"])[0])


def test_files_of_one_age_come_by_name(folder: Path) -> None:
    for name in "cab":
        make(f"{name}.log", modified=5)

    assert names("*.log") == ["a.log", "b.log", "c.log"]


def test_name_with_brackets_is_that_file_and_no_glob(folder: Path) -> None:
    make("a[1].log")
    make("a1.log")

    assert names("a[1].log") == ["a[1].log"]


def test_brackets_are_a_glob_where_no_such_file_exists(folder: Path) -> None:
    make("a1.log")
    make("a2.log")

    assert names("a[1].log") == ["a1.log"]


def test_directory_gives_all_below_but_hidden_files(folder: Path) -> None:
    make("logs/new.log", modified=2)
    make("logs/deep/er/old.log", modified=1)
    make("logs/.hidden")
    make("logs/.git/config")

    assert names("logs") == ["logs/deep/er/old.log", "logs/new.log"]


def test_two_stars_go_down_directories(folder: Path) -> None:
    make("logs/a.log", modified=1)
    make("logs/x/y/b.log", modified=2)
    make("logs/x/y/c.txt")
    make("logs/.x/d.log")

    assert names("logs/**/*.log") == ["logs/a.log", "logs/x/y/b.log"]
    assert names(f"{folder}/logs/**/b**.log") == [f"{folder}/logs/x/y/b.log"]


def test_two_stars_work_below_a_hidden_or_parent_directory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(".logs/x/a.log")
    make("work/b.log")

    assert names(".logs/**/*.log") == [".logs/x/a.log"]
    monkeypatch.chdir("work")
    assert names("../work/**/*.log") == ["../work/b.log"]


def test_loops_of_links_end(folder: Path) -> None:
    make("logs/a.log")
    Path("logs/loop").symlink_to(".")
    Path("logs/loop2").symlink_to(".")

    assert names("logs") == ["logs/a.log"]
    assert names("logs/**/*.log") == ["logs/a.log"]
    assert names("logs/*") == ["logs/a.log"]


def test_link_to_itself_is_an_error(folder: Path) -> None:
    Path("me").symlink_to("me")

    assert messages("me") == ["me: too many levels of symbolic links"]


def test_one_file_comes_once_under_whatever_name(folder: Path) -> None:
    make("logs/a.log")
    Path("logs/current").symlink_to("a.log")
    Path("logs/again").hardlink_to("logs/a.log")

    assert names("logs/current", "logs/a.log", "logs", "logs/*", "./logs/a.log") == ["logs/current"]


def test_linked_directory_is_followed_when_named(folder: Path) -> None:
    make("real/a.log")
    Path("link").symlink_to("real")

    assert names("link") == ["link/a.log"]


def test_dash_is_stdin_once(folder: Path) -> None:
    sources, errors = expand(["-", "/dev/stdin", "-"])

    assert [(source.name, source.path, source.size) for source in sources] == [("stdin", None, None)]
    assert errors == []


def test_bad_inputs_are_one_error_each_and_the_others_go_on(folder: Path) -> None:
    make("good.log")
    Path("broken").symlink_to("gone")
    Path("empty").mkdir()

    sources, errors = expand(
        ["absent.log", "broken", "/dev/zero", "no*.such", "empty", "", "a\0b", "\ud800", "good.log"]
    )

    assert [source.name for source in sources] == ["good.log"]
    assert [error.message for error in errors] == [
        "absent.log: no such file",
        "broken: a symbolic link to nothing",
        "/dev/zero: a device, not a log",
        "no*.such: no file matches",
        "empty: no files in this directory",
        "'': not a file name",
        "'a\\x00b': not a file name",
        "'\\ud800': not a file name",
    ]


def test_over_long_names_are_errors(folder: Path) -> None:
    assert messages("x" * 5000, "y" * 300 + "*") == [
        "x" * 5000 + ": file name too long",
        "y" * 300 + "*: no file matches",
    ]


def test_fifo_is_read_only_when_named(folder: Path) -> None:
    os.mkfifo("logs.fifo")

    (source,), _ = expand(["logs.fifo"])
    assert (source.size, source.path) == (None, Path("logs.fifo"))
    assert messages("*.fifo") == ["logs.fifo: a FIFO: name it to read it"]


def test_socket_is_an_error(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("s")

        assert messages("s") == ["s: a socket, not a log"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_denied_file_and_directory_are_errors(folder: Path) -> None:
    make("denied.log")
    Path("denied.log").chmod(0)
    make("closed/a.log")
    Path("closed").chmod(0)

    try:
        assert messages("denied.log", "closed", "closed/a.log") == [
            "denied.log: permission denied",
            "closed: permission denied",
            "closed/a.log: permission denied",
        ]
    finally:
        Path("closed").chmod(0o700)


@pytest.mark.parametrize("name", ["-x.log", "new\nline.log", "\x1b]0;x.log", "ü.log"])
def test_strange_names_are_taken_literally(folder: Path, name: str) -> None:
    make(name)

    assert names(name) == [name]


def test_name_that_is_no_utf8_is_shown_escaped_and_still_opens(folder: Path) -> None:
    raw = os.fsdecode(b"a\xff.log")
    make(raw)

    (source,), _ = expand([raw])
    assert source.name == "a\\xff.log"
    assert source.path is not None and source.path.read_text() == "x\n"
    assert messages(os.fsdecode(b"b\xff")) == ["b\\xff: no such file"]
