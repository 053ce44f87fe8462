"""What reading logs came to, in lines for people: what was detected, where every line went, what could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apilens.cli.options import Session, warn
from apilens.errors import EXIT_INPUT

if TYPE_CHECKING:
    from apilens.ingested import Summary
    from apilens.pieces import Log

_GOOD_FIT = 0.95
_MOST_LINES = 20
_MOST_RULES = 4
_MOST_SAID = 100_000


def tell(summary: Summary, session: Session, *, reads: bool = True) -> int:
    """Print a summary on stderr and return the exit code it calls for: 3 when an input could not be read."""
    if not session.quiet:
        _tell_what_was_read(summary, session)
    for problem in summary.problems[:_MOST_LINES]:
        warn(f"apilens: {problem.message}")
        if problem.hint:
            warn(f"  {problem.hint}")
    if reads and (summary.counts.read or not summary.problems):
        session.say(balance(summary))
        if words := attribution(summary):
            session.say(words)
    return EXIT_INPUT if summary.problems else 0


def _tell_what_was_read(summary: Summary, session: Session) -> None:
    for log in summary.logs[:_MOST_LINES]:
        if log.fit is not None:
            _tell_format(log, session)
    if len(summary.logs) > _MOST_LINES:
        session.say(f"… and {len(summary.logs) - _MOST_LINES} more files")
    for row in summary.shown_rejects.iter_rows(named=True):
        session.say(f"{row['source']}:{row['line']}: {row['reason']}")
    more = summary.counts.rejected - summary.shown_rejects.height
    if more > 0:
        session.say(f"… and {more:,} more rejected lines")
    for line in summary.skipped[:_MOST_LINES]:
        session.say(f"skipped: {line}")
    if len(summary.skipped) > _MOST_LINES:
        session.say(f"… and {len(summary.skipped) - _MOST_LINES} more skipped files")
    for line in summary.warnings[:_MOST_LINES]:
        session.say(line)
    if summary.untouched:
        session.say(f"{summary.untouched:,} files were not written to since, and left closed")


class Told:
    """What the passes of `ingest --follow` came to, told once: a format when a log is met, a problem when it is new."""

    def __init__(self, session: Session) -> None:
        from apilens.ingested import Summary

        self.total = Summary()
        # Whether the last pass could not read something: a log may be half packed for a moment.
        self.unread = False
        self._session = session
        self._said: set[str] = set()

    def add(self, summary: Summary) -> None:
        """Tell what is new in a pass, and add it to the total."""
        self.unread = bool(summary.problems)
        logs = [log for log in summary.logs if self._is_new(f"log {log.source.name}")]
        problems = [problem for problem in summary.problems if self._is_new(problem.message)]
        summary.skipped = [line for line in summary.skipped if self._is_new(line)]
        summary.warnings = [line for line in summary.warnings if self._is_new(line)]
        summary.logs, summary.problems, summary.untouched = logs, problems, 0
        tell(summary, self._session, reads=False)
        self.total.counts += summary.counts

    def _is_new(self, words: str) -> bool:
        known = words in self._said
        # A message may name an offset that moves: past so many they are said again rather than kept for ever.
        if len(self._said) > _MOST_SAID:
            self._said.clear()
        self._said.add(words)
        return not known


def balance(summary: Summary) -> str:
    """Return the line that accounts for every record that was read."""
    counts = summary.counts
    if not counts.read:
        held = f" ({summary.pending:,} bytes of an unfinished line wait for the next run)" if summary.pending else ""
        return f"nothing new to read{held}"
    parts = [f"{counts.stored:,} stored", f"{counts.rejected:,} rejected", f"{counts.other:,} other"]
    parts += [f"{counts.blank:,} blank", f"{counts.comments:,} comments"]
    parts += [f"{counts.older:,} older"] if counts.older else []
    parts += [f"{counts.duplicates:,} duplicates"] if counts.duplicates else []
    words = f"{counts.read:,} read = {' + '.join(parts)}"
    if summary.pending:
        words += f" (+ {summary.pending:,} bytes of an unfinished line)"
    if counts.lossy:
        words += f"; {counts.lossy:,} lines held bytes that are no UTF-8"
    return words


def attribution(summary: Summary) -> str | None:
    """Return the line that says how many requests have an account, and by which rules; None without requests."""
    from apilens.heading import NO_ACCOUNTS, percent

    total = sum(summary.sources.values())
    found = [(rule, count) for rule, count in summary.sources.most_common() if rule is not None]
    if not total:
        return None
    if not found:
        return NO_ACCOUNTS
    rules = ", ".join(f"{rule} {percent(count / total)}" for rule, count in sorted(found, key=_by_count)[:_MOST_RULES])
    return f"{percent(sum(count for _, count in found) / total)} of requests have an account ({rules})"


def _by_count(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]


def _tell_format(log: Log, session: Session) -> None:
    assert log.fit is not None
    words = f"{log.source.name}: {log.format.title} ({log.fit:.1%} of the lines that look like requests)"
    doubt = ": is that the right format? --input-format or --log-format says so" if log.fit < _GOOD_FIT else ""
    session.say(words + doubt)
