"""What is left out of answers unless it is asked for: health checks, CORS preflights, internal and excluded traffic."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

import narwhals as nw
import polars as pl

from apilens.address_pattern import pattern_of
from apilens.computed import condition
from apilens.scope_settings import ScopeSettings

# The column that says why an event is left out: 0 where it is not, else the place of the reason below, from 1.
OUT = "#out"
# Reason → what one and several are called. An event that is left out for several is counted for the first.
REASONS: Mapping[str, tuple[str, str]] = {
    "health_checks": ("health check", "health checks"),
    "preflights": ("preflight", "preflights"),
    "internal": ("internal request", "internal requests"),
    "excluded": ("excluded request", "excluded requests"),
    "outgoing": ("outgoing call", "outgoing calls"),
}
_CODES = {name: code for code, name in enumerate(REASONS, 1)}
_QUOTED = re.compile("'[^']*'")
_WORD = re.compile(r"[\w.]+")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Conditions by their reason: an event for which one of them is true is left out."""

    conditions: Mapping[str, nw.Expr] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.conditions)

    @property
    def codes(self) -> list[int]:
        """What `code` may be of an event that is left out."""
        return [_CODES[name] for name in REASONS if name in self.conditions]

    @property
    def code(self) -> nw.Expr:
        """What the column OUT says of an event."""
        found = nw.lit(0)
        for name in reversed(list(REASONS)):
            if name in self.conditions:
                found = nw.when(self.conditions[name]).then(nw.lit(_CODES[name])).otherwise(found)
        return found.cast(nw.Int8).alias(OUT)

    def of(self, events: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the events that are not left out."""
        if not self.conditions:
            return events
        return events.filter(~nw.coalesce(reduce(or_, self.conditions.values()), nw.lit(False)))


NOTHING = LeftOut()


def left_out(
    scope: ScopeSettings | None, texts: Iterable[str], columns: Mapping[str, pl.DataType], *, everything: bool = False
) -> LeftOut:
    """Return what a question leaves out, nothing without a scope; `everything`: outgoing calls alone.

    texts: its names and conditions: what they name of `is_health_check`, `direction` and OPTIONS is asked for. Raises
    UsageError for a condition of the scope that cannot be meant.
    """
    if scope is None:
        return NOTHING
    said = " ".join(texts)
    named = set(_WORD.findall(_QUOTED.sub("", said)))
    found: dict[str, nw.Expr] = {}
    if "direction" not in named:
        found["outgoing"] = nw.col("direction") == "outgoing"
    if everything:
        return LeftOut(found)
    if "is_health_check" not in named:
        found["health_checks"] = nw.col("is_health_check")
    if "OPTIONS" not in said:
        # A browser asks without credentials whether it may ask; what has some is a request like any other.
        found["preflights"] = (nw.col("method") == "OPTIONS") & nw.col("auth_scheme").is_null()
    internal = [nw.col("client_ip").str.contains(pattern_of(network)) for network in scope.internal.networks]
    if scope.staff:
        internal.append(condition(scope.staff, columns).expr)
    if "direction" not in named:
        internal.append(nw.col("direction") == "internal")
    if internal:
        found["internal"] = reduce(or_, internal)
    if scope.excluded:
        found["excluded"] = condition(scope.excluded, columns).expr
    return LeftOut(found)


def inside(groups: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return the rows of groups, not collected yet, without those of what is left out."""
    return groups.filter(nw.col(OUT) == 0).drop(OUT) if OUT in groups.collect_schema() else groups


def out_column(code: int) -> str:
    """Return the column of how many were left out for a reason, where there is one row of all."""
    return f"{OUT}:{code}"


def split(groups: pl.DataFrame, counted: str | None = None) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the rows of what is not left out, and reason → how many were, by the column `counted`, else by rows."""
    codes = {code: name for name, code in _CODES.items()}
    if OUT in groups.columns:
        sums = (
            groups.filter(pl.col(OUT) > 0)
            .group_by(OUT)
            .agg(pl.col(counted).cast(pl.Int128).sum() if counted else pl.len())
        )
        found = dict(sums.iter_rows())
        groups = groups.filter(pl.col(OUT) == 0).drop(OUT)
    else:
        columns = {code: out_column(code) for code in codes if out_column(code) in groups.columns}
        found = {code: groups[column].sum() for code, column in columns.items()}
        groups = groups.drop(list(columns.values()))
    return groups, {name: int(found[code]) for code, name in codes.items() if found.get(code)}


def lines_of(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Return the lines that say how much was left out, and what brings it back."""
    lines = []
    if others := [_counted(name, counts[name]) for name in REASONS if name in counts and name != "outgoing"]:
        them = "it" if len(others) == 1 and others[0].startswith("1 ") else "them"
        lines.append(f"{_listed(others)} left out; --all brings {them} back")
    if "outgoing" in counts:
        said = _counted("outgoing", counts["outgoing"])
        lines.append(f"{said} left out; --where \"direction = 'outgoing'\" asks for them")
    return tuple(lines)


def what_of(leave: LeftOut) -> tuple[str, ...]:
    """Return the line that says what is left out, where nobody counts how much; none where nothing is."""
    names = [REASONS[name][1] for name in REASONS if name in leave.conditions and name != "outgoing"]
    return (f"without {_listed(names)}; --all brings them back",) if names else ()


def _counted(name: str, count: int) -> str:
    one, several = REASONS[name]
    return f"{count:,} {one if count == 1 else several}"


def _listed(words: Sequence[str]) -> str:
    *some, last = words
    return f"{', '.join(some)} and {last}" if some else last
