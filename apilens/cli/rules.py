"""apilens rules: rules of alerts looked at, tested, and tried on the past."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from apilens.cli.options import common_options, limit_of, output_options, session, warn
from apilens.errors import EXIT_FINE, EXIT_FIRING
from apilens.shell import shell_line

EXAMPLES = """\b
Examples:
  apilens rules lint
  apilens rules test tests.yaml
  apilens rules backtest --since 30d
"""

_rules = click.option("--rules", "rules_path", metavar="FILE", default="rules.yaml", help="The rules.  [rules.yaml]")


@click.group(epilog=EXAMPLES)
def rules() -> None:
    """Rules of alerts: look for mistakes, test them on made-up events, try them on the past. docs/alerts.md."""


@rules.command()
@click.argument("rules_path", metavar="[FILE]", default="rules.yaml")
@common_options
def lint(rules_path: str, store_path: str | None, config_path: str | None, now: str | None, quiet: bool) -> int:
    """Say what is wrong with the rules in FILE (exit code 2), and what is odd about them (exit code 1)."""
    from apilens.alerts.lint import doubts
    from apilens.alerts.rules import load_rules, refuse_unknown_channels
    from apilens.render.safe import safe

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    known = load_rules(Path(rules_path), here.settings)
    refuse_unknown_channels(known, here.settings.channels)
    found = doubts(known, here.settings)
    for line in found:
        click.echo(safe(line))
    here.say(f"{len(known.rules)} rules: {'nothing is odd' if not found else f'{len(found)} things are odd'}")
    return EXIT_FIRING if found else EXIT_FINE


@rules.command()
@click.argument("tests", nargs=-1, required=True, metavar="FILE…")
@common_options
def test(tests: tuple[str, ...], store_path: str | None, config_path: str | None, now: str | None, quiet: bool) -> int:
    """Run the tests in FILE: made-up events, and the alerts that are to fire. Exits with 1 when one fails."""
    from apilens.alerts.trials import run_trials
    from apilens.render.safe import safe

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    found = [tried for path in tests for tried in run_trials(Path(path), here.settings)]
    for tried in found:
        if not tried.passed:
            click.echo(safe(f"FAIL  {tried.place}: {tried.name}, at {tried.at}"))
            for words, lines in (("did not fire", tried.missing), ("fired", tried.unexpected)):
                for line in lines:
                    click.echo(safe(f"      {words}: {line}"))
    failed = sum(not tried.passed for tried in found)
    if not quiet:
        click.echo(f"{len(found) - failed} passed, {failed} failed")
    return EXIT_FIRING if failed else EXIT_FINE


@rules.command()
@_rules
@click.option("--since", metavar="TIME", default="30d", help="From.  [30d]")
@click.option("--until", metavar="TIME", help="Up to, exclusive.")
@click.option("--limit", "-n", metavar="N|all", default="50", help="Incidents to show.  [50]")
@output_options
@common_options
def backtest(
    rules_path: str, since: str, until: str | None, limit: str, store_path: str | None, config_path: str | None,
    now: str | None, quiet: bool, **output: Any,
) -> None:  # fmt: skip
    """Show when each rule would have fired in the past, for whom, how long, and how often with other thresholds."""
    from apilens.alerts.backtest import backtest as analysis
    from apilens.alerts.rules import load_rules
    from apilens.alerts.running import extent
    from apilens.cli.check import ground_of
    from apilens.cli.output import show
    from apilens.store import Store
    from apilens.window import Window, anchor, parse_window

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    known = load_rules(Path(rules_path), here.settings)
    ground = ground_of(here, Store.open(here.store))
    first, last = extent(ground)
    moment, note = anchor(here.now, last)
    if note and not here.quiet:
        warn(note)
    window = parse_window(since, until, now=moment, tz=here.settings.tz)
    start, end = max(window.since or first, first), window.until or moment
    words = [
        "apilens",
        "rules",
        "backtest",
        "--rules",
        rules_path,
        "--since",
        since,
        *(["--until", until] if until else []),
    ]
    result = analysis(
        ground, known, Window(start, end), tz=here.settings.tz, limit=limit_of(limit), command=shell_line(words)
    )
    show(result, quiet=here.quiet, **output)
