"""Route templates as descriptions and settings write them: `/users/{id}/orders`.

A segment is a word, `{a_parameter}`, or both (`{name}.json`, `{id}:cancel`); a last segment `*` stands for whatever is
below.
"""

from __future__ import annotations

import re

PARAMETER = re.compile(r"\{[^{}/]*\}")


def segments_of(template: str) -> list[str]:
    """Return the segments; the root has none."""
    bare = template.rstrip("/")
    return bare.split("/")[1:] if bare else []


def is_mixed(segment: str) -> bool:
    """Say whether a segment is a parameter with literal text around it."""
    return bool(PARAMETER.search(segment)) and not PARAMETER.fullmatch(segment)


def template_problem(text: str) -> str | None:
    """Say what is wrong with a template that a user wrote; None: nothing."""
    if not text.startswith("/"):
        return "does not begin with a slash: a template is a path without a method, as in /genre/{name}"
    bare = PARAMETER.sub("", text)
    if "{" in bare or "}" in bare:
        return "has a brace without its partner"
    if "?" in text or "#" in text:
        return "is no path: it has no query and no fragment"
    *parents, last = segments_of(text) or [""]
    if any("*" in segment for segment in parents) or ("*" in last and last != "*"):
        return "may have `*` as its last segment only; one segment is {name}"
    return None
