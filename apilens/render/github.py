"""Annotations of GitHub Actions: workflow commands, one a line, on stdout of a step.

    ::error title=safe-to-remove,file=openapi.yaml,line=3::not safe: 1 account would break

What the text of a command and its properties may not hold is escaped as the runner undoes it: %, line breaks, and in
properties : and , too.
"""

from __future__ import annotations

from apilens.render import Style
from apilens.render.safe import safe
from apilens.result import Finding, Level, Result

_IN_TEXT = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTIES = {**_IN_TEXT, ":": "%3A", ",": "%2C"}


def annotation(level: Level, text: str, *, title: str = "", file: str = "", line: int | None = None) -> str:
    """Return one workflow command, without a line break behind it. `text` may have several lines; `file` and `line` are
    where GitHub shows it, else it stands with the job.
    """
    properties = {"title": title, "file": file, "line": "" if line is None else str(line)}
    given = ",".join(f"{name}={_escaped(value, _IN_PROPERTIES)}" for name, value in properties.items() if value)
    return f"::{level}{f' {given}' if given else ''}::{_escaped(text, _IN_TEXT)}"


def to_github(result: Result, style: Style) -> str:
    """Return an annotation for each finding; for a result without any, one notice with its header and notes."""
    findings = result.findings or (Finding("notice", result.title, "\n".join((*result.header, *result.notes))),)
    return "".join(annotation(item.level, item.text, title=item.title) + "\n" for item in findings)


def _escaped(text: str, escapes: dict[str, str]) -> str:
    # Line breaks are wanted; whatever else could do something is shown, not done.
    shown = "\n".join(safe(line) for line in text.replace("\r\n", "\n").split("\n"))
    return "".join(escapes.get(character, character) for character in shown)
