"""What a run of ingest did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from apilens.ageing import Aged
from apilens.errors import InputError
from apilens.pieces import REJECTS, Log
from apilens.pipeline import Pipeline
from apilens.store import Counts
from apilens.store.maintenance import Compaction

SHOWN_REJECTS = 20


@dataclass(slots=True)
class Summary:
    """What a run did: a log for each input that was read, totals that balance, and what could not be read."""

    logs: list[Log] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    problems: list[InputError] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    shown_rejects: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REJECTS))
    compaction: Compaction = field(default_factory=Compaction)
    aged: Aged = field(default_factory=Aged)
    commits: int = 0
    # Files that --since left closed.
    untouched: int = 0
    # Rule that found the account → requests; None: no account.
    sources: Counter[str | None] = field(default_factory=Counter)

    def take(self, pipeline: Pipeline) -> None:
        """Take over what a pipeline noted on its way."""
        again = {log.source.name for log in pipeline.logs}
        self.logs = [*(log for log in self.logs if log.source.name not in again), *pipeline.logs]
        self.problems = pipeline.problems
        self.skipped, self.warnings = pipeline.skipped, pipeline.warnings
        self.untouched = pipeline.untouched

    def keep_rejects(self, rejects: pl.DataFrame) -> None:
        """Keep the first rejects, to be shown."""
        room = SHOWN_REJECTS - self.shown_rejects.height
        if room > 0 and rejects.height:
            self.shown_rejects = pl.concat([self.shown_rejects, rejects.head(room)])

    @property
    def pending(self) -> int:
        """Bytes of half-written last lines, which the next run will read."""
        return sum(log.pending for log in self.logs)
