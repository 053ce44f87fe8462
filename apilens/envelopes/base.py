"""What an envelope is: the wrapping that shippers and container platforms put around each line of a log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

# Columns of the event table that an envelope may fill.
LABELS = ("service", "environment", "node")


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A sample: a block as shipped, the texts within it, and the labels that each text carries."""

    data: str
    texts: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A way in which lines are wrapped, declared with samples that its contract test opens.

    open(data, first_line) returns the lines within a block, in order: `line` Int64 (number of the line around it),
    `text` String, `inside` Boolean (false for a line that is not wrapped: its text is the line itself), and String
    columns of LABELS that the wrapping states. A line may hold several texts; parts of one text are put together under
    the number of the first. It never raises, whatever the bytes. framing: as for formats. recognises(sample): whether
    a log may be in this envelope at all, where `open` cannot tell, and for documents. held(data): how many bytes at
    the end of a block belong to a text that goes on in the next one.
    """

    name: str
    title: str
    open: Callable[[bytes, int], pl.DataFrame]
    samples: tuple[Wrapped, ...]
    framing: Literal["lines", "document"] = "lines"
    recognises: Callable[[bytes], bool] | None = None
    held: Callable[[bytes], int] | None = None
