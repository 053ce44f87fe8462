"""How late events may come: what the source says, else what the format is known for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from apilens.config import Settings
from apilens.freshness import Settling
from apilens.source_settings import SourceSettings
from apilens.window import complete_until

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SETTLING = Settling(
    Settings(
        sources={
            "edge": SourceSettings("/edge/{node}/*.gz"),
            "slow": SourceSettings("/slow/*.log", settle="3h"),
            "prompt": SourceSettings("/prompt/*.log", settle="0s"),
        }
    )
)


@pytest.mark.parametrize(
    ("source", "format", "name", "minutes"),
    [
        ("/edge/n1/a.gz", "cloudfront", "edge", 60),
        ("/slow/a.log", "combined", "slow", 180),
        ("/prompt/a.log", "aws_alb", "prompt", 0),
        ("/other.log", "aws_alb", None, 10),
        ("/other.log", "aws_s3", None, 60),
        ("/other.log", "combined", None, 0),
        ("/other.log", "cloudwatch:aws_alb", None, 10),
        ("stdin", "of_a_plugin_that_is_gone", None, 0),
    ],
)
def test_the_source_says_how_late_events_come_else_the_format(
    source: str, format: str, name: str | None, minutes: int
) -> None:
    assert SETTLING.of(source, format) == (name, timedelta(minutes=minutes))


def test_everything_is_complete_when_the_slowest_log_is() -> None:
    logs = [("/other.log", "combined"), ("/slow/a.log", "combined"), ("/edge/n/a.gz", "cloudfront")]

    assert SETTLING.complete_until(logs, NOW) == NOW - timedelta(hours=3)
    assert complete_until(NOW, []) == NOW
