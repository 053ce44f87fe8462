"""Paths of logs with placeholders: `/logs/{environment}/{service}/access.log*` finds files and says whose they are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

# The columns that a part of a path may fill.
PLACEHOLDERS = ("service", "environment", "node")

_TOKEN = re.compile(r"\{(?P<name>[^{}/]*)\}|(?P<deep>\*\*/?)|\*|\?|\[(?P<set>[!^]?\]?[^\]/]*)\]|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FilePattern:
    """A path with placeholders as the glob that finds its files, and the regex that reads a file's name."""

    glob: str
    regex: re.Pattern[str]

    @classmethod
    def of(cls, path: str) -> FilePattern:
        """Return the pattern of a path in which `pattern_problems` finds nothing wrong."""
        # What lies below a folder that the path names belongs to it as well.
        regex = "".join(_regex_of(token) for token in _TOKEN.finditer(path.rstrip("/"))) + "(?:/.*)?"
        glob = "".join("*" if token["name"] is not None else token[0] for token in _TOKEN.finditer(path))
        return cls(glob, re.compile(regex, re.DOTALL))

    def values(self, path: str) -> Mapping[str, str] | None:
        """Return what a file's path has in the place of each placeholder, None where it does not fit the pattern."""
        found = self.regex.fullmatch(path)
        return found.groupdict() if found else None


def pattern_problems(path: str) -> Iterator[str]:
    """Give what is wrong with a path with placeholders."""
    tokens = list(_TOKEN.finditer(path))
    names = [token["name"] for token in tokens if token["name"] is not None]
    for name in dict.fromkeys(names):
        if name not in PLACEHOLDERS:
            yield f"`{{{name}}}` is no placeholder (known: {', '.join(f'{{{known}}}' for known in PLACEHOLDERS)})"
        elif names.count(name) > 1:
            yield f"`{{{name}}}` stands in it twice"
    if any(token[0] in "{}" for token in tokens):
        yield "a brace without its other one"
    if any(before["name"] is not None and after["name"] is not None for before, after in pairwise(tokens)):
        yield "two placeholders side by side: nothing tells where one ends"


def placeholders_of(path: str) -> set[str]:
    """Return the columns that a path fills."""
    return {token["name"] for token in _TOKEN.finditer(path) if token["name"]}


def glob_regex(glob: str) -> str:
    """Return the regex of the names that a glob stands for; braces in it mean themselves."""
    return "".join(
        re.escape(token[0]) if token["name"] is not None else _regex_of(token) for token in _TOKEN.finditer(glob)
    )


def whole_path(name: str) -> str:
    """Return a file's path from the root, links in it as they are: what patterns are compared with. A URL is one."""
    return name if "://" in name else os.path.abspath(name)  # noqa: PTH100 - resolve() would follow links


def _regex_of(token: re.Match[str]) -> str:
    if token["name"] is not None:
        # Of two in one segment the first takes as little as it can.
        return f"(?P<{token['name']}>[^/]+?)"
    if token["deep"]:
        return "(?:[^/]+/)*" if token["deep"].endswith("/") else ".*"
    if token["set"] is not None:
        inner = re.sub("^!", "^", token["set"]).replace("\\", r"\\").replace("[", r"\[")
        return f"[{inner}]" if inner not in ("", "^") else re.escape(token[0])
    return {"*": "[^/]*", "?": "[^/]"}.get(token[0], re.escape(token[0]))
