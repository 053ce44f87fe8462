"""apilens ingest: logs into the store."""

from __future__ import annotations

import click

from apilens.cli.options import Session, common_options, read_options, reading_options, session, warn
from apilens.errors import UsageError


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="FILE|DIR|GLOB|-…")
@click.option("--wait", metavar="TIME", default="30s", help="How long to wait for another writer.  [30s]")
@click.option("--dry-run", is_flag=True, help="Show how the first events would be stored; store nothing.")
@reading_options
@common_options
def ingest(
    inputs: tuple[str, ...], wait: str, dry_run: bool, input_format: str | None, log_format: str | None,
    source_tz: str | None, store_path: str | None, config_path: str | None, now: str | None, quiet: bool,
) -> int:  # fmt: skip
    """Read logs into the store: what is new in them, every line once.

    Run it again on the same files, or from cron: rotation by renaming, gzip or copytruncate makes no difference. A pipe
    ('-') cannot be recognised and is read each time.
    """
    from apilens.ageing import told
    from apilens.cli.progress import progress_bar
    from apilens.cli.summary import tell
    from apilens.ingest import ingest as run
    from apilens.store import hash_key
    from apilens.window import parse_duration

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    options = read_options(input_format, log_format, source_tz)
    if dry_run:
        return _preview(inputs, here, input_format, log_format, source_tz)
    here.refuse_sudo()
    with progress_bar(inputs, enabled=not quiet) as advance:
        summary = run(
            inputs, here.store, settings=here.settings, options=options, key=hash_key(environment()), now=here.now,
            wait_s=parse_duration(wait).total_seconds(), advance=advance,
        )  # fmt: skip
    code = tell(summary, here)
    if words := told(summary.aged):
        here.say(words)
    if summary.compaction.days:
        merged = summary.compaction
        here.say(f"merged {merged.before} files of {merged.days} days into {merged.after}")
    return code


def environment() -> dict[str, str]:
    """Return the environment; a function so that what reads it is in one place."""
    import os

    return dict(os.environ)


def _preview(
    inputs: tuple[str, ...], here: Session, input_format: str | None, log_format: str | None, source_tz: str | None
) -> int:
    from apilens.cli.summary import tell
    from apilens.convert import preview
    from apilens.render.cells import human
    from apilens.render.safe import safe
    from apilens.result import Field
    from apilens.store import hash_key

    if "-" in inputs and len(inputs) > 1:
        raise UsageError("--dry-run reads one pipe or files, not both")
    options = read_options(input_format, log_format, source_tz)
    events, summary = preview(
        inputs, rows=5, settings=here.settings, options=options, key=hash_key(environment()), now=here.now
    )
    for row in events.iter_rows(named=True):
        click.echo(f"{safe(row['source'])}:{row['line']}")
        for name, value in row.items():
            if value is not None and name not in ("source", "line"):
                click.echo(f"  {name:<20} {safe(human(value, Field(name)))}")
    warn("dry run: nothing was stored; the counts are those of the first block of each input")
    return tell(summary, here)
