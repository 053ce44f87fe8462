"""What CI reads of a check: annotations, JUnit, SARIF and TAP, valid whatever the data holds."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import junitparser
import polars as pl
import pytest

from apilens.cli.output import show
from apilens.render import CHECK_RENDERERS, RENDERERS, Style, by_suffix, renderers_of
from apilens.render.github import MOST_SUMMARY_BYTES, annotation, summary
from apilens.result import Field, Result, Table

SINCE = datetime(2026, 11, 22, 14, tzinfo=UTC)
HOSTILE = "a\r\n::error::x,y:z%0A <b>&\x1b[2J\x00\ufffe # SKIP ]]> --> | `c`"
SCHEMA: dict[str, Any] = {
    "name": pl.String, "kind": pl.String, "state": pl.String, "severity": pl.String, "value": pl.Float64,
    "since": pl.Datetime("us", "UTC"), "until": pl.Datetime("us", "UTC"), "account": pl.String,
    "file": pl.String, "line": pl.Int64, "description": pl.String, "reading": pl.String,
}  # fmt: skip


def row(name: str, state: str = "ok", account: str | None = None, **others: Any) -> dict[str, Any]:
    made = {"name": name, "kind": "condition", "state": state, "severity": "critical", "account": account}
    return made | ({"since": SINCE} if state != "ok" else {}) | {"file": "rules.yaml", "line": 7} | others


def check(*rows: dict[str, Any], query: dict[str, Any] | None = None, notes: tuple[str, ...] = ("9 passed",)) -> Result:
    frame = pl.DataFrame([{name: one.get(name) for name in SCHEMA} for one in rows], schema=SCHEMA)
    fields = tuple(Field(name) for name in SCHEMA)
    return Result("check", "Check", (Table("alerts", fields, frame),), query=query or {}, notes=notes)


USUAL = check(
    row("well"),
    row("auth-storm", "firing", "initech", value=515.0, description="515 × 401 in 1 h (limit 100)"),
    row("slow", "firing", None, severity="warning"),
    row("waits", "pending", "acme"),
    row("over", "resolved", "acme", until=datetime(2026, 11, 22, 15, tzinfo=UTC)),
    row("gone", "no_data"),
    query={"by": {"slow": ["account"], "auth-storm": ["account"]}},
)
MANY = check(*(row("many", "firing", HOSTILE * 9, description=HOSTILE * 9, file="a b,c:d.yaml") for _ in range(1000)))
NONE = check()
RESULTS = {"usual": USUAL, "many": MANY, "none": NONE}


def made(kind: str, result: Result) -> str:
    text = renderers_of("check")[kind](result, Style())
    assert isinstance(text, str)
    return text


def test_github_gets_annotations_at_the_rules() -> None:
    assert made("github", USUAL) == (
        "::error file=rules.yaml,line=7,title=auth-storm%3A initech::"
        "515 × 401 in 1 h (limit 100), since 2026-11-22 14:00 UTC\n"
        "::warning file=rules.yaml,line=7,title=slow%3A (unattributed)::firing, since 2026-11-22 14:00 UTC\n"
        "::error file=rules.yaml,line=7,title=gone::no_data, since 2026-11-22 14:00 UTC\n"
        "9 passed\n"
    )


def test_github_gets_the_ten_worst_and_a_count() -> None:
    warnings = [row("w", "firing", str(n), severity="warning") for n in range(20)]
    lines = made("github", check(*warnings, row("worst", "firing", "z"))).splitlines()

    assert len(lines) == 12
    assert lines[0].startswith("::error") and "worst%3A z" in lines[0]
    assert lines[10] == "::notice::and 11 more: see the summary of this step"


def test_no_annotation_begins_in_the_data() -> None:
    lines = made("github", MANY).splitlines()

    assert [line.partition(" ")[0] for line in lines[:10]] == ["::error"] * 10
    assert all(line.count("::") == 2 or ",title=" in line for line in lines[:10])
    assert annotation("error", "a\n::b", title="c:d,e", file="f%") == "::error file=f%25,title=c%3Ad%2Ce::a%0A::b"


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
@pytest.mark.parametrize("room", [MOST_SUMMARY_BYTES, 2_000, 300, 10])
def test_the_summary_fits(result: Result, room: int) -> None:
    text = summary(result, room)

    assert len(text.encode()) <= room
    shown = text.count("\n| critical") + text.count("\n| warning") + text.count("\n| no data")
    more = re.search(r"and ([\d,]+) more", text)
    if text and result is MANY:
        assert shown + int(more[1].replace(",", "") if more else 0) == 1000


def test_a_step_of_a_workflow_gets_its_summary_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    (tmp_path / "summary").write_text("before\n")
    for kind in ("github", "tap"):
        show(USUAL, kind=kind, output=None, no_header=False, csv_raw=False, color="never")

    text = (tmp_path / "summary").read_text()
    assert text.startswith("before\n## Check\n")
    assert text.count("auth-storm: initech") == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_junit_can_be_parsed_and_counts(result: Result) -> None:
    parsed = junitparser.JUnitXml.fromstring(made("junit", result).encode())

    (suite,) = parsed
    cases = list(suite)
    failures = [case for case in cases for item in case.result if isinstance(item, junitparser.Failure)]
    errors = [case for case in cases for item in case.result if isinstance(item, junitparser.Error)]
    assert (len(cases), len(failures), len(errors)) == (suite.tests, suite.failures, suite.errors)
    assert (len(cases), len(failures), len(errors)) == {"usual": (6, 2, 1), "many": (1000, 1000, 0)}.get(
        next(name for name, one in RESULTS.items() if one is result), (0, 0, 0)
    )


def test_what_is_over_failed_when_a_window_of_time_was_asked_about() -> None:
    asked = check(row("over", "resolved", "acme", until=SINCE), query={"since": "x", "until": "y"})

    assert "<failure" in made("junit", asked)


def test_a_warning_fails_nothing_where_only_critical_ones_are_to() -> None:
    asked = check(row("slow", "firing", "acme", severity="warning"), query={"fail_on": "critical"})

    assert "<failure" not in made("junit", asked)
    assert "\nok 1 - slow: acme\n" in made("tap", asked)


def _only(required: dict[str, Any], **others: Any) -> dict[str, Any]:
    properties = {**required, **others}
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


_TEXT = {"type": "string", "minLength": 1}
_LOCATION = _only(
    {
        "physicalLocation": _only(
            {
                "artifactLocation": _only({"uri": {"type": "string", "pattern": r"^[A-Za-z0-9._~/%-]+$"}}),
                "region": _only({"startLine": {"type": "integer", "minimum": 1}}),
            }
        )
    }
)
# Sections 3.13 to 3.52 of SARIF 2.1.0, of what is used here: nothing else may stand in it.
SARIF = _only(
    {
        "$schema": {"type": "string", "pattern": "^https://.*sarif-schema-2.1.0.json$"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": _only(
                {
                    "tool": _only(
                        {
                            "driver": _only(
                                {
                                    "name": _TEXT,
                                    "version": _TEXT,
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": _only({"id": _TEXT, "shortDescription": _only({"text": _TEXT})}),
                                    },
                                }
                            )
                        }
                    ),
                    "invocations": {"type": "array", "items": _only({"executionSuccessful": {"type": "boolean"}})},
                    "results": {
                        "type": "array",
                        "maxItems": 25_000,
                        "items": _only(
                            {
                                "ruleId": _TEXT,
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": _only({"text": _TEXT}),
                                "locations": {"type": "array", "minItems": 1, "maxItems": 10, "items": _LOCATION},
                                "partialFingerprints": {"type": "object", "additionalProperties": _TEXT},
                                "properties": {"type": "object"},
                            }
                        ),
                    },
                }
            ),
        },
    }
)


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_sarif_is_valid_and_its_results_name_their_rules(result: Result) -> None:
    document = json.loads(made("sarif", result))

    jsonschema.validate(document, SARIF)
    (run,) = document["runs"]
    for one in run["results"]:
        assert run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"]
    assert len(run["results"]) == {id(USUAL): 3, id(MANY): 1000, id(NONE): 0}[id(result)]


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_tap_has_a_point_for_each_finding(result: Result) -> None:
    version, plan, *lines = made("tap", result).splitlines()

    count = result.tables[0].rows.height
    assert (version, plan.split(" ")[0]) == ("TAP version 14", f"1..{count}")
    points = [line for line in lines if re.match(r"(not )?ok \d+ - ", line)]
    assert [int(re.findall(r"\d+", point)[0]) for point in points] == list(range(1, count + 1))
    assert not any(re.search(r"(?<!\\)#", point) for point in points)
    assert all(re.match(r"(not )?ok \d+ - |  |# ", line) for line in lines)


@pytest.mark.parametrize("kind", ["github", *CHECK_RENDERERS])
def test_nothing_acts_on_a_terminal(kind: str) -> None:
    assert not set(made(kind, MANY)) & {"\x1b", "\x00", "\r"}


def test_only_a_check_has_these_formats() -> None:
    assert renderers_of("report") == RENDERERS
    assert (by_suffix("a.xml"), by_suffix("a.xml", "check")) == (None, "junit")
    assert not set(RENDERERS) & set(CHECK_RENDERERS)


def test_a_finding_says_what_its_rule_says_and_what_was_measured() -> None:
    found = check(row("a", "firing", "acme", description="too many", reading="requests 515, at least 100"))

    assert "::too many (requests 515, at least 100), since" in made("github", found)
    assert all("requests 515, at least 100" in made(kind, found) for kind in ("junit", "sarif", "tap"))


def test_a_link_is_no_part_of_the_group() -> None:
    found = check(row("a", "firing", "acme"))
    rows = found.tables[0].rows.with_columns(pl.lit("https://x.example").alias("link.trace"))

    assert "https" not in made("github", Result("check", "Check", (Table("alerts", (), rows),)))
