"""Where messages go, one file per kind of channel.

To add one: a file with `payload(message, outlet) -> str`, what would be sent as people may see it, and
`send(message, outlet) -> None`, which raises DeliveryError; and a line in CHANNELS of apilens.channel_settings.
Both get the message as it may leave the machine. A channel is imported when it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from apilens.alerts.alert import Message
from apilens.alerts.outlet import Outlet
from apilens.channel_settings import CHANNELS


class Sender(Protocol):
    """What the module of a channel has."""

    def payload(self, message: Message, outlet: Outlet) -> str:
        """Return what would be sent."""

    def send(self, message: Message, outlet: Outlet) -> None:
        """Send it. Raises DeliveryError."""


def sender(kind: str) -> Sender:
    """Return the module of a kind of channel."""
    return cast(Sender, import_module(CHANNELS[kind].module))
