"""--cohort on every command that filters events: a command is tested before anyone writes a test for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from apilens.cli import cli
from apilens.cli.commands import COMMANDS

LOG = "".join(
    f'192.0.2.{at} - {account} [2{at % 3}/Nov/2026:10:00:0{at} +0000] "GET /v1/{account} HTTP/1.1" {status} 5\n'
    for at, (account, status) in enumerate([("acme", 200), ("globex", 500), ("acme", 404), ("-", 200), ("hooli", 200)])
)
SETTINGS = """
cohorts:
  vip: {accounts: [acme, ghost]}
  failing: {when: error_rate = 1}
  nobody: {when: requests > 99}
deprecated:
  - {endpoint: 'GET /v1/*', sunset: 2026-12-31}
"""
# What a command cannot do without.
NEEDS: dict[str, list[str]] = {
    "account": ["acme"], "funnel": ["--step", "GET /v1/*", "--step", "status > 0"], "safe-to-remove": ["v1"],
    "compare": ["2026-11-20..2026-11-21", "2026-11-21..2026-11-23"],
}  # fmt: skip
# How a command takes a file whose arguments are others; None: its arguments are the files.
FROM: dict[str, list[str] | None] = {"safe-to-remove": ["--from"], "compare": None}


def commands() -> list[str]:
    """Return the commands that have --where."""
    context = click.Context(cli)
    known = {name: cli.get_command(context, name) for name in COMMANDS}  # type: ignore[attr-defined]
    return [name for name, command in known.items() if any(option.name == "where" for option in command.params)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohorts")
    (folder / "apilens.yaml").write_text(SETTINGS)
    (folder / "access.log").write_text(LOG)
    with pytest.MonkeyPatch.context() as patch:
        surround(patch, folder)
        ask("ingest", "access.log")
    return folder


@pytest.fixture
def folder(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    surround(monkeypatch, made)
    return made


def surround(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.chdir(folder)
    patch.setenv("APILENS_CONFIG", "apilens.yaml")
    patch.setenv("APILENS_NOW", "2026-11-23T12:00:00Z")
    patch.setenv("APILENS_HASH_KEY", "cohorts")


def ask(*arguments: str, code: int = 0) -> tuple[str, str]:
    done = CliRunner().invoke(cli, arguments, standalone_mode=False)
    if done.exception and code == 0:
        raise done.exception
    return done.stdout, str(done.exception or done.stderr)


def answer(command: str, *arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(ask(command, *NEEDS.get(command, []), *arguments, "--format", "json")[0])
    return document


def about(document: dict[str, Any]) -> dict[str, Any]:
    """Return what is said of the events, without how they were asked for."""
    notes = [note.partition(" → ")[0] for note in document["notes"]]
    rows = [{name: value for name, value in row.items() if name != "command"} for row in document["rows"]]
    return {"rows": rows, "notes": notes, "tables": document.get("tables")}


def test_the_commands_that_read_events_are_found() -> None:
    assert {"report", "endpoints", "attribution", "retention"} <= set(commands())


@pytest.mark.parametrize("command", commands())
@pytest.mark.parametrize(
    ("cohort", "where"),
    [
        ("vip", "account = 'acme'"),
        ("failing", "account = 'globex'"),
        ("vip,failing", "account IN ('acme', 'globex')"),
        ("!vip", "account IS NULL OR account <> 'acme'"),
        ("nobody", "account = 'no one'"),
    ],
)
def test_only_accounts_of_the_cohort_count(folder: Path, command: str, cohort: str, where: str) -> None:
    found = answer(command, "--cohort", cohort)

    assert about(found) == about(answer(command, "--where", where))
    assert cohort.strip("!").split(",")[0] in found["query"]["where"][0]


@pytest.mark.parametrize("command", [name for name in commands() if FROM.get(name, []) is not None])
def test_straight_from_a_file_it_is_the_same(folder: Path, command: str) -> None:
    file = [*(FROM.get(command) or []), "access.log"]
    from_file, from_store = (answer(command, *files, "--cohort", "!vip") for files in (file, []))

    assert about(from_file) == about(from_store)


@pytest.mark.parametrize("command", commands())
def test_the_header_names_the_cohort_and_an_unknown_one_is_a_mistake(folder: Path, command: str) -> None:
    _, said = ask(command, *NEEDS.get(command, []), "--cohort", "vip", "--format", "tsv")
    _, mistake = ask(command, *NEEDS.get(command, []), "--cohort", "vpi", code=2)

    assert "cohort vip: 2 accounts" in said
    assert "where: cohort('vip')" in said
    assert mistake == "unknown cohort `vpi`"


def test_a_cohort_stands_wherever_a_condition_may(folder: Path) -> None:
    by = answer("report", "--by", "cohort('vip')", "--metrics", "requests,rate(cohort('failing'))")

    assert [list(row.values()) for row in by["rows"]] == [[False, 3, 0.333333], [True, 2, 0.0]]
    both = answer("report", "--where", "cohort('vip') AND status >= 400", "--metrics", "requests")
    assert both["rows"] == [{"requests": 1}]
    several = answer("report", "--cohort", "vip", "--cohort", "!failing", "--metrics", "requests")
    assert several["rows"] == [{"requests": 2}]
