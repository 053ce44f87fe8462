"""`name  | text`: docker compose logs, stern and foreman, whose names say which service wrote a line."""

from __future__ import annotations

from apilens.envelopes.base import Envelope, Wrapped
from apilens.envelopes.text import prefixed

COMPOSE = Envelope(
    name="compose",
    title="docker compose logs",
    # Compose pads names to one width, and colours them on a terminal whose output somebody saved.
    open=prefixed(
        r"(?:\x1b\[[0-9;]*m)*(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]*) +\|(?:\x1b\[[0-9;]*m)* ",
        labels={"service": "name"},
    ),
    samples=(
        Wrapped("web-1  | GET /\n", ("GET /",), {"service": "web-1"}),
        Wrapped("\x1b[36mapi    |\x1b[0m GET /\n", ("GET /",), {"service": "api"}),
    ),
)
