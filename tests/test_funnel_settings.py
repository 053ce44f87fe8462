"""Funnels in apilens.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from apilens.config import load
from apilens.errors import ConfigError
from apilens.funnel_settings import FunnelSettings


def test_a_funnel_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "apilens.yaml"
    path.write_text(
        """
columns: {input_tokens: {from: a.b, type: int}}
funnels:
  short: {steps: [signed_in]}
  long:
    steps: [account.created_at, "POST /a AS b", input_tokens > 100, "account.plan = 'pro'"]
    within: 1h30m
    unit: user
    order: strict
    entry: any
    count: attempts
    ties: either
    exclude: [status >= 500]
    exclusion: remove
    hold: [sdk, endpoint]
"""
    )

    found = load(path).funnels

    assert found["short"] == FunnelSettings(steps=("signed_in",))
    assert found["long"] == FunnelSettings(
        steps=("account.created_at", "POST /a AS b", "input_tokens > 100", "account.plan = 'pro'"), within="1h30m",
        unit="user", order="strict", entry="any", count="attempts", ties="either", exclude=("status >= 500",),
        exclusion="remove", hold=("sdk", "endpoint"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "text,mistake",
    [
        ("{}", "funnels.f: `steps` is missing"),
        ("{steps: []}", "funnels.f.steps: a funnel needs a step"),
        ("{steps: ['']}", "funnels.f.steps[0]: `` is no step"),
        ("{steps: [0+ calls]}", "funnels.f.steps[0]: step `0+ calls`: a count is from 1"),
        ("{steps: [input_tokns > 1]}", "funnels.f.steps[0]: unknown column `input_tokns`"),
        ("{steps: [a], exclude: [statsu = 1]}", "funnels.f.exclude[0]: unknown column `statsu`"),
        ("{steps: [a], within: later}", "funnels.f.within: `later` is no duration"),
        ("{steps: [a], hold: [a, b, c, d]}", "funnels.f.hold: holds 3 columns constant at most"),
        ("{steps: [a], order: sequential}", "funnels.f.order: expected one of ordered, strict, any"),
        ("{steps: [a], windw: 7d}", "funnels.f.windw: unknown key"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, mistake: str) -> None:
    path = tmp_path / "apilens.yaml"
    path.write_text(f"funnels:\n  f: {text}\n")

    with pytest.raises(ConfigError) as caught:
        load(path)

    assert f"apilens.yaml:2: {mistake}" in caught.value.message
