"""How late the events of a log may come, and so up to when everything is there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from apilens.config import Settings
from apilens.file_pattern import FilePattern, whole_path
from apilens.recognition import all_formats
from apilens.window import complete_until, parse_duration


class Settling:
    """Says of a stored log which source it belongs to, and how long its events take to arrive.

    That is what the source's `settle` says, else what the format is known for.
    """

    def __init__(self, settings: Settings) -> None:
        self._sources = [(name, FilePattern.of(item.path), item.settle) for name, item in settings.sources.items()]
        self._formats = {item.name: item.settle for item in all_formats()}

    def of(self, source: str, format: str) -> tuple[str | None, timedelta]:
        """Return the name of a log's source (None: it has none) and its delay; `source`, `format`: its columns."""
        # What an envelope holds arrives when the log does.
        known = self._formats.get(format.rpartition(":")[2], timedelta())
        path = whole_path(source)
        for name, pattern, settle in self._sources:
            if pattern.values(path) is not None:
                return name, parse_duration(settle) if settle else known
        return None, known

    def complete_until(self, logs: Iterable[tuple[str, str]], now: datetime) -> datetime:
        """Return the moment up to which all events of these logs (source, format) have come."""
        return complete_until(now, (self.of(*log)[1] for log in logs))
