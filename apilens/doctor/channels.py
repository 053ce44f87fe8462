"""Check of the channels that alerts go to: what they need is there. Nothing is sent, and no address looked up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from apilens.alerts.outlet import secret_in, secrets_of
from apilens.channel_settings import SECRETS, ChannelSettings, heartbeat_of
from apilens.doctor.base import Finding, Patient
from apilens.errors import DeliveryError

_TRY = "mend it where `apilens check` runs, too; `apilens notify test CHANNEL` sends a message"


def channels(patient: Patient) -> Finding:
    """Every channel of alerts has its secrets, files and libraries; what is at their other end is not looked at."""
    settings = patient.settings
    if patient.mistake:
        return Finding("warn", "not looked at: the settings cannot be read")
    if not settings.channels and not settings.heartbeat_url:
        return Finding("ok", "no channels: nobody is told of alerts")
    wrong = [f"{name}: {what}" for name, item in settings.channels.items() for what in _problems(item, patient)]
    if heartbeat := heartbeat_of(settings.heartbeat_url):
        try:
            secret_in(patient.environ, heartbeat.env, heartbeat.file)
        except DeliveryError as error:
            wrong.append(f"heartbeat_url: {error.message}")
    if wrong:
        return Finding("warn", "; ".join(wrong), _TRY)
    return Finding("ok", f"{', '.join(settings.channels) or 'heartbeat_url'}: all that is needed is there")


def _problems(channel: ChannelSettings, patient: Patient) -> Iterator[str]:
    """Give what a channel lacks."""
    try:
        secrets_of(channel, patient.environ)
    except DeliveryError as error:
        yield error.message
    for file in filter(None, (getattr(channel, f"{secret}_file") for secret in SECRETS)):
        if _is_open(Path(file)):
            yield f"{file} can be read by everybody: chmod 600"
    if channel.template and not os.access(channel.template, os.R_OK):
        yield f"{channel.template} cannot be read"
    if channel.path:
        yield from _place_problems(Path(channel.path))
    if channel.type == "apprise" and find_spec("apprise") is None:
        yield "needs Apprise: pip install 'apilens-cli[notify]'"


def _is_open(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & 0o004)
    except OSError:
        return False


def _place_problems(file: Path) -> Iterator[str]:
    """Give what keeps lines from being written to a file."""
    if file.exists():
        if not os.access(file, os.W_OK):
            yield f"{file} cannot be written to"
    elif not file.parent.is_dir():
        yield f"{file.parent}: no such folder"
    elif not os.access(file.parent, os.W_OK):
        yield f"{file.parent} cannot be written to"
