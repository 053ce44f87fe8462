"""A log that may not be read: whose it is, and the command that mends it; the other logs go on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from apilens.sources import expand, permission


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Be a user who may read what everybody may; root, as whom tests often run, may read everything."""

    def access(path: str | Path, mode: int, **options: object) -> bool:
        wanted = 0o001 if mode == os.X_OK else 0o004
        return not Path(path).is_relative_to(tmp_path) or bool(Path(path).stat().st_mode & wanted)

    monkeypatch.setattr(os, "access", access)
    monkeypatch.setattr(permission, "_user", lambda number: "deploy" if number == os.geteuid() else "root")
    monkeypatch.setattr(permission, "_group", lambda number: "adm")


def test_a_log_of_a_group_names_the_group(tmp_path: Path, nobody: None) -> None:
    log, other = tmp_path / "access.log", tmp_path / "other.log"
    log.write_text("x\n")
    other.write_text("y\n")
    log.chmod(0o640)
    tmp_path.chmod(0o755)

    sources, errors = expand([str(log), str(other)])

    assert [source.path for source in sources] == [other]
    assert errors[0].message == f"{log}: permission denied: it belongs to deploy:adm, mode 0640, and this is deploy"
    assert errors[0].hint == "sudo usermod -aG adm deploy, then log in again"


def test_a_log_of_its_owner_alone_needs_an_acl(tmp_path: Path, nobody: None) -> None:
    log = tmp_path / "my access.log"
    log.write_text("x\n")
    log.chmod(0o600)
    tmp_path.chmod(0o755)

    assert expand([str(log)])[1][0].hint == f"sudo setfacl -m u:deploy:r '{log}'"


def test_a_folder_on_the_way_is_named(tmp_path: Path, nobody: None) -> None:
    log = tmp_path / "logs" / "access.log"
    log.parent.mkdir()
    log.write_text("x\n")
    log.chmod(0o644)
    tmp_path.chmod(0o755)
    log.parent.chmod(0o700)

    error = permission.denied(str(log), str(log))

    assert f"the folder {log.parent} belongs to deploy:adm, mode 0700" in error.message
    assert error.hint == f"sudo setfacl -m u:deploy:rx {log.parent}"
