"""apilens store: looking at the store, and looking after it."""

from __future__ import annotations

from typing import Any

import click

from apilens.cli.forget import forget
from apilens.cli.options import (
    common_options,
    listed,
    output_options,
    read_options,
    reading_options,
    session,
)
from apilens.errors import UsageError
from apilens.shell import shell_line

# What is rebuilt from stored columns, and what is not.
STORED = ("endpoint", "api_version", "sdk", "account")
PARTS = (*STORED, "errors", "columns")


@click.group()
def store() -> None:
    """Look at the store, and look after it."""


store.add_command(forget)


@store.command()
@output_options
@common_options
def info(store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any) -> None:
    """Days, events, bytes, attributed share; logs; freshness of each source and service; where every line went."""
    from apilens.cli.output import show
    from apilens.freshness import Settling
    from apilens.store import Store
    from apilens.store import info as look

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    show(look(Store.open(here.store), now=here.now, settle=Settling(here.settings).of), quiet=quiet, **output)


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


@store.command()
@click.option("--only", metavar="PART,…", help=f"Only these: {', '.join(PARTS)}.  [all that can be]")
@click.option("--since", metavar="TIME", help="Only days from this one on: 7d, 2026-11-01 …")
@click.option("--from", "files", metavar="FILE", multiple=True, help="A log that was ingested, to be read again.")
@click.option("--dry-run", is_flag=True, help="Show what would change; change nothing.")
@click.option("--wait", metavar="TIME", default="30s", help="How long to wait for another writer.  [30s]")
@click.argument("more", nargs=-1, metavar="[FILE…]")
@output_options
@reading_options
@common_options
def rebuild(
    only: str | None, since: str | None, files: tuple[str, ...], dry_run: bool, wait: str, more: tuple[str, ...],
    input_format: str | None, log_format: str | None, source_tz: str | None,
    store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any,
) -> None:  # fmt: skip
    """Make columns again as settings are now: from stored columns, or with --from FILE… by reading logs again.

    One commit for each day: a reader sees it as it was or as it is, and a run that was killed is run again.
    """
    import os

    from apilens.cli.output import show
    from apilens.cli.progress import progress_bar
    from apilens.rebuild import Rebuild
    from apilens.rebuild import rebuild as run
    from apilens.shaping import older
    from apilens.store import Store, hash_key
    from apilens.window import parse_duration, parse_window

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    here.check_formats()
    first = parse_window(since, None, now=here.now, tz=here.settings.tz).since
    asked = Rebuild(parts_asked(only, files), _named(files, more), first.date() if first else None, dry_run)
    with progress_bar(asked.files, enabled=bool(files) and not quiet) as advance:
        done = run(
            here.store, asked, settings=here.settings, options=read_options(input_format, log_format, source_tz),
            key=hash_key(os.environ), now=here.now, wait_s=parse_duration(wait).total_seconds(), advance=advance,
        )  # fmt: skip
    show(done.result(store=str(here.store), dry_run=dry_run, command=_again(asked, only, since)), quiet=quiet, **output)
    if not dry_run and (words := older(Store.open(here.store), here.settings)):
        here.say(f"{words} --from LOG…")


def parts_asked(only: str | None, files: tuple[str, ...]) -> tuple[str, ...]:
    """Return the parts that --only names, else all that stored columns suffice for."""
    parts = listed(only)
    if unknown := [part for part in parts if part not in PARTS]:
        raise UsageError(f"--only {unknown[0]}: nothing of that name is rebuilt", hint=f"one of {', '.join(PARTS)}")
    unstored = [part for part in parts if part not in STORED]
    if unstored and not files:
        raise UsageError(
            f"--only {unstored[0]}: that is not in what is stored", hint="name the logs to read again: --from FILE…"
        )
    return parts


def _named(files: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Return the files of --from; a shell puts all but the first of `--from *.log` behind it."""
    if more and not files:
        raise UsageError("a FILE to read again comes with --from")
    return (*files, *more)


def _again(asked: Any, only: str | None, since: str | None) -> str:
    flags = [("--only", only), ("--since", since), *(("--from", name) for name in asked.files)]
    words = [word for flag, value in flags if value for word in (flag, value)]
    return shell_line(["apilens", "store", "rebuild", *words, *(["--dry-run"] if asked.dry_run else [])])
