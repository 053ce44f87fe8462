"""Files that appear when they are whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from apilens.outfile import whole_file


def test_a_durable_file_is_flushed_before_it_is_seen_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.prom"
    done: list[tuple[str, bool]] = []
    fsync = os.fsync

    def noted(fd: int) -> None:
        done.append((Path(f"/proc/self/fd/{fd}").readlink().name, path.exists()))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", noted)
    with whole_file(path, durable=True) as place:
        place.write_text("whole")
        assert not place.name.endswith(".prom") and place.parent == tmp_path

    assert done == [(f".a.prom.{os.getpid()}", False), (tmp_path.name, True)]
    assert path.read_text() == "whole"


def test_what_is_there_stays_where_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.prom"
    path.write_text("old")

    with pytest.raises(OSError, match="full"), whole_file(path, durable=True) as place:
        place.write_text("half")
        raise OSError("the disk is full")

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
