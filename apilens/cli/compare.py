"""apilens compare: two logs, windows or stores, and what may not differ."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from apilens.cli.options import (
    EVERYTHING,
    common_options,
    engine_option,
    filter_options,
    limit_of,
    listed,
    output_options,
    read_options,
    reading_options,
    session,
    warn,
    zone_option,
)
from apilens.errors import EXIT_FIRING, EXIT_INPUT

if TYPE_CHECKING:
    from apilens.engine import Engine

EXAMPLES = """\b
Examples:
  apilens compare before.log after.log
  apilens compare 48h..24h 24h.. --by account
  apilens compare base.log head.log --fail-on "error_rate_diff > 0.01 OR p95_ms_change > 0.2 OR gone"
Columns and conditions: docs/compare.md.
"""


@click.command(epilog=EXAMPLES)
@click.argument("base")
@click.argument("head")
@click.option("--by", metavar="DIM,…", help="Break down.  [endpoint]")
@click.option("--metrics", metavar="NAME,…", help="What is compared.  [requests,error_rate,p95_ms]")
@click.option("--fail-on", metavar="SQL", help="Exit 1 where it holds for a row: 'error_rate_diff > 0.01 OR gone'.")
@filter_options
@click.option("--having", metavar="SQL", help="Only rows whose metrics are so: 'requests > 100'.")
@click.option("--sort", metavar="NAME[:asc]", help="By any column.  [the first of --metrics]")
@click.option("--limit", "-n", metavar="N|all", default="50", help="Rows to show.  [50]")
@engine_option
@zone_option
@output_options
@reading_options
@common_options
def compare(
    base: str, head: str, by: str | None, metrics: str | None, fail_on: str | None, where: tuple[str, ...],
    having: str | None, sort: str | None, limit: str, engine: Engine, tz: str | None, input_format: str | None,
    log_format: str | None, source_tz: str | None, store_path: str | None, config_path: str | None, now: str | None,
    quiet: bool, **output: Any,
) -> int:  # fmt: skip
    """Show what differs between BASE and HEAD: each a log file, a store's folder, or a window SINCE..UNTIL."""
    from apilens.analyses.compare import BY, METRICS, CompareOptions
    from apilens.analyses.compare import compare as analysis
    from apilens.cli.output import show
    from apilens.cli.sides import opened

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    accounts, zone = here.accounts(), tz or here.settings.tz
    with ExitStack() as stack:
        read = read_options(input_format, log_format, source_tz)
        sides = [opened(stack, here, text, read=read, tz=zone) for text in (base, head)]
        options = CompareOptions(
            now=here.now, where=where, window=sides[1].window, before=sides[0].window, tz=zone,
            inputs=tuple(side.name for side in sides), errors=here.settings.errors.condition, base=base, head=head,
            by=listed(by) or BY, metrics=listed(metrics) or METRICS, having=having, sort=sort, fail_on=fail_on,
            limit=limit_of(limit), scope=here.settings.scope,
            everything=bool(click.get_current_context().meta.get(EVERYTHING)),
        )  # fmt: skip
        texts = [*options.texts(), *here.settings.scope.texts()]
        before, after = (side.events(here, accounts, texts, engine=engine) for side in sides)
        # What only one side has cannot be compared: it is unknown.
        both = {name: dtype for name, dtype in after[1].items() if before[1].get(name) == dtype}
        found = analysis(after[0], before[0], options, columns=both)
    code = max(side.told() for side in sides)
    show(accounts.shown(found.result) if accounts else found.result, quiet=quiet, **output)
    if fail_on and not found.has_data:
        warn("there are no requests on one of the sides: there is nothing to judge")
        return max(code, EXIT_INPUT)
    if found.failing:
        warn(f"{found.failing:,} row{' fails' if found.failing == 1 else 's fail'}: {fail_on}")
    return max(code, EXIT_FIRING if found.failing else 0)
