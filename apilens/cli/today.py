"""apilens today: what stands out among all customers."""

from __future__ import annotations

from typing import Any

import click

from apilens.cli.options import (
    common_options,
    engine_option,
    filter_options,
    limit_of,
    output_options,
    read_options,
    reading_options,
    session,
    window_options,
    zone_option,
)
from apilens.engine import Engine


@click.command(epilog="What is looked for, and when it counts: docs/today.md.")
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@filter_options
@window_options
@click.option("--limit", "-n", metavar="N|all", default="8", help="Sentences to show.  [8]")
@zone_option
@engine_option
@output_options
@reading_options
@common_options
def today(
    files: tuple[str, ...], where: tuple[str, ...], since: str | None, until: str | None, limit: str, tz: str | None,
    engine: Engine, input_format: str | None, log_format: str | None, source_tz: str | None, store_path: str | None,
    config_path: str | None, now: str | None, quiet: bool, **output: Any,
) -> int:  # fmt: skip
    """Say in a few sentences who is in trouble since yesterday, from the store or from log FILEs ('-' is stdin).

    The window is the last 24 hours unless told; the two weeks before it say what is usual.
    """
    from apilens.cli.asking import answer
    from apilens.cli.output import show
    from apilens.today import TodayOptions
    from apilens.today import today as analysis

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    read = read_options(input_format, log_format, source_tz)
    numbers = tuple(name for name, kind in here.settings.column_types().items() if kind in ("int", "float"))
    result, code = answer(
        analysis, TodayOptions, here, files=files, read=read, where=where, since=since or "24h", until=until, tz=tz,
        engine=engine, limit=limit_of(limit), payloads=numbers,
        things=tuple(item.thing for item in here.settings.deprecated),
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    return code
