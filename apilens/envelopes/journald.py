"""The systemd journal as `journalctl -o json` prints it."""

from __future__ import annotations

from apilens.envelopes.base import Envelope, Wrapped
from apilens.envelopes.json import json_texts

JOURNALD = Envelope(
    name="journald",
    title="the systemd journal (journalctl -o json)",
    # A message that is no UTF-8 is a list of bytes there, and stays other.
    open=json_texts(("MESSAGE",), {"service": ("SYSLOG_IDENTIFIER", "_SYSTEMD_UNIT"), "node": ("_HOSTNAME",)}),
    samples=(
        Wrapped(
            '{"MESSAGE":"GET /","_HOSTNAME":"web1","_SYSTEMD_UNIT":"nginx.service"}\n',
            ("GET /",),
            {"service": "nginx.service", "node": "web1"},
        ),
    ),
)
