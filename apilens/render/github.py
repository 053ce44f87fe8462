"""GitHub Actions: annotations on a pull request, and the summary of a step."""

from __future__ import annotations

from apilens.render import Style
from apilens.render.findings import Finding, findings, worst_first
from apilens.result import Result

# GitHub shows ten annotations of each kind per step, and refuses a summary of more than a mebibyte as a whole.
MOST_ANNOTATIONS = 10
MOST_SUMMARY_BYTES = 1 << 20
_MARKDOWN = str.maketrans({letter: f"\\{letter}" for letter in "\\|`*_[]<>#&"})


def to_github(result: Result, style: Style) -> str:
    """Return an annotation for each of the ten worst findings, a count of the others, and the closing line."""
    bad = worst_first(findings(result))
    lines = [_of(item) for item in bad[:MOST_ANNOTATIONS]]
    if len(bad) > MOST_ANNOTATIONS:
        lines.append(annotation("notice", f"and {len(bad) - MOST_ANNOTATIONS:,} more: see the summary of this step"))
    return "".join(f"{line}\n" for line in (*lines, *(_data(note) for note in result.notes)))


def annotation(level: str, message: str, *, title: str = "", file: str = "", line: int = 0) -> str:
    """Return one command of a workflow (`::error file=…::message`), everything in it escaped."""
    given = {"file": file, "line": str(line) if file and line else "", "title": title}
    properties = ",".join(f"{name}={_property(value)}" for name, value in given.items() if value)
    return f"::{level}{f' {properties}' if properties else ''}::{_data(message)}"


def summary(result: Result, room: int = MOST_SUMMARY_BYTES) -> str:
    """Return Markdown for $GITHUB_STEP_SUMMARY, of so many bytes at most: what is bad, the worst first."""
    bad = worst_first(findings(result))
    head = f"## {result.title.translate(_MARKDOWN)}\n\n"
    tail = "".join(f"\n{note.translate(_MARKDOWN)}\n" for note in result.notes)
    table = "| | rule | |\n|---|---|---|\n" if bad else ""
    # Room for the line that counts what is left out.
    left = room - len((head + table + tail).encode()) - 100
    rows = []
    for item in bad:
        row = _row(item)
        left -= len(row.encode())
        if left < 0:
            break
        rows.append(row)
    more = f"\nand {len(bad) - len(rows):,} more\n" if len(rows) < len(bad) else ""
    made = head + table + "".join(rows) + more + tail
    return made if len(made.encode()) <= room else ""


def _of(item: Finding) -> str:
    level = "warning" if item.severity == "warning" and not item.unknown else "error"
    return annotation(level, item.message, title=item.title, file=item.file, line=item.line)


def _row(item: Finding) -> str:
    mark = "no data" if item.unknown else item.severity
    return f"| {mark} | {item.title.translate(_MARKDOWN)} | {item.message.translate(_MARKDOWN)} |\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
