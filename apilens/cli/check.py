"""apilens check: rules over events, for cron and CI."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from apilens.alerts.alert import Severity
from apilens.cli.options import (
    Session,
    common_options,
    limit_of,
    output_options,
    read_options,
    reading_options,
    session,
    warn,
    window_options,
)
from apilens.errors import EXIT_FINE, EXIT_FIRING, StoreBusy
from apilens.render import CHECK_RENDERERS
from apilens.shell import shell_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apilens.alerts.alert import Message
    from apilens.alerts.check import Checked
    from apilens.alerts.judge import Ground
    from apilens.alerts.rules import Rules
    from apilens.config import ReadOptions
    from apilens.store import Store

EXAMPLES = """\b
Examples:
  */5 * * * *  apilens ingest -q /var/log/nginx/access.log* && apilens check -q --rules /etc/apilens/rules.yaml
  apilens check --rules rules.yaml
  apilens check access.log --rules rules.yaml --format junit
  apilens check --since yesterday --until today --format json
"""


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
@click.option("--rules", "rules_path", metavar="FILE", default="rules.yaml", help="The rules.  [rules.yaml]")
@window_options
@click.option("--max-age", metavar="TIME", help="No data where the newest event is older: 2h.")
@click.option(
    "--fail-on", type=click.Choice(["warning", "critical"]), default="warning",
    help="Exit with 1 from this severity on.  [warning]",
)  # fmt: skip
@click.option("--exit-zero", is_flag=True, help="Exit with 0 though a rule fires.")
@click.option("--dry-run", is_flag=True, help="Tell nobody, remember nothing.")
@click.option("--skip-if-running", is_flag=True, help="Exit with 0, not 75, while another check runs.")
@click.option("--limit", "-n", metavar="N|all", default="20", help="Groups of a rule to list in text.  [20]")
@click.option("--verbose", "-v", is_flag=True, help="Say on stderr what was read.")
@partial(output_options, own=("text", *CHECK_RENDERERS), usual="text")
@reading_options
@common_options
def check(
    files: tuple[str, ...], rules_path: str, since: str | None, until: str | None, max_age: str | None,
    fail_on: Severity, exit_zero: bool, dry_run: bool, skip_if_running: bool, limit: str, verbose: bool,
    input_format: str | None, log_format: str | None, source_tz: str | None, store_path: str | None,
    config_path: str | None, now: str | None, quiet: bool, **output: Any,
) -> int:  # fmt: skip
    """Judge rules on the store since the last check and tell who is to know, or on FILEs or a window of time.

    Who is told stands under `channels:` and `routes:` of apilens.yaml. In cron it is silent when all is well. Exit
    codes: 1 a rule fires, 3 no data to judge, 4 a message was not delivered, 75 another check runs. docs/alerts.md.
    """
    from apilens.alerts.heartbeat import heartbeat
    from apilens.alerts.rules import load_rules
    from apilens.alerts.running import is_complete
    from apilens.alerts.shown import exit_code
    from apilens.window import parse_duration

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    rules = load_rules(Path(rules_path), here.settings)
    oldest = parse_duration(max_age) if max_age else None
    try:
        if files or since or until:
            read = read_options(input_format, log_format, source_tz)
            checked = _in_window(here, rules, files, read, since, until, oldest)
        else:
            checked = _since_last(here, rules, oldest, dry_run=dry_run)
    except StoreBusy:
        if skip_if_running:
            return EXIT_FINE
        raise
    if verbose and checked.scanned:
        here.say(f"read the files of {checked.scanned.days} day(s): {checked.scanned.rows:,} rows")
    _show(
        checked,
        here,
        limit_of(limit),
        fail_on=fail_on,
        command=_command(files, rules_path, since, until),
        output=output,
    )
    if not dry_run and not checked.fixed and is_complete(checked):
        heartbeat(here.settings.heartbeat_url)
    code = exit_code(checked, fail_on)
    return EXIT_FINE if exit_zero and code == EXIT_FIRING else code


def _since_last(here: Session, rules: Rules, max_age: timedelta | None, *, dry_run: bool) -> Checked:
    from apilens.alerts.rules import refuse_unknown_channels
    from apilens.alerts.running import check_store
    from apilens.store import Store

    settings = here.settings
    refuse_unknown_channels(rules, settings.channels)
    ground = ground_of(here, Store.open(here.store))
    names = ground.accounts.names() if ground.accounts else {}

    def tell(messages: Sequence[Message]) -> list[Message]:
        # Imported where there is something to tell: most checks in cron have nothing.
        from apilens.alerts.deliver import deliver

        return deliver(messages, settings.channels, names=names, say=warn)

    return check_store(ground, rules, now=here.now, max_age=max_age, say=warn, remember=not dry_run, deliver=tell)


def _in_window(
    here: Session, rules: Rules, files: tuple[str, ...], read: ReadOptions, since: str | None, until: str | None,
    max_age: timedelta | None,
) -> Checked:  # fmt: skip
    from apilens.alerts.running import check_between
    from apilens.cli.progress import progress_bar
    from apilens.reading import reading

    with (
        progress_bar(files, enabled=bool(files) and not here.quiet) as advance,
        reading(files, store=here.store, settings=here.settings, options=read, now=here.now, advance=advance) as opened,
    ):
        store, summary = opened
        if summary:
            from apilens.cli.summary import tell

            tell(summary, here, reads=False)
        return check_between(ground_of(here, store), rules, since, until, now=here.now, max_age=max_age)


def ground_of(here: Session, store: Store) -> Ground:
    """Return what rules are judged on."""
    from apilens.alerts.judge import Ground

    accounts = here.accounts()
    return Ground(
        store=store, settings=here.settings, accounts=accounts, cohorts=replace(here.cohorts(accounts), tell=_nobody)
    )


def _nobody(line: str) -> None:
    """Hear how many accounts a cohort has: nothing that cron is to mail."""


def _command(files: tuple[str, ...], rules: str, since: str | None, until: str | None) -> str:
    flags = (("--rules", rules), ("--since", since), ("--until", until))
    return shell_line(["apilens", "check", *files, *(word for flag, text in flags if text for word in (flag, text))])


def _show(
    checked: Checked, here: Session, most: int | None, *, fail_on: Severity, command: str, output: dict[str, Any]
) -> None:
    """Write what was found: lines for people, unless another format was asked for; nothing in cron when all is well."""
    from apilens.alerts.shown import closing_line, has_news, result_of, text_lines
    from apilens.cli.output import show
    from apilens.render.safe import safe

    if output["output"] or output["kind"] not in (None, "text"):
        result = result_of(checked, now=here.now, tz=here.settings.tz, fail_on=fail_on, command=command)
        show(result, quiet=here.quiet, **output)
        return
    asked = output["kind"] == "text" or sys.stdout.isatty()
    if not (asked and not here.quiet) and not has_news(checked):
        return
    for line in text_lines(checked, most=most):
        click.echo(safe(line))
    if asked and not here.quiet:
        click.echo(closing_line(checked))
