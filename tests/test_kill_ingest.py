"""The short form of kill_ingest.py."""

from __future__ import annotations

import random
from pathlib import Path

from .kill_ingest import round_of_kills


def test_every_line_lands_once_through_kills_and_rotations(tmp_path: Path) -> None:
    caught, _, wrong = round_of_kills(tmp_path, random.Random(3), kills=8, lines=12_000)

    assert wrong == ""
    assert caught > 0
