"""apilens workflows: in which order endpoints are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from apilens.cli.options import (
    common_options,
    engine_option,
    filter_options,
    limit_of,
    listed,
    output_options,
    read_options,
    reading_options,
    session,
    window_options,
    zone_option,
)

if TYPE_CHECKING:
    from apilens.engine import Engine

EXAMPLES = """\b
Examples:
  apilens workflows --account acme
  apilens workflows --view tandem --endpoint 'POST *'
  apilens workflows --view never --uses 'POST /v2/embeddings' --never 'POST /v2/search'
  apilens workflows --view login --login 'POST /oauth/token'

What each view shows: docs/workflows.md.
"""
VIEWS = ("transitions", "tandem", "never", "login", "expected", "cadence")


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option("--view", type=click.Choice(VIEWS), default="transitions", help="What to look at.  [transitions]")
@click.option("--login", metavar="COND", help="What a login is.  [a call with good credentials]")
@click.option("--uses", metavar="COND", help="What accounts do that never do --never.")
@click.option("--never", metavar="COND", help="What they never do.")
@click.option("--workflow", metavar="NAME,…", help="Those of `workflows:` in apilens.yaml.  [all]")
@click.option("--idle", metavar="TIME", default="30m", help="A longer pause ends a session without token.  [30m]")
@filter_options
@window_options
@click.option("--limit", "-n", metavar="N|all", default="20", help="Rows to show.  [20]")
@zone_option
@engine_option
@output_options
@reading_options
@common_options
def workflows(
    files: tuple[str, ...], view: str, login: str | None, uses: str | None, never: str | None, workflow: str | None,
    idle: str, where: tuple[str, ...], since: str | None, until: str | None, limit: str, tz: str | None,
    engine: Engine, input_format: str | None, log_format: str | None, source_tz: str | None,
    store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any,
) -> int:  # fmt: skip
    """Show in which order endpoints are called within sessions: what comes next, what goes together, what comes before
    a login, who breaks an expected order, and who calls like a machine. Reads the store, or log FILEs directly ('-' is
    stdin)."""
    from apilens.analyses.workflow_options import WorkflowOptions
    from apilens.analyses.workflows import workflows as analysis
    from apilens.cli.asking import answer
    from apilens.cli.output import show
    from apilens.window import parse_duration

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    read = read_options(input_format, log_format, source_tz)
    result, code = answer(
        analysis, WorkflowOptions, here, files=files, read=read, where=where, since=since, until=until, tz=tz,
        engine=engine, view=view, login=login, uses=uses, never=never, names=listed(workflow),
        expected=here.settings.workflows, idle=parse_duration(idle), limit=limit_of(limit),
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    return code
