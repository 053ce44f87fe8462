"""Where a result goes: stdout, looking as its reader wants it, or a file that appears when it is whole."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from apilens.cli.options import warn
from apilens.errors import InputError, UsageError
from apilens.outfile import whole_file
from apilens.render import Style, by_suffix, renderers_of
from apilens.result import Result
from apilens.window import zone_of

# How wide a table may be where no terminal bounds it.
_WIDE = 200
# Formats that say the notes themselves.
_WITH_NOTES = ("json", "markdown", "github", "junit", "tap")


def show(
    result: Result,
    *,
    kind: str | None,
    output: str | None,
    no_header: bool,
    csv_raw: bool,
    color: str,
    quiet: bool = False,
) -> None:
    """Write a result. On a terminal a table, in a pipe TSV, into a file what its suffix says, unless `kind` does."""
    zone = zone_of(str(result.query.get("tz", "UTC")))
    if output and output != "-":
        _to_file(
            result, Path(output), kind, Style(width=_WIDE, header=not no_header, csv_raw=csv_raw, zone=zone), quiet
        )
        return
    terminal = sys.stdout is not None and sys.stdout.isatty()
    chosen = kind or ("table" if terminal else "tsv")
    style = Style(
        width=shutil.get_terminal_size().columns if terminal else _WIDE,
        color=_colored(color, terminal=terminal),
        unicode=(getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf"),
        header=not no_header,
        csv_raw=csv_raw,
        zone=zone,
    )
    if chosen != "table" and not quiet:
        # What a pipe gets is data alone; what people must know of it goes past it.
        for line in (*result.header, *(result.notes if chosen not in _WITH_NOTES else ())):
            warn(line)
    made = renderers_of(result.kind)[chosen](result, style)
    if chosen == "github":
        _summarise(result)
    if terminal and isinstance(made, bytes):
        raise UsageError(f"{chosen} is nothing for a terminal", hint="-o FILE, or a pipe")
    # The renderer has decided on colour: Click is not to take it out again.
    click.echo(made, nl=False, color=True)


def _to_file(result: Result, path: Path, kind: str | None, style: Style, quiet: bool) -> None:
    known = renderers_of(result.kind)
    chosen = kind or by_suffix(path.name, result.kind)
    if chosen is None:
        suffixes = ", ".join(suffix for item in known.values() for suffix in item.suffixes)
        raise UsageError(f"{path}: its suffix says no format", hint=f"one of {suffixes}, or --format")
    made = known[chosen](result, style)
    data = made if isinstance(made, bytes) else made.encode("utf-8", "backslashreplace")
    try:
        with whole_file(path) as place:
            place.write_bytes(data)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    if not quiet:
        warn(f"wrote {path} ({len(data) / 1000:.1f} kB)")


def _summarise(result: Result) -> None:
    """Append to the summary of the step of a GitHub workflow, as far as there is room in it."""
    from apilens.render.github import MOST_SUMMARY_BYTES, summary

    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return
    try:
        with Path(name).open("ab") as file:
            file.write(summary(result, MOST_SUMMARY_BYTES - file.tell()).encode("utf-8", "replace"))
    except OSError as error:
        warn(f"cannot write {name}: {error.strerror}")


def _colored(color: str, *, terminal: bool) -> bool:
    if color != "auto":
        return color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return terminal and os.environ.get("TERM") != "dumb"
