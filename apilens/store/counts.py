"""Where every record went: the counts of a commit, a run, or all that a store has taken in."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Counts:
    """Where every record went: `read == stored + rejected + other + blank + comments + older + duplicates` always.

    older: than `--since` of the run that read them. duplicates: their id was in the store, or in the run, before.
    lossy: lines with bytes that are no UTF-8, wherever they went.
    """

    read: int = 0
    stored: int = 0
    rejected: int = 0
    other: int = 0
    blank: int = 0
    comments: int = 0
    lossy: int = 0
    older: int = 0
    duplicates: int = 0

    def __add__(self, more: Counts) -> Counts:
        return Counts(*(getattr(self, item.name) + getattr(more, item.name) for item in fields(self)))

    @property
    def balances(self) -> bool:
        """Say whether nothing was lost."""
        kept = self.stored + self.rejected + self.other
        return self.read == kept + self.blank + self.comments + self.older + self.duplicates
