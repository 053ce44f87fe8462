"""TAP version 14: a test point for each rule on each group."""

from __future__ import annotations

import json

from apilens.render import Style
from apilens.render.findings import Finding, findings
from apilens.result import Result


def to_tap(result: Result, style: Style) -> str:
    """Return the plan, a point for each finding with what is so where it is not ok, and the closing line."""
    found = findings(result)
    lines = ["TAP version 14", f"1..{len(found)}" if found else "1..0 # SKIP no rules"]
    for number, item in enumerate(found, 1):
        lines += _point(number, item)
    return "".join(f"{line}\n" for line in (*lines, *(f"# {note}" for note in result.notes)))


def _point(number: int, item: Finding) -> list[str]:
    # A `#` would begin a directive such as SKIP.
    words = item.title.replace("\\", "\\\\").replace("#", "\\#")
    if not item.failing and not item.unknown:
        return [f"ok {number} - {words}"]
    said = {"message": item.message, "severity": item.severity, "state": item.state, "at": f"{item.file}:{item.line}"}
    # JSON strings are YAML, too.
    return [f"not ok {number} - {words}", "  ---", *(f"  {key}: {json.dumps(said[key])}" for key in said), "  ..."]
