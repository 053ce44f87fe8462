"""What a format is, what it is asked for, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import polars as pl

from apilens.config import IdentityRule
from apilens.schema import TIME

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Needs:
    """Names that settings ask for; each found value arrives as one String column.

    headers → `raw_header.<name>`, response_headers → `raw_response_header.<name>` (names in lower case, found in any
    case), fields → `raw_field.<dotted path>`: a value that is no string as its JSON text.
    """

    headers: frozenset[str] = frozenset()
    response_headers: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ParseOptions:
    """How to read a block: `latest` bounds believable times, `columns` (None: all) is what the caller will use.

    prelude: the directive lines that are in force where the block begins (`Format.prelude` makes it).
    """

    latest: datetime
    needs: Needs = Needs()
    source_tz: str = "UTC"
    columns: frozenset[str] | None = None
    prelude: bytes = b""

    def wants(self, name: str) -> bool:
        """Say whether the caller will use this column."""
        return self.columns is None or name in self.columns


REJECT_SCHEMA: Mapping[str, pl.DataType] = {"line": pl.Int64(), "reason": pl.String(), "text": pl.String()}


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a block held. Every line is in exactly one place; a line that holds n events counts n records.

    events: frame of DESIGN §3 before enrich, in source order: `line` Int64, `item` Int32, `timestamp` (us, UTC),
    `status` Int16 and whatever else the source states; a column that the source lacks is absent, and where there is no
    event so may be all but these. rejects: frame of REJECT_SCHEMA in line order, `text` being the raw line (whoever
    writes it redacts it). other: well-formed lines that are no request. extra: records beyond one per line, so that
    `lines + extra == events + rejects + other + blank + comments`. lossy: lines in which bytes were no UTF-8.
    """

    events: pl.DataFrame
    rejects: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=dict(REJECT_SCHEMA)))
    other: int = 0
    blank: int = 0
    comments: int = 0
    extra: int = 0
    lossy: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """A line, and either the values it must give (column → value) or the reason it is rejected for."""

    line: str
    gives: Mapping[str, Any] | None = None
    rejected: str | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """A way to read lines, declared with sample lines that its contract test reads.

    parse(data, first_line, options): `data` is a block of whole lines (UTF-8 most likely; the last line may lack its
    newline), `first_line` the number of its first line. It never raises on any bytes. time_is says whether
    `timestamp` is the start or the end of a request. account: identity rules that apply where settings have none.
    telling: columns that most events must fill for detection to take this format, so that it may stand in front of
    a broader one.

    framing: `lines`, or `document` where a file is one whole (HAR): `data` is then all of it, up to 256 MiB, stored in
    one commit or not at all; `recognises(sample)` tells such a file by its first 64 KiB. prelude(before, data): for
    logs whose directive lines (`#Fields: …`) say how to read what follows, those in force behind `data`, given those
    before it; they reach parse as `options.prelude`. normalised: events come out as they are stored (apilens' own
    output), and nothing is added to them. unique_id: the column of which no two events have the same value, so that
    exports that overlap count once. held(data): how many bytes at the end of a block belong to what goes on in
    the next one. settle: how long events may take until they stand in the log that is read.
    """

    name: str
    title: str
    time_is: Literal["start", "end"]
    parse: Callable[[bytes, int, ParseOptions], Parsed]
    samples: tuple[Sample, ...]
    framing: Literal["lines", "document"] = "lines"
    account: tuple[IdentityRule, ...] = ()
    telling: tuple[str, ...] = ()
    recognises: Callable[[bytes], bool] | None = None
    prelude: Callable[[bytes, bytes], bytes] | None = None
    normalised: bool = False
    held: Callable[[bytes], int] | None = None
    settle: timedelta = timedelta()
    unique_id: Literal["event_id"] | None = None


EMPTY_EVENTS: Mapping[str, pl.DataType] = {
    "line": pl.Int64(),
    "item": pl.Int32(),
    "timestamp": TIME,
    "status": pl.Int16(),
}
