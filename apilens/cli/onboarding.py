"""apilens onboarding: how new accounts get going."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

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
from apilens.errors import UsageError

if TYPE_CHECKING:
    from apilens.engine import Engine

_MOST = timedelta(days=3650)

EXAMPLES = """\b
Examples:
  apilens onboarding --since 30d
  apilens onboarding --since 30d --where "account.plan = 'pro'" --stalled-after 7d
Who is new, and who is stalled: docs/onboarding.md.
"""


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option("--stalled-after", metavar="TIME", default="3d", help="Without a call for so long: stalled.  [3d]")
@filter_options
@window_options
@click.option("--limit", "-n", metavar="N|all", default="20", help="Rows to show.  [20]")
@engine_option
@zone_option
@output_options
@reading_options
@common_options
def onboarding(
    files: tuple[str, ...], stalled_after: str, where: tuple[str, ...], since: str | None, until: str | None,
    limit: str, engine: Engine, tz: str | None, input_format: str | None, log_format: str | None,
    source_tz: str | None, store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any,
) -> int:  # fmt: skip
    """Show how accounts that are new get going: who never called, how long the first call and the first success took,
    how many endpoints they found in their first days, who stopped. --since and --until are about when they began.
    Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.onboarding import OnboardingOptions
    from apilens.analyses.onboarding import onboarding as analysis
    from apilens.cli.asking import answer
    from apilens.cli.output import show
    from apilens.store.catalogue import catalogue_of

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    result, code = answer(
        analysis, OnboardingOptions, here, files=files, read=read_options(input_format, log_format, source_tz),
        where=where, since=since, until=until, tz=tz, engine=engine,
        of_store=lambda store: {"seen": catalogue_of(store)}, accounts=here.accounts(),
        stalled_after=_length(stalled_after), limit=limit_of(limit),
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    return code


def _length(text: str) -> timedelta:
    from apilens.window import parse_duration

    length = parse_duration(text)
    if not timedelta() < length <= _MOST:
        raise UsageError(f"--stalled-after {text} is no time to judge by", hint="from 1s to 3650d, for example 3d")
    return length
