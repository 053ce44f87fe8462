"""What a rebuild changes: rows of each day, rows of each column, and the changes that are made most."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from apilens.result import Field, Result, Table

# Changes of a column that are told apart; beyond, they are counted with their column only.
_MOST_CHANGES = 10_000
_SHOWN = 20


@dataclass(slots=True)
class Rebuilt:
    """What was or would be changed.

    left: part → rows that only their log can tell. added, gone: rows of lines that were not stored before, and the
    other way round.
    """

    days: dict[date, list[int]] = field(default_factory=dict)
    columns: Counter[str] = field(default_factory=Counter)
    changes: Counter[tuple[str, str | None, str | None]] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    added: int = 0

    def compare(self, day: date, before: pl.DataFrame, after: pl.DataFrame) -> int:
        """Take in the rows of a day before and after, in the same order; return how many changed."""
        any_column = pl.repeat(False, before.height, dtype=pl.Boolean, eager=True)
        for name in after.columns:
            old = before[name] if name in before.columns else pl.repeat(None, before.height, eager=True)
            changed = old.ne_missing(after[name])
            if changed.any():
                any_column |= changed
                self._count(name, old.filter(changed), after[name].filter(changed))
        total = self.days.setdefault(day, [0, 0])
        total[0] += before.height
        total[1] += int(any_column.sum())
        return int(any_column.sum())

    def result(self, *, store: str, dry_run: bool, command: str) -> Result:
        """Return it as tables: days, columns, changes."""
        changed = sum(changed for _, changed in self.days.values())
        done = "would change" if dry_run else "changed"
        header = [f"{changed:,} of {sum(rows for rows, _ in self.days.values()):,} rows {done}"]
        if self.added:
            header.append(f"{self.added:+,} rows: lines that were not stored, less those that are stored no more")
        notes = [
            f"{rows:,} rows keep their {part}: only their logs can tell; --from FILE…" for part, rows in self._left()
        ]
        days = [(day, *counts) for day, counts in sorted(self.days.items())]
        columns = sorted(self.columns.items(), key=lambda item: (-item[1], item[0]))
        changes = sorted(self.changes.items(), key=lambda item: (-item[1], *map(str, item[0])))[:_SHOWN]
        return Result(
            "store-rebuild", f"Rebuild of {store}" + (" (dry run)" if dry_run else ""),
            (
                _table("days", {"day": pl.Date, "rows": pl.Int64, "changed": pl.Int64}, days),
                _table("columns", {"column": pl.String, "changed": pl.Int64}, columns),
                _table(
                    "changes", {"column": pl.String, "before": pl.String, "after": pl.String, "rows": pl.Int64},
                    [(*change, rows) for change, rows in changes],
                ),
            ),
            query={"store": store, "dry_run": dry_run}, header=tuple(header), notes=tuple(notes), command=command,
        )  # fmt: skip

    def _left(self) -> list[tuple[str, int]]:
        return sorted((part, rows) for part, rows in self.left.items() if rows)

    def _count(self, name: str, old: pl.Series, new: pl.Series) -> None:
        self.columns[name] += old.len()
        pairs = pl.DataFrame({"old": old.cast(pl.String), "new": new.cast(pl.String)})
        for before, after, rows in pairs.group_by("old", "new").len().iter_rows():
            change = (name, before, after)
            if change in self.changes or len(self.changes) < _MOST_CHANGES:
                self.changes[change] += rows


def _table(name: str, columns: dict[str, Any], rows: list[tuple[Any, ...]]) -> Table:
    units = {pl.Date: "date", pl.Int64: "count"}
    fields = tuple(Field(column, units.get(dtype, "text")) for column, dtype in columns.items())  # type: ignore[arg-type]
    return Table(name, fields, pl.DataFrame(rows, schema=columns, orient="row"))
