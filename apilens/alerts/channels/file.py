"""A file: every message as a line of JSON at its end, for whatever reads logs."""

from __future__ import annotations

import json
import os

from apilens.alerts.alert import Message
from apilens.alerts.document import document
from apilens.alerts.outlet import Outlet
from apilens.errors import DeliveryError


def payload(message: Message, outlet: Outlet) -> str:
    """Return the line."""
    return json.dumps(document(message))


def send(message: Message, outlet: Outlet) -> None:
    """Append the line in one write, to a file that its owner alone may read where there was none."""
    path = str(outlet.settings.path)
    data = f"{payload(message, outlet)}\n".encode()
    try:
        # Non-blocking: a pipe that nobody reads is to fail, not to hang.
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        with os.fdopen(fd, "wb", buffering=0) as file:
            if file.write(data) != len(data):
                raise DeliveryError(f"{path}: no room for the whole message")
            os.fsync(fd)
    except OSError as error:
        raise DeliveryError(f"{path}: {error.strerror}") from None
