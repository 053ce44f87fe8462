"""apilens ingest: logs into the store."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from apilens.cli.options import Session, common_options, read_options, reading_options, session, warn
from apilens.cli.signals import hold
from apilens.errors import EXIT_INPUT, UsageError

if TYPE_CHECKING:
    from apilens.config import ReadOptions
    from apilens.pipeline import Pipeline
    from apilens.source_settings import Dedupe


@click.command()
@click.argument("inputs", nargs=-1, metavar="[FILE|DIR|GLOB|-]…")
@click.option("--since", metavar="TIME", help="Leave out what is older: 7d, 2026-11-01 …")
@click.option("--follow", is_flag=True, help="Go on reading, commit every few seconds, until SIGINT or SIGTERM.")
@click.option("--wait", metavar="TIME", default="30s", help="How long to wait for another writer.  [30s]")
@click.option("--dry-run", is_flag=True, help="Show how the first events would be stored; store nothing.")
@click.option(
    "--dedupe", type=click.Choice(["event_id", "request_id", "none"]),
    help="Count events with the same id once.  [event_id, of formats in which it is unique]",
)  # fmt: skip
@reading_options
@common_options
def ingest(
    inputs: tuple[str, ...], since: str | None, follow: bool, wait: str, dry_run: bool, dedupe: Dedupe | None,
    input_format: str | None, log_format: str | None, source_tz: str | None, store_path: str | None,
    config_path: str | None, now: str | None, quiet: bool,
) -> int:  # fmt: skip
    """Read logs into the store: what is new in them, every line once. Without FILE: the sources in apilens.yaml.

    Run it again on the same files, or from cron: rotation by renaming, gzip or copytruncate makes no difference. A pipe
    ('-') cannot be recognised and is read each time.
    """
    # Before anything starts a thread.
    pause = hold() if follow else None
    from dataclasses import replace

    from apilens.pipeline import Pipeline
    from apilens.store import hash_key
    from apilens.window import parse_duration, parse_window

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    here.check_formats()
    if not inputs and not here.settings.sources:
        raise UsageError("no logs to read", hint="name files, or give them a name under `sources:` in apilens.yaml")
    options = replace(read_options(input_format, log_format, source_tz), dedupe=dedupe)
    if dry_run:
        return _preview(inputs, here, options)
    here.refuse_sudo()
    oldest = parse_window(since, None, now=here.now, tz=here.settings.tz).since
    pipeline = Pipeline(here.settings, options, key=hash_key(os.environ), now=here.now, since=oldest)
    wait_s = parse_duration(wait).total_seconds()
    return _follow(pipeline, inputs, here, wait_s, pause) if pause else _once(pipeline, inputs, here, wait_s)


def _once(pipeline: Pipeline, inputs: tuple[str, ...], here: Session, wait_s: float) -> int:
    from apilens.ageing import told
    from apilens.cli.progress import progress_bar
    from apilens.cli.summary import tell
    from apilens.ingest import take_in
    from apilens.shaping import older
    from apilens.store import Store

    with progress_bar(inputs or pipeline.origins.globs, enabled=not here.quiet) as advance:
        summary = take_in(pipeline, inputs, here.store, wait_s=wait_s, advance=advance)
    code = tell(summary, here)
    if any(log.reader.is_stream and log.unique_id is None for log in summary.logs):
        here.say("a pipe is not recognised: what comes in twice counts twice, but by an id (--dedupe)")
    if words := told(summary.aged):
        here.say(words)
    if summary.compaction.days:
        merged = summary.compaction
        here.say(f"merged {merged.before} files of {merged.days} days into {merged.after}")
    if words := older(Store.open(here.store), here.settings):
        here.say(words)
    return code


def _follow(
    pipeline: Pipeline, inputs: tuple[str, ...], here: Session, wait_s: float, pause: Callable[[float], bool]
) -> int:
    from apilens.cli.summary import Told, balance
    from apilens.follow import follow

    told = Told(here)
    for summary in follow(
        pipeline, inputs, here.store, pause=pause, wait_s=wait_s,
        clock=lambda: here.now if here.fixed else datetime.now(UTC),
    ):  # fmt: skip
        told.add(summary)
    here.say(balance(told.total))
    return EXIT_INPUT if told.unread else 0


def _preview(inputs: tuple[str, ...], here: Session, options: ReadOptions) -> int:
    from apilens.cli.summary import tell
    from apilens.convert import preview
    from apilens.render.cells import human
    from apilens.render.safe import safe
    from apilens.result import Field
    from apilens.store import hash_key

    if "-" in inputs and len(inputs) > 1:
        raise UsageError("--dry-run reads one pipe or files, not both")
    events, summary = preview(
        inputs, rows=5, settings=here.settings, options=options, key=hash_key(os.environ), now=here.now
    )
    for row in events.iter_rows(named=True):
        click.echo(f"{safe(row['source'])}:{row['line']}")
        for name, value in row.items():
            if value is not None and name not in ("source", "line"):
                click.echo(f"  {name:<20} {safe(human(value, Field(name)))}")
    warn("dry run: nothing was stored; the counts are those of the first block of each input")
    return tell(summary, here)
