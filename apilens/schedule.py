"""What runs ingest by itself: lines for a crontab, or a systemd service and its timer, quoted as each of them reads."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apilens.errors import UsageError
from apilens.places import Place

EVERY_MINUTES = 5


@dataclass(frozen=True, slots=True)
class Job:
    """One run of ingest: the command as words with absolute paths, and how often it runs.

    every: minutes.
    """

    words: tuple[str, ...]
    every: int = EVERY_MINUTES


def ingest_job(program: Sequence[str], files: Sequence[str], *, config: Path | None, store: Place, folder: Path) -> Job:
    """Return the job that ingests `files`, globs left as they are: apilens expands them itself, at each run.

    No files: what `sources:` of the settings in `config` names.
    program: the words that start apilens. Paths are taken from `folder`. Raises UsageError for what no schedule can
    have: a pipe, or a line break in a path.
    """
    if "-" in files:
        raise UsageError("a schedule has no stdin to read", hint="name files, folders or globs")
    settings = ("--config", str(folder / config)) if config else ()
    places = [name if "://" in name else str(folder / Path(name).expanduser()) for name in files]
    named = ("--", *places) if places else ()
    words = (
        *program,
        "ingest",
        "-q",
        *settings,
        "--store",
        str(folder / store if isinstance(store, Path) else store),
        *named,
    )
    if any(not text.isprintable() for text in words):
        raise UsageError("a path with a line break or control character cannot stand in a schedule", hint="rename it")
    return Job(words)


def crontab(job: Job) -> str:
    """Return the lines for `crontab -e`. A `%` is a line break to cron, even in quotes, so it is escaped."""
    # A backslash of the path's own would take the one before `%` away: the quote that ends between them does not.
    command = shlex.join(job.words).replace("\\%", "\\'%'").replace("%", "\\%")
    return (
        "# apilens: for `crontab -e`. cron mails what is printed, and -q leaves errors alone, to MAILTO:\n"
        "# MAILTO=you@example.com\n"
        "# cron's PATH is short, and the command needs none. Exit codes: 3 a log was unreadable, 75 the store busy.\n"
        f"*/{job.every} * * * * {command}\n"
    )


def systemd(job: Job) -> str:
    """Return a service and its timer, each below a comment that names its file."""
    command = " ".join(_systemd_word(word) for word in job.words)
    return f"""\
# ~/.config/systemd/user/apilens-ingest.service (for all users: /etc/systemd/system, and a line User=)
[Unit]
Description=apilens: read new log lines into the store

[Service]
Type=oneshot
ExecStart={command}
# 75: another run has the store; the next one goes on where it ends.
SuccessExitStatus=75

# ~/.config/systemd/user/apilens-ingest.timer
# then: systemctl --user daemon-reload && systemctl --user enable --now apilens-ingest.timer
[Unit]
Description=apilens: every {job.every} minutes

[Timer]
OnCalendar=*:0/{job.every}
Persistent=true

[Install]
WantedBy=timers.target
"""


def _systemd_word(word: str) -> str:
    """Quote a word of a command in a unit file, where `%` starts a specifier and `$` a variable unless doubled."""
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return text if text and not set(text) & set(" '\"\\;#") else f'"{text}"'
