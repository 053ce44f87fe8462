"""What README shows is what a reader gets."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .readme_tour import outputs, steps

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_tour_prints_what_readme_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    tour = steps(README.read_text())
    made = outputs([command for command, _ in tour], tmp_path / "tour")

    assert len(tour) > 5
    shown = [(command, output) for command, output in tour if output]
    assert shown == [(command, output) for (command, old), output in zip(tour, made, strict=True) if old]


def test_readme_names_the_two_commands_that_set_everything_up() -> None:
    text = README.read_text()

    assert "make demo" in text and "make test" in text
