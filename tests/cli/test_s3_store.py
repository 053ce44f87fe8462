"""Commands on a store on S3: what reads says what it says of one on disk, and what changes it does so there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from apilens.cli import cli
from apilens.cli.completing import names
from apilens.mentions import Names, find
from apilens.places import place_of
from apilens.store import Store, verify
from tests.object_store import Bucket, bucket, s3_address

from .test_cohort_filter import NEEDS, about, ask, made, surround

__all__ = ["bucket", "made", "s3_address"]

RULES = "rules:\n  - {name: errors, when: error_rate > 0.1, window: 3d}\n"


@pytest.fixture
def on_s3(made: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of a store: a copy of one on disk, which is in use unless another is named."""
    surround(monkeypatch, made)
    for file in sorted((made / ".apilens").rglob("*")):
        if file.is_file() and file.name not in ("lock", ".gitignore"):
            bucket.put(f"store/{file.relative_to(made / '.apilens')}", file.read_bytes())
    return f"{bucket.url}/store"


def there(url: str) -> Store:
    return Store.open(place_of(url))


def test_what_reads_events_says_the_same(on_s3: str) -> None:
    for command in ("report", "events", "compare", "doctor"):
        asked = [*command.split(), *NEEDS.get(command, []), "--format", "json"]
        local, remote = (json.loads(ask(*asked, *store)[0]) for store in ((), ("--store", on_s3)))
        if command == "doctor":
            states = [[row["state"] for row in said["rows"]] for said in (local, remote)]
            assert states[0] == states[1]
        else:
            assert about(remote) == about(local), command


def test_two_stores_are_compared_wherever_they_lie(on_s3: str) -> None:
    assert json.loads(ask("compare", ".apilens", on_s3, "--format", "json")[0])["rows"] == []


def test_logs_whose_name_no_store_may_have_are_compared(on_s3: str, bucket: Bucket, made: Path) -> None:
    bucket.put("logs/2026..a1.log", (made / "access.log").read_bytes())

    logs = f"{bucket.url}/logs/2026..a?.log"

    assert json.loads(ask("compare", logs, "access.log", "--format", "json")[0])["rows"] == []


def test_what_is_known_besides_the_events_is_kept_there(on_s3: str, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    store = ("--store", on_s3, "--now", "2026-11-22T10:30:00Z")

    def told() -> str:
        return CliRunner().invoke(cli, ["check", "--rules", str(tmp_path / "rules.yaml"), *store]).output

    assert "errors  error_rate 25.0 %" in told()
    ask("alerts", "silence", "errors", "--for", "1h", *store)
    # It knows that this was told, and that nobody is told again.
    assert told() == ""
    [alert] = json.loads(ask("alerts", "list", *store, "--format", "json")[0])["rows"]
    assert (alert["name"], alert["times"], alert["silenced"]) == ("errors", 1, "2026-11-22T11:30:00Z")
    ask("mark", "v1", "--at", "2026-11-21", "--store", on_s3)
    assert "v1" in ask("mark", "--store", on_s3)[0]
    assert names(place_of(on_s3), "account", "a") == ["acme"]
    assert f"--store {on_s3} --" in ask("cron", "print", "--store", on_s3, "a.log")[0]


def test_rebuild_compact_and_forget_do_there_what_they_do(on_s3: str) -> None:
    assert ask("store", "info", "--store", on_s3)[0].splitlines()[1].split("\t")[:3] == [on_s3, "3", "5"]
    ask("store", "rebuild", "--only", "sdk", "--store", on_s3)
    ask("ingest", "access.log", "--store", on_s3)
    ask("store", "rebuild", "--from", "access.log", "--store", on_s3)
    ask("store", "compact", "--store", on_s3)
    assert there(on_s3).total("stored") == 5

    ask("store", "forget", "--account", "acme", "--yes", "--store", on_s3)

    assert "acme" not in ask("events", "--store", on_s3)[0]
    assert verify(there(on_s3)).tables[0].rows.is_empty()
    assert names(place_of(on_s3), "account", "a") == []
    assert find(place_of(on_s3), Names(["acme"])).is_empty()
