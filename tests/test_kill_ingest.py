"""The short form of kill_ingest.py."""

from __future__ import annotations

import random
from pathlib import Path

from apilens.places import place_of

from .kill_ingest import round_of_kills
from .object_store import Bucket, bucket, s3_address

__all__ = ["bucket", "s3_address"]


def test_every_line_lands_once_through_kills_and_rotations(tmp_path: Path) -> None:
    caught, _, wrong = round_of_kills(tmp_path, random.Random(3), kills=8, lines=12_000)

    assert wrong == ""
    assert caught > 0


def test_on_s3_every_line_lands_once_though_two_read_and_are_killed(tmp_path: Path, bucket: Bucket) -> None:
    place = place_of(f"{bucket.url}/store")

    caught, _, wrong = round_of_kills(tmp_path, random.Random(3), kills=1, lines=1_000, place=place)

    assert wrong == ""
    assert caught == 1
