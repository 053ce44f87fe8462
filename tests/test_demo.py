"""The demo: the same everywhere, and every problem that was planted can be seen."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apilens.demo import PROBLEMS, World, generate, write_combined, write_samples
from apilens.demo.json_samples import JSON_SAMPLES
from apilens.demo.line_samples import LINE_SAMPLES
from apilens.errors import InputError
from apilens.formats import FORMATS, ParseOptions
from apilens.recognition import recognise

END = datetime(2026, 11, 23, 12, tzinfo=UTC)
ENVIRONMENT = {"APILENS_NOW": "2026-11-23T12:00:00Z", "APILENS_HASH_KEY": "test", "PATH": os.environ["PATH"]}


def apilens(*arguments: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "apilens", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    apilens("demo", "apilens-demo", "--events", "60000", folder=folder)
    return folder / "apilens-demo"


def digest(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    for name, seed in (("one", 7), ("two", 7), ("other", 8)):
        generate(tmp_path / name, seed=seed, days=14, events=3_000, end=END)

    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    assert digest(tmp_path / "one")["access.log"] != digest(tmp_path / "other")["access.log"]


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")

    with pytest.raises(InputError, match="other things"):
        generate(tmp_path, seed=7, days=14, events=1_000, end=END)


def test_the_benchmark_log_has_as_many_lines_as_asked_for(tmp_path: Path) -> None:
    write_combined(tmp_path / "a.log", World(5_000, 14, END, 7))

    assert (tmp_path / "a.log").read_bytes().count(b"\n") == 5_000


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.account)
def test_the_command_in_the_answers_shows_the_planted_problem(demo: Path, problem: object) -> None:
    program, *arguments = shlex.split(problem.command)  # type: ignore[attr-defined]
    table = list(csv.DictReader(io.StringIO(apilens(*arguments, folder=demo)), delimiter="\t"))

    assert program == "apilens"
    assert problem.command in (demo / "ANSWERS.md").read_text()  # type: ignore[attr-defined]
    check = CHECKS[problem.account]  # type: ignore[attr-defined]
    assert check(table), table[:5]


def first(account: str, metric: str, times: float = 3.0):  # type: ignore[no-untyped-def]
    """The account leads by far: `metric` is so many times that of the next one."""

    def check(table: list[dict[str, str]]) -> bool:
        leads = table[0]["account"] == account
        return leads and (len(table) == 1 or float(table[0][metric]) > times * float(table[1][metric] or 0))

    return check


def dropped(table: list[dict[str, str]]) -> bool:
    calls = [int(row["requests"]) for row in table]
    return len(calls) >= 10 and sum(calls[-4:]) < 0.2 * sum(calls[:4])


def stalled(table: list[dict[str, str]]) -> bool:
    names = {"fresh-mint", "fresh-oak", "fresh-tide", "fresh-wind"}
    return {row["account"] for row in table} == names and all(row["reached"] < "2026-11-20" for row in table)


def worse_version(table: list[dict[str, str]]) -> bool:
    rates = {row["sdk_version"]: float(row["error_rate"]) for row in table}
    return rates["2.3.0"] > 3 * rates["2.2.4"]


CHECKS = {
    "wonka": dropped,
    "hooli": lambda table: [(row["top_account"], row["accounts"]) for row in table] == [("hooli", "1")],
    "initech": first("initech", "auth_errors", 10),
    "acme": first("acme", "requests", 1),
    "umbrella": lambda table: [row["account"] for row in table] == ["umbrella"],
    "soylent": lambda table: [row["account"] for row in table if row["endpoints"] == "1"] == ["soylent"],
    "gringotts": first("gringotts", "ips", 5),
    "stark": first("stark", "ratio", 10),
    "lumen-python": worse_version,
    "cyberdyne": lambda table: (
        [table[0][name] for name in ("account", "metric")] == ["cyberdyne", "mean(input_tokens)"]
    ),
    "fresh-tide": stalled,
    "vandelay": first("vandelay", "dead_letters"),
}


def test_the_onboarding_funnel_shows_where_new_accounts_stop(demo: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(apilens("funnel", "onboarding", folder=demo)), delimiter="\t"))

    assert [row["entities"] for row in rows] == ["5", "5", "1", "1"]
    assert [row["dropped"] for row in rows] == ["0", "4", "0", "0"]
    assert {row["open"] for row in rows} == {"0"}


def test_the_ai_funnel_runs_on_the_event_dump(demo: Path) -> None:
    table = apilens("funnel", "ai", "events.jsonl", folder=demo)
    rows = list(csv.DictReader(io.StringIO(table), delimiter="\t"))

    assert [row["name"] for row in rows] == ["signed_in", "POST /v2/embeddings", "real input"]
    signed_in, called, used = (int(row["entities"]) for row in rows)
    assert signed_in > called > used > 100
    assert apilens("funnel", "ai", "events.jsonl", "--engine", "duckdb", folder=demo) == table


def test_every_problem_has_a_check() -> None:
    assert set(CHECKS) == {problem.account for problem in PROBLEMS}


def test_sample_logs_are_what_the_generator_writes(tmp_path: Path) -> None:
    samples = Path(__file__).resolve().parents[1] / "sample_logs"
    write_samples(tmp_path)

    made = digest(tmp_path)
    assert made == {name: found for name, found in digest(samples).items() if name != "README.md"}


@pytest.mark.parametrize("name", ["combined.log", "nginx_timed.log", "nginx.jsonl", "moesif.jsonl", "iis.log"])
def test_every_sample_log_is_read_whole(tmp_path: Path, name: str) -> None:
    sample = Path(__file__).resolve().parents[1] / "sample_logs" / name
    lines = sum(not line.startswith(b"#") for line in sample.read_bytes().splitlines())

    # Nothing is to be left out: neither health checks nor calls in another direction.
    everything = ("--all", "--where", "direction IS NOT NULL", "--metrics", "requests,count(kind = 'action'),accounts")
    table = apilens("report", str(sample), *everything, folder=tmp_path)

    requests, actions, accounts = map(int, table.splitlines()[1].split("\t"))
    assert requests + actions == lines
    assert accounts > 10


@pytest.mark.parametrize("name", [*LINE_SAMPLES, *JSON_SAMPLES])
def test_every_sample_is_detected_and_read_whole(name: str) -> None:
    sample = (Path(__file__).resolve().parents[1] / "sample_logs" / name).read_bytes()
    options = ParseOptions(latest=END)

    found = recognise(sample, FORMATS, options)

    assert (found.format.name, found.rate) == (name.partition(".")[0], 1.0)
    assert found.format.parse(sample, 1, options).events.height == sample.count(b"\n") == 60
