"""JUnit XML, as GitLab, Jenkins and Buildkite read it: a suite is the file of rules, a case a rule on a group."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from apilens.render import Style
from apilens.render.findings import Finding, findings
from apilens.result import Result

# What XML 1.0 cannot hold, besides what `safe` shows as escapes.
_NO_XML = re.compile("[\ufffe\uffff]")


def to_junit(result: Result, style: Style) -> str:
    """Return the document: a failure for each finding that fails the check, an error where nothing could be judged."""
    found = findings(result)
    counts = {
        "tests": str(len(found)),
        "failures": str(sum(item.failing for item in found)),
        "errors": str(sum(item.unknown for item in found)),
        "skipped": "0",
        "time": "0",
    }
    root = ElementTree.Element("testsuites", {"name": "apilens check", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": _text(found[0].file if found else "rules"), **counts})
    for item in found:
        _case(suite, item)
    if result.notes:
        ElementTree.SubElement(suite, "system-out").text = _text("\n".join(result.notes))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _case(suite: ElementTree.Element, item: Finding) -> None:
    names = {"classname": _text(item.name), "name": _text(item.title), "file": _text(item.file), "line": str(item.line)}
    case = ElementTree.SubElement(suite, "testcase", {**names, "time": "0"})
    if not item.failing and not item.unknown:
        return
    kind = "error" if item.unknown else "failure"
    made = ElementTree.SubElement(case, kind, {"type": item.severity, "message": _text(item.message)})
    made.text = _text(f"{item.title}: {item.message}\n{item.file}:{item.line}")


def _text(text: str) -> str:
    return _NO_XML.sub("�", text)
