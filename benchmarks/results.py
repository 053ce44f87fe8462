"""RESULTS.md: sections that are written one at a time, each in the place of the one before it."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"
_PACKAGES = ("polars", "duckdb", "deltalake", "narwhals", "chdb")


def conditions(load: float, times: int) -> str:
    """Return what was measured on: machine, day, load (as it was at the start), versions, runs."""
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"{os.cpu_count()} cores, {datetime.now(UTC):%Y-%m-%d}, load {load:.1f} at the start; "
        f"Python {platform.python_version()}, {versions}. Medians of {times} runs in turn, whole processes."
    )


def write_section(name: str, title: str, lines: Sequence[str]) -> None:
    """Put a section into RESULTS.md in the place of the one that was written under this name, else at the end."""
    mark = f"<!-- {name} -->"
    head, *sections = RESULTS.read_text().rstrip("\n").split("\n\n## ")
    places = [place for place, text in enumerate(sections) if mark in text.partition("\n")[0]]
    at = places[0] if places else len(sections)
    sections[at : at + 1] = ["\n".join([f"{title} {mark}", "", *lines])]
    RESULTS.write_text("\n\n## ".join([head, *sections]) + "\n")
