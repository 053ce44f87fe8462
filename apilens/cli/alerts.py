"""apilens alerts: what was told of, what is over, and silences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from apilens.cli.options import Session, common_options, limit_of, output_options, session
from apilens.errors import UsageError

if TYPE_CHECKING:
    from apilens.alerts.memory import Memory
    from apilens.store import Store


@click.group()
def alerts() -> None:
    """What `apilens check` told of: what goes on, what is over, and what nobody is to hear of for a while."""


@alerts.command("list")
@output_options
@common_options
def list_(store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any) -> None:
    """List the alerts that were told and have not ended, and the silences."""
    from apilens.alerts.listing import open_alerts
    from apilens.alerts.silences import read_silences
    from apilens.cli.output import show

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    store, memory = _known(here)
    silences, broken = read_silences(store.path)
    if broken:
        here.say(broken)
    show(open_alerts(memory, silences, now=here.now), quiet=here.quiet, **output)


@alerts.command()
@click.option("--since", metavar="TIME", help="Only those that ended since: 7d, yesterday, 2026-11-01 …")
@click.option("--limit", "-n", metavar="N|all", default="50", help="Incidents to show.  [50]")
@output_options
@common_options
def history(
    since: str | None, limit: str, store_path: str | None, config_path: str | None, now: str | None, quiet: bool,
    **output: Any,
) -> None:  # fmt: skip
    """List the incidents that are over, the latest first; the store remembers the last 1,000."""
    from apilens.alerts.listing import past_alerts
    from apilens.cli.output import show
    from apilens.window import parse_window

    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    start = parse_window(since, None, now=here.now, tz=here.settings.tz).since
    _, memory = _known(here)
    show(past_alerts(memory, since=start, limit=limit_of(limit)), quiet=here.quiet, **output)


@alerts.command(epilog="Example: apilens alerts silence expired-tokens --for 4h --group account=acme")
@click.argument("rule")
@click.option("--for", "length", metavar="TIME", help="For how long: 30m, 4h, 2d.")
@click.option("--group", metavar="DIM=VALUE", multiple=True, help="Only this group: account=acme.")
@click.option("--reason", metavar="TEXT", default="", help="Why, for whoever lists it.")
@click.option("--end", is_flag=True, help="End the silences of RULE now.")
@common_options
def silence(
    rule: str, length: str | None, group: tuple[str, ...], reason: str, end: bool, store_path: str | None,
    config_path: str | None, now: str | None, quiet: bool,
) -> None:  # fmt: skip
    """Tell nobody of RULE (a name, or a pattern such as 'upload-*') for a time. What still fires then is told."""
    from apilens.alerts.memory import one_check
    from apilens.alerts.silences import Silence, read_silences, write_silences
    from apilens.store import Store
    from apilens.window import parse_duration

    if end == bool(length):
        raise UsageError("say how long, or that it ends", hint="--for 4h, or --end")
    here = session(store_path=store_path, config_path=config_path, now=now, quiet=quiet)
    store = Store.open(here.store)
    with one_check(store.path):
        silences, broken = read_silences(store.path)
        if broken:
            here.say(f"{broken}; it is written anew")
        kept = [item for item in silences if not (end and item.rule == rule)]
        if length:
            until = here.now + parse_duration(length)
            kept.append(Silence(rule, until, here.now, _pairs(group), reason))
            here.say(f"{rule} is silent until {until:%Y-%m-%d %H:%M} UTC")
        write_silences(store.path, kept, here.now)


def _pairs(group: tuple[str, ...]) -> dict[str, str | None]:
    for text in group:
        if "=" not in text:
            raise UsageError(f"--group {text!r} names no group", hint="--group account=acme")
    return {name: value or None for name, _, value in (text.partition("=") for text in group)}


def _known(here: Session) -> tuple[Store, Memory]:
    from apilens.alerts.memory import read_memory
    from apilens.store import Store

    store = Store.open(here.store)
    memory, warning = read_memory(store.path)
    if warning:
        here.say(warning)
    return store, memory
