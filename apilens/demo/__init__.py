"""A made-up API's logs with known problems planted in them, to try apilens on, to test it and to measure it.

chance (numbers that are the same everywhere), world (customers, endpoints, rhythm), problems (what is wrong, and the
command that shows it), ai (the second source), write (log lines).
"""

from __future__ import annotations

import gzip
import io
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from apilens.demo.ai import events as ai_events
from apilens.demo.ai import to_json_lines
from apilens.demo.problems import PROBLEMS
from apilens.demo.world import World, chunks
from apilens.demo.write import write_access_log, write_combined, write_moesif, write_samples
from apilens.errors import InputError

__all__ = ["PROBLEMS", "World", "generate", "write_combined", "write_moesif", "write_samples"]

LOGS = ("access.log*", "events.jsonl")
_AI_SHARE = 0.15

CONFIG = """\
# Settings of the demo. Commands find this file by themselves when they run in this folder or below it.
store: .apilens

# The access log names the account as remote user, the Moesif events as company_id: both are found without a rule.
# account:
#   - header: x-account-id
#   - path: /tenants/{account}/*

# Any field of a JSON event can be a column of its own, to filter by, break down by or sum up.
columns:
  input_tokens: {from: response.body.usage.prompt_tokens, type: int}

# What is to go, and when: apilens deprecated
deprecated:
  - {endpoint: '* /v1/*', since: 2026-06-01, sunset: 2026-12-15, replacement: '* /v2/*'}

# How far do new customers get? apilens funnel onboarding, apilens funnel onboarding --dropped 2
funnels:
  onboarding:
    steps: [POST /v2/signup, GET /v2/profile, POST /v2/data/upload, 10+ successful calls]
    within: 3d
  ai:
    steps: [signed_in, POST /v2/embeddings, input_tokens > 100 AS real input]
    unit: user
"""


def generate(folder: Path, *, seed: int, days: int, events: int, end: datetime) -> World:
    """Write the demo into `folder`: rotated access logs, Moesif events, apilens.yaml and ANSWERS.md.

    The same arguments give the same bytes. Raises InputError when the folder holds something else already.
    """
    if folder.exists() and any(item.name not in _OURS for item in folder.iterdir()):
        raise InputError(f"{folder} holds other things", hint="name a new folder for the demo")
    folder.mkdir(parents=True, exist_ok=True)
    of_ai = int(events * _AI_SHARE)
    world = World(events - of_ai, days, end, seed)
    # Rotated once a third, the oldest compressed, as logrotate leaves them.
    ends = [world.start + timedelta(days=days / 3), world.start + timedelta(days=days * 2 / 3), end]
    oldest, middle, newest = io.BytesIO(), io.BytesIO(), io.BytesIO()
    for requests in chunks(world, problems=True):
        since = world.start - timedelta(days=1)
        for file, until in zip((oldest, middle, newest), ends, strict=True):
            write_access_log(file, requests.filter(pl.col("timestamp").is_between(since, until, closed="left")))
            since = until
    with (
        (folder / "access.log.2.gz").open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as packed,
    ):
        packed.write(oldest.getvalue())
    (folder / "access.log.1").write_bytes(middle.getvalue())
    (folder / "access.log").write_bytes(newest.getvalue())
    (folder / "events.jsonl").write_bytes(to_json_lines(ai_events(World(of_ai, days, end, seed))))
    (folder / "apilens.yaml").write_text(CONFIG)
    (folder / "ANSWERS.md").write_text(answers())
    return world


_OURS = {"access.log", "access.log.1", "access.log.2.gz", "events.jsonl", "apilens.yaml", "ANSWERS.md", ".apilens"}


def answers() -> str:
    """Return ANSWERS.md: what was planted, and the command that shows each."""
    parts = [
        "# What is wrong in this demo",
        "",
        f"{len(PROBLEMS)} problems were planted. Run the commands in this folder.",
    ]
    for number, problem in enumerate(PROBLEMS, 1):
        parts += [
            "", f"## {number}. {problem.account}: {problem.what}", "",
            f"Since: {problem.since}. Look at: {problem.look}.", "", "```sh", problem.command, "```",
        ]  # fmt: skip
    return "\n".join(parts) + "\n"
