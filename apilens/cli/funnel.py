"""apilens funnel: how many get from step to step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from apilens.cli.options import (
    common_options,
    engine_option,
    filter_options,
    output_options,
    read_options,
    reading_options,
    session,
    window_options,
    zone_option,
)
from apilens.errors import EXIT_FIRING, EXIT_INPUT, UsageError

if TYPE_CHECKING:
    from apilens.engine import Engine
    from apilens.result import Result

EXAMPLES = """\b
Examples:
  apilens funnel onboarding --since 30d
  apilens funnel --step "POST /signup" --step "POST /data/upload" --step "10+ successful calls" --within 7d
  apilens funnel onboarding --dropped 2
What each option means, and what Mixpanel, Amplitude and PostHog call it: docs/funnels.md.
"""


@click.command(epilog=EXAMPLES)
@click.argument("names", nargs=-1, metavar="[NAME] [FILE…|-]")
@click.option("--step", "steps", metavar="STEP", multiple=True, help="POST /signup, 10+ calls, signed_in, or SQL.")
@click.option("--within", metavar="7d", help="From the first step to the last.  [7d]")
@click.option("--unit", type=click.Choice(["account", "user", "session", "api_key"]), help="Who.  [account]")
@click.option("--order", type=click.Choice(["ordered", "strict", "any"]), help="[ordered]")
@click.option("--entry", type=click.Choice(["first", "any"]), help="Which first step counts.  [first]")
@click.option("--count", type=click.Choice(["units", "attempts"]), help="[units]")
@click.option("--ties", type=click.Choice(["file", "either", "strict"]), help="Events of one moment.  [file]")
@click.option("--exclude", metavar="STEP", multiple=True, help="What must not happen in between.")
@click.option("--exclusion", type=click.Choice(["drop", "remove"]), help="What it does.  [drop]")
@click.option("--hold", metavar="DIM,…", help="Steps must agree in these: endpoint, sdk …")
@click.option("--by", metavar="DIM,…", help="Break down.")
@click.option("--at", metavar="first|last|N", default="first", help="Whose values --by takes.  [first]")
@click.option("--compare", metavar="previous|7d-ago|SINCE..UNTIL", help="Another window beside this one.")
@click.option("--dropped", type=click.IntRange(1), metavar="N", help="Who stopped after step N.")
@click.option("--who", type=click.IntRange(1), metavar="N", help="Who got to step N.")
@click.option("--fail-under", metavar="STEP=SHARE", multiple=True, help="Exit 1 where a conversion is below: 3=0.5.")
@click.option("--actions", metavar="FILE.csv", help="Actions that no log has: account,time,action.")
@filter_options
@window_options
@click.option("--limit", "-n", metavar="N|all", default="20", help="Groups, or rows of a list.  [20]")
@engine_option
@zone_option
@output_options
@reading_options
@common_options
def funnel(
    names: tuple[str, ...], where: tuple[str, ...], since: str | None, until: str | None, tz: str | None,
    fail_under: tuple[str, ...], engine: Engine, input_format: str | None, log_format: str | None,
    source_tz: str | None, store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **asked: Any,
) -> int:  # fmt: skip
    """Show how many accounts get from step to step: by a funnel saved in apilens.yaml, or by --step. Reads the store,
    or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.funnel import funnel as analysis
    from apilens.analyses.funnel_options import FunnelOptions
    from apilens.cli.asking import answer
    from apilens.cli.funnel_asking import limits_of, options_of
    from apilens.cli.output import show

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    limits = limits_of(fail_under)
    if limits and (asked["dropped"] or asked["who"]):
        raise UsageError("--fail-under judges a funnel, and --dropped and --who list people")
    output = {name: asked.pop(name) for name in ("kind", "output", "no_header", "csv_raw", "color")}
    files, own = options_of(here, names, tz=tz, **asked)
    result, code = answer(
        analysis, FunnelOptions, here, files=files, read=read_options(input_format, log_format, source_tz), where=where,
        since=since, until=until, tz=tz, engine=engine, **own,
    )  # fmt: skip
    show(result, quiet=quiet, **output)
    return max(code, _judged(result, limits)) if limits else code


def _judged(result: Result, limits: dict[str, float]) -> int:
    """Say which steps are below their limits; return the exit code."""
    from apilens.analyses.funnel import failing
    from apilens.cli.options import warn

    if result.tables[0].rows["entities"].sum() == 0:
        warn("nobody began: there is nothing to judge")
        return EXIT_INPUT
    lines = failing(result, limits)
    for line in lines:
        warn(line)
    return EXIT_FIRING if lines else 0
