"""What log shippers send on: the line under one of a few usual keys, and where it comes from under others."""

from __future__ import annotations

from apilens.envelopes.base import Envelope, Wrapped
from apilens.envelopes.json import json_texts

_SERVICE = (
    "kubernetes.container.name", "kubernetes.container_name", "container_name", "service.name", "labels.app",
    "labels.container", "labels.job",
)  # fmt: skip
_NODE = ("kubernetes.node.name", "kubernetes.host", "host.name", "host", "hostname", "labels.instance", "labels.pod")
_ENVIRONMENT = ("service.environment", "labels.env", "kubernetes.namespace", "kubernetes.namespace_name")

SHIPPER = Envelope(
    name="shipper",
    title="lines shipped as JSON (Filebeat, Fluent Bit, Vector, Loki)",
    open=json_texts(("message", "log", "line"), {"service": _SERVICE, "node": _NODE, "environment": _ENVIRONMENT}),
    samples=(
        Wrapped(
            '{"@timestamp":"2026-11-20T10:00:00Z","log":{"offset":0},"message":"GET /","host":{"name":"web1"}}\n',
            ("GET /",),
            {"node": "web1"},
        ),
        Wrapped(
            '{"log":"GET /\\n","kubernetes":{"container_name":"nginx","host":"n1","namespace_name":"prod"}}\n',
            ("GET /",),
            {"service": "nginx", "node": "n1", "environment": "prod"},
        ),
        Wrapped('{"message":"GET /","host":"web1","source_type":"file"}\n', ("GET /",), {"node": "web1"}),
        Wrapped('{"labels":{"app":"api"},"line":"GET /","timestamp":"2026"}\n', ("GET /",), {"service": "api"}),
    ),
)
