"""apilens formats: what can be read, and how a log would be."""

from __future__ import annotations

from typing import Any

import click

from apilens.cli.options import common_options, output_options, read_options, reading_options, session


@click.group(invoke_without_command=True)
@output_options
@common_options
@click.pass_context
def formats(
    context: click.Context, /, store_path: str | None, config_path: str | None, now: str | None, quiet: bool,
    **output: Any,
) -> None:  # fmt: skip
    """List the formats and envelopes that are understood, and the columns that each fills."""
    if context.invoked_subcommand:
        return
    from apilens.cli.output import show
    from apilens.survey import formats_result

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    here.check_formats()
    show(formats_result(here.settings), quiet=quiet, **output)


@formats.command()
@click.argument("file", metavar="FILE")
@output_options
@reading_options
@common_options
def detect(
    file: str, input_format: str | None, log_format: str | None, source_tz: str | None,
    store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any,
) -> None:  # fmt: skip
    """Say how a log would be read: candidates with their hit rates, the first events and rejects. Stores nothing."""
    import os

    from apilens.cli.output import show
    from apilens.store import hash_key
    from apilens.survey import detection_result

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    here.check_formats()
    options = read_options(input_format, log_format, source_tz)
    found = detection_result(file, here.settings, options, key=hash_key(os.environ), now=here.now)
    show(found, quiet=quiet, **output)
