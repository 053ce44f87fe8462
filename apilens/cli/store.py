"""apilens store: looking at the store, and looking after it."""

from __future__ import annotations

from typing import Any

import click

from apilens.cli.forget import forget
from apilens.cli.options import common_options, output_options, session


@click.group()
def store() -> None:
    """Look at the store, and look after it."""


store.add_command(forget)


@store.command()
@output_options
@common_options
def info(store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any) -> None:
    """Days, events, bytes, freshness, attributed share; sources; where every line went."""
    from apilens.cli.output import show
    from apilens.store import Store
    from apilens.store import info as look

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    show(look(Store.open(here.store), now=here.now), quiet=quiet, **output)


@store.command()
@output_options
@common_options
def verify(store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any) -> int:
    """Decode every file and compare it with the log. Exits with 1 when something is wrong."""
    from apilens.cli.output import show
    from apilens.errors import EXIT_FIRING
    from apilens.store import Store
    from apilens.store import verify as check

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    result = check(Store.open(here.store))
    show(result, quiet=quiet, **output)
    return EXIT_FIRING if result.tables[0].rows.height else 0


@store.command()
@click.option("--wait", metavar="TIME", default="30s", help="How long to wait for another writer.  [30s]")
@common_options
def compact(wait: str, store_path: str | None, config_path: str | None, now: str | None, quiet: bool) -> None:
    """Merge the files of each day, sorted by account, age out what is old, delete what nobody needs.

    Ingest does it by itself, too. The catalogue of accounts and endpoints is made anew.
    """
    import os

    from apilens.ageing import age_out, told
    from apilens.store import Store, hash_key, tidy, writing
    from apilens.store import compact as merge
    from apilens.store.registering import rebuild_catalogue
    from apilens.window import parse_duration

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    Store.open(here.store)
    key = hash_key(os.environ)
    wait_s = parse_duration(wait).total_seconds()
    with writing(here.store, key=key, wait_s=wait_s, group=here.settings.place.group) as writer:
        aged = age_out(writer, here.settings, key=key, today=here.now.date())
        done = merge(writer, today=here.now.date(), every_day=True)
        gone = tidy(writer, force=True)
        rebuild_catalogue(writer)
    if words := told(aged):
        here.say(words)
    here.say(f"merged {done.before} files of {done.days} days into {done.after}; {gone} old files deleted")
