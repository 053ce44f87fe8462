"""What a question answers: titled tables with notes, and the command that makes them again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import polars as pl

Unit = Literal["text", "count", "ratio", "ms", "bytes", "time", "date", "number", "points"]
# points: the difference of two ratios, itself one.
Level = Literal["error", "warning", "notice"]
Better = Literal["lower", "higher", ""]

# What is too many to be shown one by one stands together under this name.
REST = "(other)"


@dataclass(frozen=True, slots=True)
class Field:
    """How one column of a table is meant: renderers align, round and colour by it; `bar`: draw the share too.

    optional: an empty cell of `account` is a row that is about none, not somebody whom nobody knows.
    heat: colour each cell by how great it is among all cells of such columns.
    """

    name: str
    unit: Unit = "text"
    better: Better = ""
    bar: bool = False
    optional: bool = False
    heat: bool = False


@dataclass(frozen=True, slots=True)
class Spread:
    """How people see a long table: a row per value of `down`, a column per value of `across`, `cell` where they meet.

    Machines get the rows as they are. order: of the columns, where it is not that of their values. heat: in colour.
    """

    down: tuple[str, ...]
    across: str
    cell: str
    order: tuple[Any, ...] = ()
    heat: bool = False


@dataclass(frozen=True, slots=True)
class Prose:
    """How people see rows that each are a sentence: one under the other, numbered, with the command that goes on.

    Machines get the rows as they are.
    """

    sentence: str
    command: str


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
    """Rows under a name; `fields` has one entry per column of `rows`, in order.

    spread: how people see them. people: the order in which they see the columns, where the first ones may be all that
    there is room for.
    """

    name: str
    fields: tuple[Field, ...]
    rows: pl.DataFrame
    spread: Spread | Beside | Series | Prose | None = None
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has to say in a place where there is room for a line: an annotation of a build."""

    level: Level
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to one question.

    `kind` and `version` make the JSON schema name (`apilens.report/1`); `query` is what was asked, JSON-ready;
    `header` lines say window, zone, events and age; `notes` what a reader must know; `command` makes it again.
    The first table is the answer: TSV, CSV and `rows` in JSON show it alone. findings: what a check found, worst first.
    """

    kind: str
    title: str
    tables: tuple[Table, ...]
    query: Mapping[str, Any] = field(default_factory=dict)
    header: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    command: str = ""
    version: int = 1
    findings: tuple[Finding, ...] = ()
