"""apilens sql: the user's own SELECT over the events."""

from __future__ import annotations

from typing import Any

import click

from apilens.cli.options import (
    common_options,
    output_options,
    read_options,
    reading_options,
    session,
    window_options,
    zone_option,
)

EXAMPLES = """\b
Examples:
  apilens sql "SELECT account, count(*) AS n FROM events GROUP BY account ORDER BY n DESC LIMIT 10"
  apilens sql "SELECT * FROM events WHERE status = 500 LIMIT 5" --from access.log -f jsonl

Columns, and what SQL can do here: docs/sql.md.
"""


@click.command(epilog=EXAMPLES)
@click.argument("query", metavar="QUERY")
@click.option("--from", "files", metavar="FILE|-", multiple=True, help="Log files instead of the store; repeatable.")
@window_options
@zone_option
@output_options
@reading_options
@common_options
def sql(
    query: str, files: tuple[str, ...], since: str | None, until: str | None, tz: str | None,
    input_format: str | None, log_format: str | None, source_tz: str | None,
    store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any,
) -> int:  # fmt: skip
    """Answer a SELECT over the table `events`, of the store or of log files.

    Unsafe for text that is not yours: a query can read every file that you can. --where on the other commands, and
    rules, cannot.
    """
    from apilens.analyses.sql import SqlOptions
    from apilens.analyses.sql import sql as analysis
    from apilens.cli.asking import answer
    from apilens.cli.output import show

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    read = read_options(input_format, log_format, source_tz)
    result, code = answer(
        analysis, SqlOptions, here, files=files, read=read, where=(), since=since, until=until, tz=tz,
        statement=query,
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    return code
