"""What all tests share: `--update-cases`, and properties that are not timed."""

from __future__ import annotations

import hypothesis
import pytest

# How long an example takes says how busy the machine is, and nothing of the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-cases", action="store_true", help="write what commands print now into tests/cases")
