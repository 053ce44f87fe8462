"""apilens redact: what the rules hide, in a log or in the store."""

from __future__ import annotations

from typing import Any

import click

from apilens.cli.options import common_options, limit_of, output_options, read_options, reading_options, session


@click.group()
def redact() -> None:
    """See what redaction hides: test FILE before it is read, scan the store after the rules changed."""


@redact.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE|-…")
@click.option("--limit", "-n", metavar="N|all", default="20", help="Values to show.  [20]")
@reading_options
@output_options
@common_options
def test(
    files: tuple[str, ...], limit: str, input_format: str | None, log_format: str | None, source_tz: str | None,
    store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any,
) -> int:  # fmt: skip
    """Show log lines before and after, and how much of each kind is hidden. Nothing is written, not even a key.

    This prints secrets that the logs hold.
    """
    import secrets

    from apilens.cli.output import show
    from apilens.errors import EXIT_INPUT
    from apilens.redaction import redact_test

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    here.check_formats()
    result, unread = redact_test(
        files, settings=here.settings, options=read_options(input_format, log_format, source_tz),
        key=secrets.token_bytes(32), now=here.now, limit=limit_of(limit),
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    return EXIT_INPUT if unread else 0


@redact.command()
@click.option("--limit", "-n", metavar="N|all", default="20", help="Places to show.  [20]")
@output_options
@common_options
def scan(
    limit: str, store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any
) -> int:
    """Find what the rules of today would hide in the store. Exits with 1 when there is something."""
    from apilens.cli.output import show
    from apilens.errors import EXIT_FIRING
    from apilens.redaction import redact_scan
    from apilens.store import Store

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    result = redact_scan(Store.open(here.store), here.settings, limit=limit_of(limit))
    show(result, quiet=quiet, **output)
    return EXIT_FIRING if result.tables[0].rows.height else 0
