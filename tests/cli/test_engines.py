"""Every command about events takes --engine, and says the same on both: a new one without it fails here."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from apilens.cli import cli
from apilens.cli.commands import COMMANDS
from apilens.engine import ENGINES

NOW = "2026-11-23T12:00:00Z"

# Command → what is asked of it, at least once each.
ASKED: dict[str, tuple[str, ...]] = {
    "today": ("",),
    "report": (
        "",
        "--by account.plan,endpoint.documented --metrics requests,endpoints,users,p95_ms,retries,sessions,volume_cv",
        "--by account.plan --metrics endpoints,top_endpoint_share",
        "--by account,status --where input_tokens>10 --compare previous --since 2d",
        "--by account.plan --every 1d",
        "--by account --metrics cost,requests --having cost>2 --where cost>0.5",
        "--by sdk --cohort busy",
    ),
    "accounts": ("",),
    "account": ("initech",),
    "concentration": ("",),
    "heatmap": ("", "--rows account.plan --cols status_class"),
    "outliers": ("", "--metric cost,p95(cost)", "--suggest-limits --plan account.plan"),
    "events": ("--limit 30",),
    "latency": ("",),
    "compare": ("2026-11-20..2026-11-21 2026-11-21..2026-11-22 --by account.plan",),
    "sessions": ("",),
    "workflows": ("",),
    "endpoints": ("", "--unused"),
    "attribution": ("",),
    "onboarding": ("",),
    "funnel": ("onboarding", "ai"),
    "retention": ("--every 1d", "--unit user --unbounded --every 1w"),
    "cohorts": ("",),
    "cohorts show": ("busy",),
    "cohorts diff": ("",),
    "deprecated": ("",),
    "safe-to-remove": ("/v1/*",),
    "webhooks": ("",),
    "export prometheus": ("--since 7d --by account.plan --output -",),
}

# Commands that read no events through the query layer, and why.
OTHERS: dict[str, str] = {
    "demo": "makes logs",
    "init": "looks at logs that no store holds yet",
    "ingest": "writes",
    "formats": "looks at single lines",
    "formats detect": "looks at single lines",
    "convert": "writes the events of logs as they are parsed",
    "cron": "prints settings of other programs",
    "mark": "writes a name and a moment",
    "sql": "runs text as Polars' SQL; DuckDB users read the Parquet files themselves",
    "check": "compares the same windows run after run, and remembers: one engine",
    "alerts": "reads what check remembers",
    "rules": "judges as check does",
    "notify": "sends a message",
    "store": "reads files and counts of the store",
    "config": "reads settings",
    "doctor": "looks at settings and samples",
    "redact": "looks at text of logs and columns",
    "key-id": "hashes what is on stdin",
    "completion": "prints a script",
}

SETTINGS = """
accounts: accounts.csv
openapi: [api.yaml]
cost: input_tokens * 0.000003 + coalesce(duration_ms, 0) / response_bytes - -1
cohorts:
  busy: {when: "requests > 20 AND account.plan != 'free'", over: 7d}
"""

API = """
openapi: 3.0.0
info: {title: API, version: '1'}
paths:
  /v1/users: {get: {deprecated: true, responses: {}}}
  /v2/profile: {get: {responses: {}}}
  /v2/nobody: {get: {responses: {}}}
"""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Give every command with its name, those of groups too; a group that does something by itself is one."""
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {own}", found) for own, found in command.commands.items())


def is_other(name: str) -> bool:
    return name in OTHERS or name.split()[0] in OTHERS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small demo with a store, plans of accounts and a description of its API."""
    place = tmp_path_factory.mktemp("demo")
    run(place.parent, "demo", str(place), "--events", "4000", "--days", "8")
    shutil.rmtree(place / ".apilens")
    (place / "accounts.csv").write_text("id,plan\ninitech,pro\nacme,free\nglobex,pro\n")
    (place / "api.yaml").write_text(API)
    with (place / "apilens.yaml").open("a") as settings:
        settings.write(SETTINGS)
    logs = sorted(path.name for path in place.glob("*.log*"))
    run(place, "ingest", *logs, "events.jsonl", "--now", NOW)
    return place


def run(folder: Path, *words: str) -> str:
    """Return what a command writes that is run in a folder; 1 is the exit code of an answer, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = CliRunner().invoke(cli, words)
    assert done.exit_code in (0, 1) and not isinstance(done.exception, Exception), (words, done.output, done.exception)
    return done.stdout


def said(folder: Path, command: str, words: str, engine: str) -> Any:
    """Return what a command says on an engine: its JSON, or the lines that it writes for Prometheus."""
    json_only = [] if command.startswith("export ") else ["--format", "json"]
    text = run(folder, *command.split(), *words.split(), *json_only, "--engine", engine, "--now", NOW)
    assert text, (command, words)
    return json.loads(text) if json_only else text.splitlines()


def assert_alike(ours: Any, theirs: Any, place: str) -> None:
    """Whole numbers and texts are the same, others to 9 digits, or the 6 places that answers have."""
    if isinstance(ours, float) and isinstance(theirs, float):
        assert math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-6), (place, ours, theirs)
        return
    assert type(ours) is type(theirs), (place, ours, theirs)
    if isinstance(ours, dict):
        assert list(ours) == list(theirs), place
        for key, value in ours.items():
            assert_alike(value, theirs[key], f"{place}.{key}")
    elif isinstance(ours, list):
        assert len(ours) == len(theirs), (place, ours, theirs)
        for at, pair in enumerate(zip(ours, theirs, strict=True)):
            assert_alike(*pair, f"{place}[{at}]")
    else:
        assert ours == theirs, place


def test_every_command_takes_the_engine_or_says_why_not() -> None:
    known = dict(commands())

    assert sorted(name for name in known if not is_other(name)) == sorted(ASKED)
    for name, command in known.items():
        takes = any("--engine" in option.opts for option in command.params)
        assert takes != is_other(name), name


@pytest.mark.parametrize(("command", "words"), [(name, words) for name, asked in ASKED.items() for words in asked])
def test_both_engines_say_the_same(folder: Path, tmp_path: Path, command: str, words: str) -> None:
    # Some commands remember what they said: each engine has a folder of its own.
    places = {engine: shutil.copytree(folder, tmp_path / engine) for engine in ENGINES}

    ours, theirs = (said(place, command, words, engine) for engine, place in places.items())

    assert_alike(ours, theirs, command)
