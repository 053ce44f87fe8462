"""apilens config: what is in force, where it comes from, and the schema of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from apilens.cli.config import config


def run(*words: str) -> str:
    done = CliRunner().invoke(config, list(words), catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_each_setting_is_shown_with_its_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APILENS_STORE", "/somewhere")
    Path("apilens.yaml").write_text('# ours\ntz: Europe/Oslo\nendpoints: ["/genre/{name}"]\n')
    shown = {line.split()[0]: line.split()[1:] for line in run("show", "--origin").splitlines()}
    assert shown["tz"] == ["apilens.yaml:2", '"Europe/Oslo"']
    assert shown["endpoints"] == ["apilens.yaml:3", '["/genre/{name}"]']
    assert shown["store"] == ["env", "APILENS_STORE", '"/somewhere"']
    assert shown["client_ip"] == ["default", '"keep"']
    assert 'tz: "Europe/Oslo"' in run("show").splitlines()


def test_the_schema_knows_every_setting() -> None:
    schema = json.loads(run("schema"))
    assert {"account", "openapi", "endpoints", "errors"} <= set(schema["$defs"]["Settings"]["properties"])
    assert schema["$defs"]["Settings"]["additionalProperties"] is False
