"""SARIF 2.1.0, for code scanning: a result for each finding that fails the check, at the line of its rule."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

from apilens import __version__
from apilens.render import Style
from apilens.render.findings import Finding, findings, worst_first
from apilens.render.json import dumps
from apilens.result import Result

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# GitHub takes no more results of one run.
_MOST = 25_000


def to_sarif(result: Result, style: Style) -> str:
    """Return the document: one run, its rules, and the results, the worst first."""
    found = findings(result)
    names = list(dict.fromkeys(item.name for item in found))
    rules = {
        item.name: {"id": item.name, "shortDescription": {"text": f"{item.kind} rule {item.name}"}} for item in found
    }
    run = {
        "tool": {"driver": {"name": "apilens", "version": __version__, "rules": [rules[name] for name in names]}},
        "invocations": [{"executionSuccessful": True}],
        "results": [_result(item, names.index(item.name)) for item in worst_first(found)[:_MOST]],
    }
    return dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _result(item: Finding, rule: int) -> dict[str, Any]:
    # The same for one incident from run to run, so that it stays one finding.
    print_ = hashlib.sha256(item.title.encode("utf-8", "replace")).hexdigest()
    return {
        "ruleId": item.name,
        "ruleIndex": rule,
        "level": "warning" if item.severity == "warning" and not item.unknown else "error",
        "message": {"text": f"{item.title}: {item.message}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(item.file.removeprefix("./"))},
                    "region": {"startLine": item.line},
                }
            }
        ],
        "partialFingerprints": {"apilensAlert/v1": print_},
        "properties": {"state": item.state, "kind": item.kind},
    }
