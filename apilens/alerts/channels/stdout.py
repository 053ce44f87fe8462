"""Standard output: for cron, which mails what is printed, and for a first look."""

from __future__ import annotations

import sys

from apilens.alerts import words
from apilens.alerts.alert import Message
from apilens.alerts.outlet import Outlet
from apilens.errors import DeliveryError


def payload(message: Message, outlet: Outlet) -> str:
    """Return the lines."""
    return "\n".join([words.title(message), *(f"  {line}" for line in (*words.lines(message), *words.more(message)))])


def send(message: Message, outlet: Outlet) -> None:
    """Print the lines."""
    try:
        sys.stdout.write(f"{payload(message, outlet)}\n")
        sys.stdout.flush()
    except OSError as error:
        raise DeliveryError(f"stdout: {error.strerror}") from None
