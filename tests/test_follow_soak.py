"""The short form of follow_soak.py."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from .follow_soak import soak


@pytest.mark.parametrize("pipe", [False, True])
def test_every_line_lands_once_while_it_is_followed(tmp_path: Path, pipe: bool) -> None:
    made = soak(tmp_path, seconds=3, rate=800, rotate_s=1.5, compact_s=2, rng=random.Random(4), pipe=pipe)

    assert (made.wrong, made.exit) == ("", 0)
    assert made.left == 0
    assert made.messages.rstrip("\n").split("\n")[-1].startswith(f"{made.lines:,} read = ")
