"""What a channel sends through: its settings, its secrets, and what of the world it may use."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from apilens.alerts.http import Client
from apilens.channel_settings import CHANNELS, REFERENCE, SECRETS, ChannelSettings
from apilens.errors import DeliveryError

MASKED = "***"
_MOST_BYTES = 65_536
_CONTROL = re.compile("[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Outlet:
    """A channel ready to send. secrets: those of its settings that are given, by name (`url`, `key` …).

    say: takes a line for people about what went half wrong.
    """

    name: str
    settings: ChannelSettings
    secrets: Mapping[str, str]
    client: Client
    say: Callable[[str], None] = field(default=lambda line: None)


def secrets_of(settings: ChannelSettings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets of a channel by name. Raises DeliveryError for one that is not where settings say."""
    found = {}
    for name in SECRETS:
        plain, variable, file = (getattr(settings, f"{name}{place}") for place in ("", "_env", "_file"))
        if plain and (reference := REFERENCE.fullmatch(plain)):
            variable = reference[1]
        if variable or file:
            found[name] = secret_in(environ, variable, file)
    return found


def secret_in(environ: Mapping[str, str], variable: str | None, file: str | None) -> str:
    """Return the secret in an environment variable, or in a file. Raises DeliveryError where there is none."""
    where = f"${variable}" if variable else str(file)
    try:
        text = environ.get(variable, "") if variable else _read(Path(str(file)))
    except OSError as error:
        raise DeliveryError(f"{where}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DeliveryError(f"{where} is no text") from None
    text = text.strip()
    if not text:
        raise DeliveryError(f"{where} is {'not set' if variable else 'empty'}", hint="it holds the channel's secret")
    if _CONTROL.search(text):
        raise DeliveryError(f"{where} holds a line break or another control character")
    return text


def masked(settings: ChannelSettings) -> dict[str, str]:
    """Return the secrets that a channel has, each shown as stars."""
    given = [name for name in SECRETS if any(getattr(settings, f"{name}{place}") for place in ("", "_env", "_file"))]
    return dict.fromkeys([*given, *(name for name in CHANNELS[settings.type].needs if name in SECRETS)], MASKED)


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES).decode()
