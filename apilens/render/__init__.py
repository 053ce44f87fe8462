"""A Result as text or bytes. To add an output: a file with one function Result → str or bytes, and a line in RENDERERS.

Renderers are imported when they are used: a piped report loads neither Rich nor anything else it does not need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from importlib import import_module

from apilens.result import Result


@dataclass(frozen=True, slots=True)
class Style:
    """How an output is to look: `width` of the terminal, `color`, `unicode` glyphs, a `header` row, raw CSV cells.

    zone: what people see times in; machines get UTC.
    """

    width: int = 100
    color: bool = False
    unicode: bool = True
    header: bool = True
    csv_raw: bool = False
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class Renderer:
    """An output format: the function that makes it, as `module:function`, and the suffixes of its files."""

    target: str
    suffixes: tuple[str, ...]
    help: str

    def __call__(self, result: Result, style: Style) -> str | bytes:
        module, _, name = self.target.partition(":")
        made: str | bytes = getattr(import_module(module), name)(result, style)
        return made


# The order is that of `--help`.
RENDERERS: Mapping[str, Renderer] = {
    "table": Renderer("apilens.render.terminal:to_table", (".txt",), "for people: header, aligned columns, notes"),
    "json": Renderer("apilens.render.json:to_json", (".json",), "one document, a stable contract"),
    "jsonl": Renderer("apilens.render.json:to_jsonl", (".jsonl", ".ndjson"), "a row per line"),
    "csv": Renderer("apilens.render.delimited:to_csv", (".csv",), "for spreadsheets; formula cells are made harmless"),
    "tsv": Renderer("apilens.render.delimited:to_tsv", (".tsv",), "for pipes: full values, never wrapped"),
    "markdown": Renderer("apilens.render.markdown:to_markdown", (".md",), "for tickets and pull requests"),
    "parquet": Renderer("apilens.render.parquet:to_parquet", (".parquet",), "the rows, typed"),
}

# What CI reads of a check: a Result of kind `check` has a row per rule and group (see findings.py).
CHECK_RENDERERS: Mapping[str, Renderer] = {
    "github": Renderer("apilens.render.github:to_github", (), "annotations of GitHub Actions, and a step's summary"),
    "junit": Renderer("apilens.render.junit:to_junit", (".xml",), "for GitLab, Jenkins, Buildkite"),
    "sarif": Renderer("apilens.render.sarif:to_sarif", (".sarif",), "for code scanning"),
    "tap": Renderer("apilens.render.tap:to_tap", (".tap",), "for whatever reads TAP"),
}


def renderers_of(kind: str) -> Mapping[str, Renderer]:
    """Return the formats that a Result of a kind can have."""
    return {**RENDERERS, **CHECK_RENDERERS} if kind == "check" else RENDERERS


def by_suffix(name: str, kind: str = "") -> str | None:
    """Return the format that a file of this name has, or None. kind: that of the Result."""
    return next((key for key, item in renderers_of(kind).items() if name.lower().endswith(item.suffixes)), None)
