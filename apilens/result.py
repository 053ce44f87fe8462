"""What a question answers: titled tables with notes, and the command that makes them again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import polars as pl

Unit = Literal["text", "count", "ratio", "ms", "bytes", "time", "date", "number", "points"]
# points: the difference of two ratios, itself one.
Better = Literal["lower", "higher", ""]


@dataclass(frozen=True, slots=True)
class Field:
    """How one column of a table is meant: renderers align, round and colour by it; `bar`: draw the share too."""

    name: str
    unit: Unit = "text"
    better: Better = ""
    bar: bool = False


@dataclass(frozen=True, slots=True)
class Spread:
    """How people see a long table: a row per value of `down`, a column per value of `across`, `cell` where they meet.

    Machines get the rows as they are.
    """

    down: tuple[str, ...]
    across: str
    cell: str


@dataclass(frozen=True, slots=True)
class Beside:
    """How people see numbers that changed: the change stands behind the number, and what it was is left to machines.

    changes: column → the column behind it. hidden: columns that people do not see.
    """

    changes: Mapping[str, str]
    hidden: frozenset[str]


@dataclass(frozen=True, slots=True)
class Series:
    """How people see numbers over time: a row per value of `down`, whose other columns are drawn over `at`.

    marked: which buckets, counted from 0, have a mark.
    """

    down: tuple[str, ...]
    at: str
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a name; `fields` has one entry per column of `rows`, in order. spread: how people see them."""

    name: str
    fields: tuple[Field, ...]
    rows: pl.DataFrame
    spread: Spread | Beside | Series | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to one question.

    `kind` and `version` make the JSON schema name (`apilens.report/1`); `query` is what was asked, JSON-ready;
    `header` lines say window, zone, events and age; `notes` what a reader must know; `command` makes it again.
    The first table is the answer: TSV, CSV and `rows` in JSON show it alone.
    """

    kind: str
    title: str
    tables: tuple[Table, ...]
    query: Mapping[str, Any] = field(default_factory=dict)
    header: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    command: str = ""
    version: int = 1
