"""Versions in the order of releases: 1.9 before 1.10, 2.0-rc1 before 2.0, 2.0 the same as v2.0.0.

A version becomes a key whose order as text is the order of releases: the rules of SemVer 2.0.0 (§11) and of PEP 440
where they agree, and where one of them is silent the other's. Versions of both are met in user agents.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import narwhals as nw
import polars as pl

_CALL = re.compile(r'\bversion\(\s*"?([a-z_][\w.]*)"?\s*\)', re.IGNORECASE)
# What a version begins with; anything else has no place in the order.
VERSION = r"^[vV]?[0-9]"

# Applied one after the other to `1.4.0-rc.2+build`, in lower case. The number of the release ends with a comma, that
# of what comes before it with `!`: `!` sorts before `,`, and that before the `.` of a longer number.
_STEPS = (
    # Builds have no order (SemVer §10); Java counts its updates behind `_`.
    (r"^v|\+.*$", ""),
    (r"^([0-9.]+)_", "${1}."),
    # 2.0.0 is 2.
    (r"^([0-9]+(?:\.[0-9]+)*?)(?:\.0+)*($|[^.0-9].*|\.[^0-9].*)", "${1},${2}"),
    (r",[-.]?dev[-.]?([0-9]|$)", "!#dev.${1}"),
    (r",[-.]?(?:alpha|a)[-.]?([0-9]|$)", "!alpha.${1}"),
    (r",[-.]?(?:beta|b)[-.]?([0-9]|$)", "!beta.${1}"),
    (r",[-.]?(?:rc|c|preview|pre)[-.]?([0-9]|$)", "!rc.${1}"),
    (r",-", "!"),
    # Numbers by their value: as many digits each.
    (r"([0-9]+)", "0000000000000000${1}"),
    (r"[0-9]*([0-9]{16})", "${1}"),
)


def version_key(text: nw.Expr) -> nw.Expr:
    """Return text that sorts as the versions do, null for what is no version.

    1.0.dev1 < 1.0-alpha.1 < 1.0b2 < 1.0-rc1 < 1.0 = 1.0.0 = v1 < 1.0.post1 < 1.0.1. Numbers count by their last 16
    digits.
    """
    key = text.str.to_lowercase()
    for pattern, replacement in _STEPS:
        key = key.str.replace_all(pattern, replacement)
    return nw.when(text.str.contains(VERSION)).then(key)


def key_of(version: str) -> str | None:
    """Return the key of one version."""
    key: str | None = _keys(pl.Series([version], dtype=pl.String))[0]
    return key


def is_version(text: str) -> bool:
    """Say whether a text has a place in the order of versions."""
    return re.match(VERSION, text) is not None


def key_column(column: str) -> str:
    """Return the name of the column that holds the keys of a column of versions."""
    return f"#version:{column}"


def with_version_keys(
    events: nw.LazyFrame[Any], texts: Iterable[str], columns: Mapping[str, pl.DataType]
) -> tuple[nw.LazyFrame[Any], dict[str, pl.DataType]]:
    """Return the events and their columns, with the keys of each column that the texts of a question put in version().

    On Polars each distinct version is read once: a twentieth of the time that `version_key` takes over every row.
    DuckDB writes what a group of a regex matched otherwise than `version_key` does.
    """
    said = {name for text in texts for name in _CALL.findall(text) if columns.get(name) == pl.String}
    if not said:
        return events, dict(columns)
    known = {**columns, **{key_column(name): pl.String() for name in said}}
    if events.implementation is not nw.Implementation.POLARS:
        keys = [f'{_key_in_duckdb(name)} AS "{key_column(name)}"' for name in sorted(said)]
        return nw.from_native(nw.to_native(events).project(", ".join(["*", *keys]))), known
    native: pl.LazyFrame = nw.to_native(events)
    distinct = [
        pl.col(name).map_batches(_keys_of_distinct, return_dtype=pl.String, is_elementwise=True).alias(key_column(name))
        for name in sorted(said)
    ]
    return nw.from_native(native.with_columns(distinct)), known


def _key_in_duckdb(column: str) -> str:
    name = '"' + column.replace('"', '""') + '"'
    key = f"lower({name})"
    for pattern, replacement in _STEPS:
        with_groups = re.sub(r"\$\{(\d)\}", r"\\\1", replacement)
        key = f"regexp_replace({key}, '{pattern}', '{with_groups}', 'g')"
    return f"CASE WHEN regexp_matches({name}, '{VERSION}') THEN {key} END"


def _keys(versions: pl.Series) -> pl.Series:
    frame = nw.from_native(versions.alias("version").to_frame())
    return frame.select(version_key(nw.col("version"))).to_native().to_series()


def _keys_of_distinct(versions: pl.Series) -> pl.Series:
    distinct = versions.unique()
    return versions.replace_strict(distinct, _keys(distinct), return_dtype=pl.String)
