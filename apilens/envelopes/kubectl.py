"""What kubectl puts in front of lines: `--prefix` names pod and container, `--timestamps` the time."""

from __future__ import annotations

from apilens.envelopes.base import Envelope, Wrapped
from apilens.envelopes.text import prefixed

KUBECTL_PREFIX = Envelope(
    name="kubectl",
    title="kubectl logs --prefix",
    open=prefixed(r"\[pod/(?P<pod>[^/\]]+)/(?P<container>[^\]]+)\] ", labels={"service": "container", "node": "pod"}),
    samples=(
        Wrapped("[pod/web-6b7f9-x2x4z/nginx] GET /\n", ("GET /",), {"service": "nginx", "node": "web-6b7f9-x2x4z"}),
    ),
)

# `kubectl logs --timestamps`, `docker logs -t`, CloudWatch's exports to S3: a time, a blank, and the line.
TIMESTAMPED = Envelope(
    name="timestamped",
    title="lines with a time in front (kubectl, docker, CloudWatch exports)",
    open=prefixed(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:?[0-9]{2}) "),
    samples=(
        Wrapped("2026-11-20T10:00:00.123Z GET /\n2026-11-20T10:00:00+01:00 GET /b\n", ("GET /", "GET /b")),
        Wrapped("2026-11-20T10:00:00Z \n", ("",)),
    ),
)
