"""apilens notify: whether channels of apilens.yaml are reached."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import click

from apilens.cli.options import clock, warn
from apilens.errors import EXIT_NOTIFY, UsageError


@click.group()
def notify() -> None:
    """Try the channels that alerts go to."""


@notify.command()
@click.argument("channel")
@click.option("--show", is_flag=True, help="Print what would be sent, secrets masked, and send nothing.")
@click.option(
    "--reason", type=click.Choice(["firing", "repeat", "resolved", "no_data"]), default="firing",
    help="What the message says: `resolved` ends the incident that a test of PagerDuty began.  [firing]",
)  # fmt: skip
@click.option("--config", "config_path", metavar="FILE", envvar="APILENS_CONFIG", help="Settings.  [apilens.yaml]")
@click.option("--now", envvar="APILENS_NOW", hidden=True)
def test(
    channel: str, show: bool, reason: Literal["firing", "repeat", "resolved", "no_data"],
    config_path: str | None, now: str | None,
) -> int:  # fmt: skip
    """Send a message to CHANNEL, one of `channels:` in apilens.yaml."""
    from apilens.alerts.deliver import deliver, shown
    from apilens.alerts.sample import sample
    from apilens.config import resolve
    from apilens.spelling import nearest

    settings, _ = resolve(Path(config_path) if config_path else None, os.environ)
    if channel not in settings.channels:
        known = ", ".join(settings.channels)
        hint = nearest(channel, settings.channels) or (f"one of {known}" if known else "`channels:` has none")
        raise UsageError(f"no channel `{channel}` in apilens.yaml", hint=hint)
    message = sample(channel, reason, clock(now))
    if show:
        click.echo(shown(message, settings.channels[channel]))
        return 0
    if deliver([message], settings.channels, say=warn):
        return EXIT_NOTIFY
    warn(f"channel {channel}: sent")
    return 0
