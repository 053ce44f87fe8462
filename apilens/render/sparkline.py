"""Numbers over time as a line of bars, one character each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeVar

T = TypeVar("T")

BARS = "▁▂▃▄▅▆▇█"
PLAIN_BARS = "_.-:=+*#"
UNKNOWN, PLAIN_UNKNOWN = "·", " "


def sparkline(values: Sequence[float | None], *, width: int, unicode: bool) -> str:
    """Return a bar for each value, from 0 to the greatest; what is unknown is a dot, or in ASCII a blank.

    More values than `width` share bars: each shows the greatest of its own.
    """
    bars, unknown = (BARS, UNKNOWN) if unicode else (PLAIN_BARS, PLAIN_UNKNOWN)
    merged = [_greatest(part) for part in parts(values, width)]
    top = _greatest(merged) or 0.0
    if top <= 0:
        return "".join(unknown if value is None else bars[0] for value in merged)
    return "".join(unknown if value is None else bars[_level(value / top)] for value in merged)


def marker(count: int, marked: Collection[int], *, width: int, unicode: bool) -> str:
    """Return what stands under the line of so many values: a sign where one of `marked` is, counted from 0."""
    sign = "▲" if unicode else "^"
    return "".join(sign if set(part) & set(marked) else " " for part in parts(range(count), width)).rstrip()


def parts(values: Sequence[T], width: int) -> list[Sequence[T]]:
    """Return the values in as many runs of one length as are drawn in `width`: all alone where they fit."""
    size = max(-(-len(values) // max(width, 1)), 1)
    return [values[at : at + size] for at in range(0, len(values), size)]


def _greatest(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _level(share: float) -> int:
    """Return which bar a share of the greatest is: only nothing at all is the lowest."""
    return 0 if share <= 0 else max(1, round(min(share, 1.0) * (len(BARS) - 1)))
