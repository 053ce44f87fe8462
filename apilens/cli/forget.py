"""apilens store forget: an account, a user or a time taken out of the store, and the proof of it."""

from __future__ import annotations

import sys
from typing import Any

import click

from apilens.cli.completing import known
from apilens.cli.options import Session, common_options, output_options, session
from apilens.errors import EXIT_FIRING, UsageError


@click.command()
@click.option("--account", "accounts", multiple=True, metavar="NAME", shell_complete=known("account"))
@click.option("--user", "users", multiple=True, metavar="NAME", help="As reports show it, or as logs have it.")
@click.option("--before", metavar="TIME", help="All that was before: 2026-01-01, 400d …")
@click.option("--mentions", is_flag=True, help="Also replace the name where it stands in rows of others.")
@click.option("--dry-run", is_flag=True, help="Only say how much would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--wait", metavar="TIME", default="30s", help="How long to wait for another writer.  [30s]")
@output_options
@common_options
def forget(
    accounts: tuple[str, ...], users: tuple[str, ...], before: str | None, mentions: bool, dry_run: bool, yes: bool,
    wait: str, store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any,
) -> int:  # fmt: skip
    """Remove an account, a user, or what was before a time: rows, files, log, rejects, state and catalogue.

    Then search all of the store for the name, decoded. Exits with 1 when it still stands somewhere. Logs are not
    touched. A run that was stopped is completed by the same command.
    """
    import os

    from apilens.cli.output import show
    from apilens.forgetting import Wanted
    from apilens.forgetting import forget as run
    from apilens.store import Store, hash_key, writing
    from apilens.window import parse_duration, parse_window

    if [bool(accounts), bool(users), bool(before)].count(True) != 1:
        raise UsageError("what is to be forgotten?", hint="one of --account, --user and --before")
    if mentions and before:
        raise UsageError("--mentions goes with --account and --user: a time has no name")
    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    moment = parse_window(before, None, now=here.now).since if before else None
    wanted = Wanted(accounts, users, moment, mentions)
    key = hash_key(os.environ)
    Store.open(here.store)
    with writing(here.store, key=key, wait_s=parse_duration(wait).total_seconds()) as writer:
        if not dry_run and not yes:
            _ask(run(writer, wanted, key=key, now=here.now, dry_run=True).tables[0].rows.row(0, named=True), here)
        result = run(writer, wanted, key=key, now=here.now, dry_run=dry_run)
    show(result, quiet=quiet, **output)
    return EXIT_FIRING if len(result.tables) > 1 and result.tables[1].rows.height else 0


def _ask(found: dict[str, int], here: Session) -> None:
    """Have the user confirm what would be removed. Raises UsageError where nobody can, Abort where they do not."""
    if not sys.stdin.isatty():
        raise UsageError("forgetting cannot be undone", hint="--yes does it without asking, --dry-run only looks")
    files = f"{found['files_rewritten']:,} files rewritten, {found['files_removed']:,} removed"
    click.confirm(f"Remove {found['rows_removed']:,} rows of {here.store} for good ({files})?", abort=True, err=True)
