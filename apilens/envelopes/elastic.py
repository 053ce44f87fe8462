"""Hits of an Elasticsearch or OpenSearch index, one a line (elasticdump, `jq -c .hits.hits[]`)."""

from __future__ import annotations

from apilens.envelopes.base import Envelope, Wrapped
from apilens.envelopes.json import json_texts

ELASTIC = Envelope(
    name="elastic",
    title="hits of an Elasticsearch index",
    open=json_texts(("_source.event.original", "_source.message", "_source"), {"node": ("_source.host.name",)}),
    # An export of Moesif looks the same, and its format reads the id of the hit as well.
    recognises=lambda sample: b'"_source"' in sample and b'"verb"' not in sample,
    samples=(
        Wrapped(
            '{"_index":"logs","_id":"1","_source":{"message":"GET /","host":{"name":"web1"}}}\n',
            ("GET /",),
            {"node": "web1"},
        ),
        Wrapped('{"_index":"logs","_source":{"status":200,"path":"/"}}\n', ('{"status": 200, "path": "/"}',)),
    ),
)
