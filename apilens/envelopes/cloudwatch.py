"""CloudWatch Logs: what subscriptions deliver, and what `aws logs filter-log-events` prints."""

from __future__ import annotations

import re

import msgspec
import polars as pl

from apilens.envelopes.base import Envelope, Wrapped
from apilens.envelopes.json import with_others
from apilens.formats.json_lines import read_objects
from apilens.formats.text import read_lines

_SCHEMA = {"logGroup": pl.String(), "logStream": pl.String(), "logEvents": pl.List(pl.Struct({"message": pl.String()}))}


class _Event(msgspec.Struct):
    message: str
    stream: str | None = msgspec.field(name="logStreamName", default=None)


class _Events(msgspec.Struct):
    events: list[_Event]


_EVENTS = msgspec.json.Decoder(_Events)
_DOCUMENT = re.compile(rb'^\s*\{\s*"(?:events|searchedLogStreams)"\s*:\s*\[')
_EVENT_SCHEMA = {"line": pl.Int64(), "text": pl.String(), "inside": pl.Boolean(), "node": pl.String()}


def _open_records(data: bytes, first_line: int) -> pl.DataFrame:
    objects = read_objects(data, first_line, _SCHEMA)
    raw = pl.Series("raw", [bytes(item) for item in objects.texts], dtype=pl.Binary).cast(pl.String)
    records = pl.concat([objects.places, objects.frame, raw.to_frame()], how="horizontal")
    events = records.explode("logEvents")
    message = pl.col("logEvents").struct.field("message")
    rows = events.select(
        "line",
        pl.coalesce(message.str.strip_chars_end("\r\n"), "raw").alias("text"),
        message.is_not_null().alias("inside"),
        pl.col("logGroup").alias("service"),
        pl.col("logStream").alias("node"),
    )
    return with_others(rows, objects.rejects, data, first_line)


def _open_document(data: bytes, first_line: int) -> pl.DataFrame:
    try:
        events = _EVENTS.decode(data).events
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        lines, _ = read_lines(data, first_line)
        return lines.select("line", "text", pl.lit(False).alias("inside"))
    # A document is one record: its events are told apart by their item.
    rows = [(first_line, event.message.rstrip("\r\n"), True, event.stream) for event in events]
    return pl.DataFrame(rows, schema=_EVENT_SCHEMA, orient="row")


CLOUDWATCH = Envelope(
    name="cloudwatch",
    title="CloudWatch Logs records",
    open=_open_records,
    samples=(
        Wrapped(
            '{"messageType":"DATA_MESSAGE","logGroup":"/aws/api","logStream":"i-1","logEvents":'
            '[{"id":"1","timestamp":1763632800000,"message":"GET /\\n"},{"id":"2","message":"GET /b"}]}\n',
            ("GET /", "GET /b"),
            {"service": "/aws/api", "node": "i-1"},
        ),
    ),
)

CLOUDWATCH_EVENTS = Envelope(
    name="cloudwatch_events",
    title="CloudWatch Logs as `aws logs filter-log-events` prints them",
    open=_open_document,
    framing="document",
    recognises=lambda sample: bool(_DOCUMENT.match(sample)),
    samples=(
        Wrapped(
            '{\n "events": [\n  {"logStreamName": "i-1", "timestamp": 1763632800000, "message": "GET /\\n"}\n ]\n}\n',
            ("GET /",),
            {"node": "i-1"},
        ),
    ),
)
