"""A format in an envelope: numbers, labels and items of the line around, and what is other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apilens.arrange import arranged
from apilens.envelopes import ENVELOPES, enclosed
from apilens.formats import FORMATS, ParseOptions
from apilens.recognition import named, recognise
from apilens.sources import Block, Reader, expand

OPTIONS = ParseOptions(latest=datetime(2030, 1, 1, tzinfo=UTC))
GET = '203.0.113.9 - - [20/Nov/2026:10:00:00 +0000] "GET /{} HTTP/1.1" 200 5 "-" "curl/8"'
BY_NAME = {format.name: format for format in FORMATS}


def cri(text: str, part: str = "F") -> str:
    return f"2026-11-20T10:00:00.5Z stdout {part} {text}\n"


def test_application_lines_are_other_and_broken_requests_are_rejects() -> None:
    lines = [cri("starting up"), cri(GET.format("a")), cri('GET / HTTP/1.1 "broken'), cri(""), "bare\n"]

    parsed = named("cri:combined", BY_NAME).parse("".join(lines).encode(), 11, OPTIONS)

    assert parsed.events["line"].to_list() == [12]
    assert parsed.rejects["line"].to_list() == [13]
    assert (parsed.other, parsed.blank, parsed.extra) == (2, 1, 0)


def test_labels_fill_what_the_line_does_not_say() -> None:
    docker = next(envelope for envelope in ENVELOPES if envelope.name == "docker")
    inner = [
        {"time": "2026-11-20T10:00:00Z", "request": "GET /a HTTP/1.1", "status": 200, "service": "own"},
        {"time": "2026-11-20T10:00:00Z", "request": "GET /b HTTP/1.1", "status": 200},
    ]
    lines = [json.dumps({"log": json.dumps(item) + "\n", "attrs": {"tag": "web"}}) for item in inner]

    parsed = enclosed(docker, BY_NAME["json"]).parse("\n".join(lines).encode(), 1, OPTIONS)

    assert parsed.events["service"].to_list() == ["own", "web"]
    assert parsed.events["raw_target"].to_list() == ["/a", "/b"]


def test_envelopes_are_found_within_envelopes() -> None:
    text = "".join(json.dumps({"log": cri(GET.format(n))}) + "\n" for n in range(5))

    found = recognise(text.encode(), FORMATS, OPTIONS)

    assert (found.format.name, found.rate) == ("docker:cri:combined", 1.0)


@pytest.mark.parametrize("final", [True, False])
@pytest.mark.parametrize("block_bytes", [60, 150, 1 << 20])
def test_parts_are_put_together_across_blocks(tmp_path: Path, block_bytes: int, final: bool) -> None:
    log = tmp_path / "pod.log"
    whole = [GET.format("x" * 200 + str(n)) for n in range(5)]
    log.write_text(
        "".join(cri(text[:90], "P") + cri(text[90:180], "P") + cri(text[180:]) for text in whole) + cri("an end", "P")
    )
    format = named("cri:combined", BY_NAME)

    def blocks() -> Iterator[Block]:
        return arranged(reader.blocks(final=final), format, reader, final=final)

    with Reader(expand([str(log)])[0][0], block_bytes=block_bytes) as reader:
        made = list(blocks())
        parsed = [format.parse(block.data, block.first_line, OPTIONS) for block in made]

    targets = [target for item in parsed if item.events.height for target in item.events["raw_target"]]
    assert targets == [f"/{'x' * 200}{n}" for n in range(5)]
    assert [line for item in parsed for line in item.events["line"]] == [1, 4, 7, 10, 13]
    assert sum(block.lines for block in made) == (16 if final else 15)
    assert reader.pending == (0 if final else len(cri("an end", "P")))
    assert made[-1].end + reader.pending == log.stat().st_size


PLUGIN = """
from dataclasses import replace
from apilens.envelopes import Envelope, Wrapped
from apilens.envelopes.text import prefixed
from apilens.formats import FORMATS
COLON = Envelope("mine", "my prefix", prefixed("^mine: (?P<text>.*)$"), (Wrapped("mine: x", ("x",)),))
LINES = replace(FORMATS[-1], name="ours")
"""
ENTRY_POINTS = "[apilens.envelopes]\nmine = my_plugin:COLON\n[apilens.formats]\nours = my_plugin:LINES\n"


def plugin(folder: Path, entry_points: str) -> None:
    info = folder / "my_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)
    (folder / "my_plugin.py").write_text(PLUGIN)


def report(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "apilens", "report", *arguments, "--metrics", "requests", "--no-header"]
    return subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True)


def test_a_format_and_an_envelope_come_by_entry_point(tmp_path: Path) -> None:
    plugin(tmp_path, ENTRY_POINTS)
    (tmp_path / "a.log").write_text('mine: 203.0.113.9 - - [20/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5\n' * 3)

    done = report(tmp_path, "a.log")

    assert (done.returncode, done.stdout) == (0, "3\n"), done.stderr
    assert "in my prefix" in done.stderr


def test_a_broken_plugin_is_named(tmp_path: Path) -> None:
    plugin(tmp_path, "[apilens.formats]\nbad = my_plugin:NOTHING\n")
    (tmp_path / "a.log").write_text("x\n")

    done = report(tmp_path, "a.log")

    assert done.returncode == 2 and "plugin bad (my_plugin:NOTHING) cannot be loaded" in done.stderr


def test_a_few_requests_among_application_lines_are_found() -> None:
    lines = [cri(f"INFO worker {n} is busy") for n in range(50)] + [cri(GET.format("a"))]

    found = recognise("".join(lines).encode(), FORMATS, OPTIONS)

    assert (found.format.name, found.hits, found.looks) == ("cri:combined", 1, 1)
