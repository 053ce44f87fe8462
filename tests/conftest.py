"""What all tests share: `--update-cases`, and properties that are not timed."""

from __future__ import annotations

import hypothesis
import pytest

# How long an example takes says how busy the machine is, and nothing of the code. Fifty of them, not a hundred, keep
# the whole suite within the quarter of an hour that CI may take; a property that needs more says so itself.
hypothesis.settings.register_profile("untimed", deadline=None, max_examples=50)
hypothesis.settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-cases", action="store_true", help="write what commands print now into tests/cases")
