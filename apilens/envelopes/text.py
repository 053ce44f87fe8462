"""The recipe for envelopes that are a prefix of each line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from apilens.formats.text import read_lines

_FRONT = "front"


def prefixed(*fronts: str, labels: Mapping[str, str] | None = None) -> Callable[[bytes, int], pl.DataFrame]:
    """Return `open` of an envelope whose lines begin with what fits one of the regexes; the text is what is behind.

    labels: column → the group that states it. A line that does not fit is its own text, not inside. Regexes are tried
    in turn, on the lines that are left: two that are one-pass are faster than one that is not.
    """
    # What is behind is not matched, but cut off: matching takes several times as long.
    regexes = [f"^(?P<{_FRONT}>{front})" for front in fronts]
    groups = dict(labels or {})

    def open(data: bytes, first_line: int) -> pl.DataFrame:
        lines, _ = read_lines(data, first_line)
        found = lines.with_columns(_groups(lines["text"], regexes))
        behind = pl.col("text").str.strip_prefix(pl.col(_FRONT))
        return found.select(
            "line",
            pl.coalesce(behind, "text").alias("text"),
            behind.is_not_null().alias("inside"),
            *(_stated(pl.col(group)).alias(column) for column, group in groups.items()),
        )

    return open


def _groups(text: pl.Series, regexes: list[str]) -> list[pl.Series]:
    """Return the named groups of the first regex that fits each text, null where none does."""
    found: dict[str, pl.Series] = {}
    rows = pl.int_range(len(text), eager=True)
    for regex in regexes:
        for group in text.gather(rows).str.extract_groups(regex).struct.unnest():
            nothing = pl.repeat(None, len(text), dtype=pl.String, eager=True)
            found[group.name] = found.get(group.name, nothing).scatter(rows, group).alias(group.name)
        rows = found[_FRONT].is_null().arg_true()
        if not rows.len():
            break
    return list(found.values())


def _stated(text: pl.Expr) -> pl.Expr:
    return pl.when(~text.is_in(["", "-"])).then(text)
