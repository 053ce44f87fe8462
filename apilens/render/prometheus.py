"""The text format of Prometheus, as the textfile collector of node_exporter reads it: gauges, without times."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from apilens.metrics import BY_NAME as METRICS
from apilens.render.cells import UNATTRIBUTED
from apilens.render.safe import safe
from apilens.result import Field, Result

_PREFIX = "apilens_"
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_ESCAPES_OF_HELP = str.maketrans({"\\": "\\\\", "\n": "\\n"})


def to_prometheus(result: Result) -> str:
    """Return a gauge for each metric of the first table, with a sample per row, and three about the export itself.

    The columns that `query["by"]` names are labels. What is not known has no sample; a time is in seconds of the epoch.
    """
    table, query = result.tables[0], result.query
    by = query["by"]
    labels = list(_distinct(_labels(row, by) for row in table.rows.iter_rows(named=True)))
    lines: list[str] = []
    for name, field in _names(table.fields, by):
        values = table.rows[field.name].to_list()
        known = [(label, value) for label, value in zip(labels, values, strict=True) if value is not None]
        lines += _gauge(name, _help(field), [(label, _number(value)) for label, value in known])
    about: Mapping[str, tuple[str, Any]] = {
        "newest_event_timestamp_seconds": ("When the newest event in the store was.", _time(query["newest"])),
        "last_success_timestamp_seconds": ("When this file was written.", _time(query["now"])),
        "series_limit": ("How many groups have their own name; the others are `__other__`.", query["top"]),
    }
    for name, (words, one) in about.items():
        lines += _gauge(_PREFIX + name, words, [] if one is None else [("", _number(one))])
    return "".join(f"{line}\n" for line in lines)


def _gauge(name: str, words: str, samples: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"# HELP {name} {words.translate(_ESCAPES_OF_HELP)}"
    yield f"# TYPE {name} gauge"
    for labels, value in samples:
        yield f"{name}{labels} {value}"


def _names(fields: tuple[Field, ...], by: list[str]) -> Iterator[tuple[str, Field]]:
    """Give the metrics under names that Prometheus allows, each once: `count(status = 422)` is `count_status_422`."""
    seen: set[str] = set()
    for field in fields:
        if field.name in by:
            continue
        name = _PREFIX + _word(field.name) + ("_timestamp_seconds" if field.unit == "time" else "")
        while name in seen:
            name += "_"
        seen.add(name)
        yield name, field


def _labels(row: Mapping[str, Any], by: list[str]) -> dict[str, str]:
    shown = {name: UNATTRIBUTED if row[name] is None and name == "account" else row[name] for name in by}
    return {_word(name): "" if value is None else safe(value) for name, value in shown.items()}


def _distinct(rows: Iterable[dict[str, str]]) -> Iterator[str]:
    """Give the labels of each row, no two alike: node_exporter refuses a file in which one sample stands twice.

    An account may be called as another one is shown.
    """
    seen: set[str] = set()
    for row in rows:
        text, number = _spelled(row), 2
        while text in seen:
            text = _spelled({name: f"{value} #{number}" for name, value in row.items()})
            number += 1
        seen.add(text)
        yield text


def _spelled(row: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in row.items()) + "}"


def _word(name: str) -> str:
    return re.sub("[^a-zA-Z0-9]+", "_", name).strip("_")


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _help(field: Field) -> str:
    return METRICS[field.name].help if field.name in METRICS else field.name


def _number(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.timestamp():.6f}".rstrip("0").rstrip(".")
    return repr(float(value)) if isinstance(value, float) else str(int(value))
