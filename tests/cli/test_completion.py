"""Completion: names from the catalogue, fast enough for a shell, and nothing where there is nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from apilens.cli.completing import names

ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
# What a shell asks, and then which modules it took to answer.
ASK = "import sys; from apilens.cli import run; run(debug=False); print('LOADED', *sys.modules, file=sys.stderr)"


def kept(store: Path, **found: list[str]) -> None:
    rows = sorted([dimension, name, 1, 2] for dimension, names in found.items() for name in names)
    (store / "state").mkdir(parents=True)
    lines = [{"version": 1, "names": len(rows), "full": []}, *rows]
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    (store / "state" / "catalogue.jsonl").write_text(text)


def complete(words: str, folder: Path, shell: str = "bash", **environment: str) -> tuple[list[str], set[str]]:
    """Return what a shell is told after these words, and the modules that were loaded for it."""
    asked = {"_APILENS_COMPLETE": f"{shell}_complete", "COMP_WORDS": f"apilens {words}"}
    asked["COMP_CWORD"] = str(len(asked["COMP_WORDS"].split(" ")) - 1)
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=folder, env=ENVIRONMENT | asked | environment, capture_output=True, text=True
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line], set(done.stderr.split())


def test_accounts_are_completed_from_the_store_that_the_settings_name(tmp_path: Path) -> None:
    kept(tmp_path / "data", account=["acme", "acorn", "globex", "Zoë"], endpoint=["GET /a"])
    (tmp_path / "apilens.yaml").write_text("store: data\ncolumns: {tokens: {from: a, type: int}}\n")

    found, loaded = complete("store forget --account ac", tmp_path)

    assert found == ["acme", "acorn"]
    assert "apilens.cli.completing" in loaded
    assert not loaded & {"polars", "deltalake", "rich", "narwhals", "sqlglot"}
    (tmp_path / "apilens.yaml").write_text("store: {path: data, group: adm}\n")
    assert complete("store forget --account Z", tmp_path)[0] == ["Zoë"]


def test_filters_of_questions_are_completed_too(tmp_path: Path) -> None:
    kept(tmp_path / ".apilens", account=["acme"], endpoint=["GET", "POST"])

    assert complete("report --account a", tmp_path)[0] == ["acme"]
    assert complete("report --endpoint P", tmp_path)[0] == ["POST"]


def test_a_store_that_is_named_on_the_line_or_in_the_environment_comes_first(tmp_path: Path) -> None:
    kept(tmp_path / "one", account=["first"])
    kept(tmp_path / "two", account=["second"])

    assert complete("store forget --store one --account ", tmp_path)[0] == ["first"]
    assert complete("store forget --account ", tmp_path, APILENS_STORE="two")[0] == ["second"]


@pytest.mark.parametrize("settings", [None, "store: nowhere\n", "store: [\n", "- a\n"])
def test_without_a_store_there_is_nothing_to_offer(tmp_path: Path, settings: str | None) -> None:
    if settings:
        (tmp_path / "apilens.yaml").write_text(settings)

    found, words = complete("store forget --account ", tmp_path)

    assert found == [] and "Traceback" not in words


def test_commands_and_options_are_completed_too(tmp_path: Path) -> None:
    assert complete("compl", tmp_path)[0] == ["completion"]
    assert complete("store forget --acc", tmp_path)[0] == ["--account"]


def test_names_are_searched_for_as_bytes(tmp_path: Path) -> None:
    hostile = ['a"b', "a\\b", "a\nb", "aé", "A", "b"]
    kept(tmp_path, account=hostile, endpoint=["GET /x/{id}", "GET /y"])

    assert sorted(names(tmp_path, "account", "a")) == sorted(['a"b', "a\\b", "a\nb", "aé"])
    assert names(tmp_path, "account", 'a"') == ['a"b']
    assert names(tmp_path, "endpoint", "GET /x") == ["GET /x/{id}"]
    assert names(tmp_path, "sdk", "") == []


def test_of_very_many_names_a_few_hundred_are_offered(tmp_path: Path) -> None:
    kept(tmp_path, account=[f"account-{number:05}" for number in range(1000)])

    assert names(tmp_path, "account", "account-") == [f"account-{number:05}" for number in range(200)]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_names_the_command_and_the_variable(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "apilens", "completion", shell], env=ENVIRONMENT, capture_output=True, text=True
    )

    assert f"_APILENS_COMPLETE={shell}_complete" in done.stdout and done.returncode == 0


def test_bash_runs_the_script_and_types_names_as_they_must_be_quoted(tmp_path: Path) -> None:
    kept(tmp_path / ".apilens", account=["two words", "two$"])
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "apilens").write_text(f'#!/bin/sh\nexec {sys.executable} -m apilens "$@"\n')
    (bin / "apilens").chmod(0o755)
    script = """
        eval "$(apilens completion bash)"
        COMP_WORDS=(apilens store forget --account tw) COMP_CWORD=4
        _apilens_completion apilens 2>/dev/null
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=ENVIRONMENT | {"PATH": f"{bin}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[2])}, capture_output=True, text=True,
    )  # fmt: skip

    assert done.stdout.splitlines() == ["two\\ words", "two\\$"], done.stderr
