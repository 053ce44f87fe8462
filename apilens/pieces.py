"""Logs while they are read, and the pieces that their blocks become."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import polars as pl

from apilens.announced import nothing
from apilens.dedupe import unique_id
from apilens.enrich import reject_shape
from apilens.enrich.base import Context
from apilens.formats import Format
from apilens.origins import Origin
from apilens.sources import Block, Reader, Source
from apilens.store import Counts, Position

REJECTS = {
    "source": pl.String(), "line": pl.Int64(), "reason": pl.String(), "bytes": pl.Int64(), "sha256": pl.String(),
    "shape": pl.String(),
}  # fmt: skip
_NO_REJECTS = pl.DataFrame(schema=REJECTS)


@dataclass(slots=True)
class Log:
    """One input while it is read: its format, how well that fits, and the settings that hold for it."""

    source: Source
    reader: Reader
    format: Format
    fit: float | None
    origin: Origin
    context: Context
    start: Position = field(default_factory=Position)
    pending: int = 0
    # The format is only likely: parsing will tell.
    likely: bool = False

    @property
    def unique_id(self) -> str | None:
        """The column by which its events are told from their doubles; parsing may find that the format is another."""
        return unique_id(self.format, self.origin.options, self.origin.settings)


@dataclass(frozen=True, slots=True)
class Piece:
    """A block after parsing: enriched events, rejects (a frame of REJECTS) and where every record went.

    announced: what responses say of their endpoints, as announced.SCHEMA has it.
    """

    log: Log
    block: Block
    events: pl.DataFrame
    rejects: pl.DataFrame
    counts: Counts
    announced: pl.DataFrame = field(default_factory=nothing)

    def sources(self) -> dict[str | None, int]:
        """Return how many requests each rule found the account of; None: those of which none did."""
        return attributed_by(self.events)


def attributed_by(events: pl.DataFrame) -> dict[str | None, int]:
    """Return how many requests each rule found the account of; None: those of which none did."""
    if "kind" not in events.columns:
        return {}
    requests = events.filter(pl.col("kind") == "request")
    if "account_source" not in events.columns:
        return {None: requests.height} if requests.height else {}
    return dict(requests["account_source"].value_counts().iter_rows())


def rejects_of(log: Log, block: Block, rejects: pl.DataFrame) -> pl.DataFrame:
    """Return what could not be read of a block, a frame of REJECTS: never as it stands there, but by hash and shape."""
    if rejects.is_empty() and not block.overlong:
        return _NO_REJECTS
    long = pl.DataFrame(
        [
            (item.line, f"line too long ({item.bytes} bytes > 1 MiB)", item.bytes, item.digest, "")
            for item in block.overlong
        ],
        schema={name: dtype for name, dtype in REJECTS.items() if name != "source"},
        orient="row",
    )
    # A loop over lines, but only the rejected ones: Polars has no cryptographic hash.
    digests = [hashlib.sha256(text.encode()).hexdigest()[:8] for text in rejects["text"]]
    named = rejects.select(
        "line",
        "reason",
        pl.col("text").str.len_bytes().cast(pl.Int64).alias("bytes"),
        pl.Series("sha256", digests, dtype=pl.String),
        reject_shape(rejects["text"], log.origin.settings.redact).alias("shape"),
    )
    found = pl.concat([named, long]).sort("line") if long.height else named
    return found.select(pl.lit(log.source.name).alias("source"), pl.all())
