"""The sign of life: an address that hears of every complete run, so that somebody notices when there are none."""

from __future__ import annotations

import os
from collections.abc import Mapping

from apilens.alerts.http import Client
from apilens.alerts.outlet import secret_in
from apilens.channel_settings import Heartbeat, heartbeat_of
from apilens.errors import DeliveryError
from apilens.window import parse_duration


def heartbeat(given: str | Heartbeat | None, *, environ: Mapping[str, str] = os.environ) -> None:
    """Call `heartbeat_url`, if there is one: after everything was judged and every message delivered, and only then.

    Raises DeliveryError.
    """
    settings = heartbeat_of(given)
    if settings is None:
        return
    try:
        address = secret_in(environ, settings.env, settings.file)
        client = Client(parse_duration(settings.timeout).total_seconds(), settings.allow_private)
        client.request(address, method="GET")
    except DeliveryError as error:
        raise DeliveryError(f"heartbeat_url: {error.message}", hint=error.hint) from None
