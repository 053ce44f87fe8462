"""Paths matched against route templates: those of OpenAPI descriptions and of `endpoints:` in apilens.yaml.

Words go before parameters (OpenAPI 3.1 §4.8.8.2: concrete paths before templated ones), and slashes at the end do not
count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import polars as pl

from apilens.config import Settings
from apilens.enrich.mapping import map_distinct, map_distinct_python
from apilens.openapi import Operation
from apilens.route_template import PARAMETER, is_mixed, segments_of

# Stands for a segment that is no word of any template; no log line holds it.
_OTHER = "\x1e"


@dataclass(slots=True)
class _Node:
    """What may follow in a path; `template` is set where a template ends, `rest` where one ends in `*`."""

    words: dict[str, _Node] = field(default_factory=dict)
    mixed: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    template: str | None = None
    rest: str | None = None


class RouteTable:
    """Templates in groups, the first group that has a match wins; `stated`: routes that logs were seen to state."""

    def __init__(self, *groups: Sequence[str]) -> None:
        self.stated: set[str] = set()
        self.templates = frozenset(template for group in groups for template in group)
        self._roots = [_trie(group) for group in groups if group]
        words: set[str] = set()
        mixed: set[str] = set()
        for template in self.templates:
            for segment in segments_of(template):
                kind = mixed if is_mixed(segment) else words
                kind.add(segment)
        self._words = sorted(word for word in words if not PARAMETER.fullmatch(word) and word != "*")
        # The more of a segment is literal, the sooner it is tried.
        self._mixed = sorted(mixed, key=lambda segment: (-len(PARAMETER.sub("", segment)), segment))

    @classmethod
    def of(cls, operations: Iterable[Operation], settings: Settings) -> RouteTable:
        """Return the templates of the descriptions, and behind them those of the settings."""
        return cls([operation.template for operation in operations], settings.endpoints)

    def match(self, paths: pl.Series) -> pl.Series:
        """Return the template of each path, null where none matches."""
        if not self._roots:
            return pl.repeat(None, paths.len(), dtype=pl.String, eager=True).alias(paths.name)
        return map_distinct(paths, self._match)

    def find(self, path: str) -> str | None:
        """Return the template of one path."""
        found: str | None = self._match(pl.Series([path])).item()
        return found

    def _match(self, paths: pl.Series) -> pl.Series:
        # Of most segments it matters only that they are no word: what is left of the paths are few distinct texts.
        segment = pl.element()
        kept = pl.lit(_OTHER)
        for number, text in reversed(list(enumerate(self._mixed))):
            kept = pl.when(segment.str.contains(_regex(text))).then(pl.lit(f"{_OTHER}{number}")).otherwise(kept)
        kept = pl.when(segment.is_in(self._words)).then(segment).otherwise(kept)
        # `*` of `OPTIONS *` is no path, and the root is nothing but its slash.
        rooted = pl.when(pl.col("path").str.starts_with("/")).then(pl.col("path"))
        path = rooted.str.strip_chars_end("/").str.split("/")
        blurred = pl.DataFrame({"path": paths}).select(path.list.eval(kept).list.join("/"))
        return map_distinct_python(blurred.to_series(), self._template).alias(paths.name)

    def _template(self, blurred: str) -> str | None:
        segments = blurred.split("/")[1:] if "/" in blurred else []
        for root in self._roots:
            if found := self._walk(root, segments, 0):
                return found
        return None

    def _walk(self, node: _Node, segments: list[str], at: int) -> str | None:
        if at == len(segments):
            return node.template
        segment = segments[at]
        ways = [node.words.get(segment), node.parameter]
        if segment.startswith(_OTHER):
            ways[0] = node.mixed.get(self._mixed[int(segment[1:])]) if len(segment) > 1 else None
        for way in ways:
            if way and (found := self._walk(way, segments, at + 1)):
                return found
        return node.rest


def _trie(templates: Sequence[str]) -> _Node:
    root = _Node()
    for template in templates:
        node = root
        *parents, last = segments_of(template) or [""]
        for segment in parents if last == "*" else segments_of(template):
            if PARAMETER.fullmatch(segment):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                known = node.mixed if is_mixed(segment) else node.words
                node = known.setdefault(segment, _Node())
        if last == "*":
            node.rest = node.rest or template
        else:
            node.template = node.template or template
    return root


def _regex(segment: str) -> str:
    return "^" + ".+".join(re.escape(part) for part in PARAMETER.split(segment)) + "$"
