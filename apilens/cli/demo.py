"""apilens demo: a made-up API's logs, ingested and reported on."""

from __future__ import annotations

from pathlib import Path

import click

from apilens.cli.options import clock
from apilens.errors import UsageError


@click.command()
@click.argument("folder", default="apilens-demo", metavar="[DIR]")
@click.option("--seed", type=int, default=7, help="Another seed, other traffic.  [7]")
@click.option("--days", type=click.IntRange(8, 365), default=14, help="[14]")
@click.option("--events", type=click.IntRange(1_000), default=200_000, help="[200000]")
@click.option("--now", envvar="APILENS_NOW", hidden=True)
@click.option("--debug", is_flag=True, hidden=True, expose_value=False)
def demo(folder: str, seed: int, days: int, events: int, now: str | None) -> int:
    """Write two weeks of a made-up API's logs into DIR, problems planted in them, ingest them, and report by account.

    ANSWERS.md in DIR says what was planted, and the command that shows each.
    """
    import os
    import shutil

    from apilens.analyses.report import ReportOptions, report
    from apilens.cli.output import show
    from apilens.cli.summary import balance
    from apilens.config import ReadOptions, load
    from apilens.demo import LOGS, generate
    from apilens.engine import scan
    from apilens.ingest import ingest
    from apilens.store import Store, hash_key

    moment = clock(now)
    path = Path(folder)
    if path.is_file():
        raise UsageError(f"{folder} is a file", hint="name a new folder for the demo")
    generate(path, seed=seed, days=days, events=events, end=moment.replace(minute=0, second=0, microsecond=0))
    store = path / ".apilens"
    shutil.rmtree(store, ignore_errors=True)
    settings = load(path / "apilens.yaml")
    inputs = [str(path / name) for name in LOGS]
    summary = ingest(inputs, store, settings=settings, options=ReadOptions(), key=hash_key(os.environ), now=moment)
    click.echo(f"made {events:,} events of a made-up API in {folder}/: {balance(summary)}\n", err=True)
    opened = Store.open(store)
    options = ReportOptions(now=moment, by=("account",), newest=opened.newest(moment))
    result = report(scan(opened.files(), opened.dtypes), options, columns=opened.dtypes)
    show(result, kind="table", output=None, no_header=False, csv_raw=False, color="auto")
    words = f"""
Some of these accounts are in trouble. Try to find them:
  cd {folder}
  apilens today
  apilens account acme
  apilens heatmap
What was planted, and how to see each: {folder}/ANSWERS.md"""
    click.echo(words, err=True)
    return 0
