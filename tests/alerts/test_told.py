"""`apilens check` from rules to receivers: who is told, once, and what happens when nobody answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.alerts.loopback import Loopback

LOG = "".join(
    f'192.0.2.1 - globex [23/Nov/2026:11:{minute}:00 +0000] "GET /v1/a HTTP/1.1" 401 5\n' for minute in range(40, 46)
)
RULES = """
rules:
  - {name: expired-tokens, where: status = 401, by: [account], window: 15m, when: requests >= 3, severity: critical}
  - {name: quiet, window: 1h, when: requests > 1000, notify: [log]}
"""
SETTINGS = """
store: store
accounts: accounts.csv
channels:
  hook: {type: webhook, url_env: HOOK_URL, allow_private: true, timeout: 1s, egress: {account: name}}
  log: {type: file, path: alerts.jsonl}
routes:
  - {severity: critical, to: [hook, log]}
heartbeat_url: {env: BEAT_URL, allow_private: true}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "access.log").write_text(LOG)
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "apilens.yaml").write_text(SETTINGS)
    (tmp_path / "accounts.csv").write_text("id,name\nglobex,Globex Corp\n")
    apilens(folder=tmp_path, words="ingest -q access.log")
    return tmp_path


def apilens(words: str, folder: Path, now: str = "11:50", **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "apilens", *words.split()], cwd=folder, capture_output=True, text=True,
        env={
            **os.environ, "HOME": str(folder), "APILENS_HASH_KEY": "k", "APILENS_NOW": f"2026-11-23T{now}:00Z",
            "PYTHONPATH": str(Path(__file__).parents[2]), **environ,
        },
    )  # fmt: skip


def test_who_is_to_know_is_told_once_when_it_begins_and_once_when_it_ends(folder: Path) -> None:
    with Loopback(200) as hook, Loopback(200) as beat:
        urls = {"HOOK_URL": hook.url, "BEAT_URL": beat.url}
        codes = [apilens("check -q", folder, now, **urls).returncode for now in ("11:50", "11:51", "12:30")]

    told = [json.loads(asked.body) for asked in hook.asked]
    assert codes == [1, 1, 0]
    assert [(one["reason"], one["alerts"][0]["group"]) for one in told] == [
        ("firing", {"account": "Globex Corp"}), ("resolved", {"account": "Globex Corp"}),
    ]  # fmt: skip
    lines = (folder / "alerts.jsonl").read_text().splitlines()
    assert [json.loads(line)["alerts"][0]["group"]["account"] for line in lines] == ["globex", "globex"]
    assert len(beat.asked) == 3


def test_what_nobody_took_is_sent_by_the_next_check_under_the_same_id(folder: Path) -> None:
    with Loopback(400, 200) as hook, Loopback(200) as beat:
        urls = {"HOOK_URL": hook.url, "BEAT_URL": beat.url}
        first, second = (apilens("check -q", folder, now, **urls) for now in ("11:50", "11:51"))

    assert (first.returncode, second.returncode) == (4, 1)
    assert "channel hook: 127.0.0.1: HTTP 400" in first.stderr
    assert len({json.loads(asked.body)["id"] for asked in hook.asked}) == 1
    assert (len(hook.asked), len(beat.asked)) == (2, 1)
    assert len((folder / "alerts.jsonl").read_text().splitlines()) == 1


def test_a_dry_run_tells_nobody(folder: Path) -> None:
    with Loopback(200) as hook, Loopback(200) as beat:
        done = apilens("check --dry-run", folder, HOOK_URL=hook.url, BEAT_URL=beat.url)

    assert (done.returncode, hook.asked, beat.asked) == (1, [], [])
    assert not (folder / "alerts.jsonl").exists()


def test_a_heartbeat_that_fails_is_said_behind_what_was_found(folder: Path) -> None:
    with Loopback(200) as hook, Loopback(404) as beat:
        done = apilens("check", folder, HOOK_URL=hook.url, BEAT_URL=beat.url)

    assert done.returncode == 4
    assert "expired-tokens" in done.stdout
    assert "apilens: heartbeat_url: 127.0.0.1: HTTP 404" in done.stderr


def test_a_channel_that_is_not_set_up_is_a_mistake(folder: Path) -> None:
    (folder / "rules.yaml").write_text(RULES.replace("[log]", "[lug]"))

    done = apilens("check", folder)

    assert done.returncode == 2
    assert "rules.yaml:4:1: quiet: unknown channel `lug` (did you mean `log`?)" in done.stderr


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("github", "::error file=rules.yaml,line=3,title=expired-tokens%3A globex::"),
        ("junit", '<failure type="critical" message="'),
        ("sarif", '"ruleId": "expired-tokens"'),
        ("tap", "not ok 1 - expired-tokens: globex"),
    ],
)
def test_ci_reads_a_check_of_a_log(folder: Path, kind: str, expected: str) -> None:
    done = apilens(f"check access.log --format {kind}", folder)

    assert done.returncode == 1
    assert expected in done.stdout
