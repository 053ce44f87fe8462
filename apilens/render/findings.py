"""What a check found, as outputs for CI see it: one finding per rule and group, read from the rows of its Result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apilens.links import PREFIX
from apilens.render.cells import UNATTRIBUTED, human, whole
from apilens.render.safe import safe
from apilens.result import Field, Result

# The columns of a row that are no dimension of its group.
_OWN = frozenset(
    (
        "name",
        "kind",
        "state",
        "severity",
        "value",
        "since",
        "until",
        "file",
        "line",
        "description",
        "reading",
        "silenced",
    )
)
_RANK = {"warning": 0, "critical": 1}
_MOST = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule on one group. failing: it makes the check fail; unknown: there was nothing to judge.

    title: rule and group; message: what is so, in a line. file, line: where the rule stands.
    """

    name: str
    kind: str
    state: str
    severity: str
    failing: bool
    unknown: bool
    title: str
    message: str
    file: str
    line: int


def findings(result: Result) -> list[Finding]:
    """Return what a check found, in the order of its rows.

    `query` says what the rows do not: `rules` the file, `lines` rule → line, `fail_on` from which severity a check
    fails; `by` rule → its dimensions; `until`, that it was about a window of time, in which what is over fired, too.
    """
    return [_finding(row, result) for row in result.tables[0].rows.iter_rows(named=True)]


def worst_first(found: list[Finding]) -> list[Finding]:
    """Return the findings that are not well: critical ones, warnings, then what could not be judged."""
    return sorted((item for item in found if item.failing or item.unknown), key=_badness)


def _badness(item: Finding) -> int:
    return 2 if item.unknown else 1 - _RANK.get(item.severity, 0)


def _finding(row: Mapping[str, Any], result: Result) -> Finding:
    query, name = result.query, row["name"]
    severity = row["severity"] or "warning"
    fires = row["state"] == "firing" or (row["state"] == "resolved" and "until" in query)
    counts = _RANK.get(severity, 0) >= _RANK[query.get("fail_on", "warning")] and not row.get("silenced")
    group = _group(row, query.get("by", {}).get(name, ()) if row["since"] else ())
    return Finding(
        name=_short(name),
        kind=row["kind"] or "condition",
        state=row["state"],
        severity=severity,
        failing=fires and counts,
        unknown=row["state"] == "no_data",
        title=_short(f"{name}: {group}" if group else name),
        message=_short(_message(row, result)),
        file=safe(row.get("file") or query.get("rules") or "apilens.yaml"),
        line=row.get("line") or query.get("lines", {}).get(name) or 1,
    )


def _group(row: Mapping[str, Any], by: Sequence[str]) -> str:
    """Return the values of the group, nothing for a rule without one. by: the rule's dimensions, where they are known.

    Nothing in a column is nobody only where the rule has that dimension: other rules fill it, too.
    """
    values = {name: value for name, value in row.items() if name not in _OWN and not name.startswith(PREFIX)}
    shown = (UNATTRIBUTED if value is None and name in by else value for name, value in values.items())
    return ", ".join(str(value) for value in shown if value is not None)


def _message(row: Mapping[str, Any], result: Result) -> str:
    field = next((field for field in result.tables[0].fields if field.name == "value"), Field("value", "number"))
    number = "" if row["value"] is None else human(whole(row["value"]), field)
    said = both(row.get("description"), row.get("reading"))
    what = said or (f"{row['state']}, {number}" if number else row["state"])
    return f"{what}{_when(row['since'], row['until'])}"


def both(description: str | None, reading: str | None) -> str:
    """Return what a rule says of an alert, and what was measured and is compared with what."""
    return f"{description} ({reading})" if description and reading else description or reading or ""


def _when(since: datetime | None, until: datetime | None) -> str:
    if since is None:
        return ""
    return f", {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC" if until else f", since {since:%Y-%m-%d %H:%M} UTC"


def _short(text: str) -> str:
    shown = safe(text)
    return shown if len(shown) <= _MOST else shown[: _MOST - 1] + "…"
