"""apilens cron: what runs ingest by itself, to copy into a crontab or systemd's folder."""

from __future__ import annotations

import click

from apilens.cli.options import common_options, session
from apilens.errors import UsageError


@click.group()
def cron() -> None:
    """Let cron or systemd read new log lines."""


@cron.command("print")
@click.argument("files", nargs=-1, metavar="[FILE|DIR|GLOB]…")
@click.option("--systemd", is_flag=True, help="A systemd service and timer instead of a crontab line.")
@common_options
def print_(
    files: tuple[str, ...], systemd: bool, store_path: str | None, config_path: str | None, now: str | None, quiet: bool
) -> None:
    """Print the lines that ingest FILEs every five minutes, with absolute paths. Installs nothing.

    Without FILE: the `sources:` of apilens.yaml.
    Quote a glob ('/var/log/nginx/access.log*'): apilens expands it at each run, so rotated files are found.
    """
    import os
    import shutil
    import sys
    from pathlib import Path

    from apilens import schedule

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    if not files and not here.settings.sources:
        raise UsageError("no logs to read", hint="name files, or give them a name under `sources:` in apilens.yaml")
    beside = Path(sys.executable).with_name("apilens")
    found = str(beside) if beside.is_file() else shutil.which("apilens")
    job = schedule.ingest_job(
        [found] if found else [sys.executable, "-m", "apilens"], files, config=here.config, store=here.store,
        folder=Path.cwd(),
    )  # fmt: skip
    click.echo(schedule.systemd(job) if systemd else schedule.crontab(job), nl=False)
    if os.environ.get("APILENS_HASH_KEY"):
        here.say("APILENS_HASH_KEY is set here and will not be there: put it where the job runs, or use the key file")
