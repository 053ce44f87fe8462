"""Docker's json-file driver: `{"log":"text\\n","stream":"stdout","time":"…"}`."""

from __future__ import annotations

from apilens.envelopes.base import Envelope, Wrapped
from apilens.envelopes.json import json_texts

DOCKER_JSON = Envelope(
    name="docker",
    title="Docker's json-file logs",
    open=json_texts(("log",), {"service": ("attrs.tag",)}),
    samples=(
        Wrapped(
            '{"log":"GET / \\"a\\"\\n","stream":"stdout","time":"2026-11-20T10:00:00.123456789Z"}\n', ('GET / "a"',)
        ),
        Wrapped(
            '{"log":"x","stream":"stderr","attrs":{"tag":"web"},"time":"2026-11-20T10:00:00Z"}\n',
            ("x",),
            {"service": "web"},
        ),
    ),
)
