"""Links of apilens.yaml: `links: {trace: "https://traces.example/{trace_id}"}`, with columns of an event in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from apilens.spelling import nearest
from apilens.yaml_nodes import Keys

_FIELD = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# Columns of these are known when their files are read, with the question.
_JOINED = ("account.", "endpoint.")


def fields_of(template: str) -> tuple[str, ...]:
    """Return the columns that a link names in `{}`, each once."""
    return tuple(dict.fromkeys(_FIELD.findall(template)))


def pieces_of(template: str) -> Iterator[tuple[str, str | None]]:
    """Give the text before each column with the column, and at last the text behind all of them with None."""
    # Splitting at what a group matches gives text and column by turns.
    parts = [*_FIELD.split(template), None]
    for at in range(0, len(parts), 2):
        yield parts[at] or "", parts[at + 1]


def link_problems(links: Mapping[str, str], columns: Mapping[str, str]) -> Iterator[tuple[Keys, str]]:
    """Give what is wrong with the links; columns: name → type name of the configured ones."""
    for name, template in links.items():
        if not _NAME.fullmatch(name):
            yield (name,), "a link is named in lower case, with letters, digits and `_`"
        if not template.startswith(("https://", "http://")):
            yield (name,), f"{template!r} is no link: it begins with https:// or http://"
        elif "{" in _FIELD.sub("", template) or "}" in _FIELD.sub("", template):
            yield (name,), f"{template!r} has a brace without its other; write one that is meant as %7B or %7D"
        for field in fields_of(template):
            if problem := _field_problem(field, columns):
                yield (name,), problem


def _field_problem(field: str, columns: Mapping[str, str]) -> str | None:
    if field.startswith(_JOINED):
        return None
    # Slow to import (it brings Polars), and few settings have links.
    from apilens.schema import DTYPES

    known = [*DTYPES, *columns]
    if field in known:
        return None
    hint = nearest(field, known)
    return f"no column `{field}`{f' ({hint})' if hint else ''}"
