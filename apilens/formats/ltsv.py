"""LTSV, labelled tab-separated values: `time:…	status:200	…`, by the labels that people use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial

import polars as pl

from apilens.formats.base import Format, Parsed, ParseOptions, Sample
from apilens.formats.columns import Layout, layout, placed
from apilens.formats.lines import parse_lines
from apilens.formats.typed import needed_columns
from apilens.formats.values import NO_STATUS, NO_TIME

# Capture → labels, as ltsv.org recommends them first, then as nginx and Apache users have them.
_LABELS: Mapping[str, str] = {
    "time": "time datetime timestamp time_local time_iso8601 msec date ts",
    "status": "status status_code code",
    "request": "req request",
    "method": "method request_method",
    "target": "uri request_uri url path target",
    "query": "query args query_string",
    "protocol": "protocol server_protocol",
    "peer": "remote_addr remote_host remote_ip client_ip clientip ip",
    "user": "user remote_user",
    "forwarded": "forwardedfor x_forwarded_for forwarded_for http_x_forwarded_for xff x-forwarded-for",
    "host": "vhost http_host domain",
    "server": "server_name server",
    "bytes": "size body_bytes_sent bytes response_size",
    "total_bytes": "bytes_sent",
    "request_bytes": "reqsize request_length",
    "referrer": "referer referrer http_referer",
    "agent": "ua user_agent useragent agent http_user_agent",
    "seconds": "reqtime request_time taken_sec response_time",
    "micros": "reqtime_microsec taken_usec",
    "millis": "reqtime_ms duration_ms taken_ms",
    "upstream_seconds": "apptime runtime upstream_response_time",
    "upstream_status": "upstream_status",
    "request_id": "request_id reqid x_request_id",
    "trace_id": "trace_id",
    "node": "hostname",
}
_CAPTURE_OF = {label: capture for capture, labels in _LABELS.items() for label in labels.split()}


def parse_ltsv(data: bytes, first_line: int, options: ParseOptions) -> Parsed:
    """Read a block of LTSV: see Format."""
    return parse_lines(data, first_line, options, (partial(_read, options=options),), misfit=NO_TIME)


def _read(lines: pl.DataFrame, wanted: frozenset[str], *, options: ParseOptions) -> pl.DataFrame:
    # The labels of a line, its values taken out, are its header; most lines of a log have the same.
    headers = lines.select(pl.col("text").str.replace_all(":[^\t]*", "").alias("header"))
    distinct = headers.unique(maintain_order=True)
    layouts = [_layout(header) for header in distinct["header"]]
    which = headers.join(distinct.with_row_index("layout"), on="header", how="left", maintain_order="left")["layout"]
    parts = lines["text"].str.split("\t")
    names = {name: name for name in _LABELS if name in wanted}
    fields = {name: name.lower() for name in needed_columns(options)}
    found = placed(parts, layouts, which, dict.fromkeys([*names, *fields.values()]))
    texts = lines.select("line").with_columns(
        found.get(key, pl.lit(None, dtype=pl.String)).alias(name)
        for name, key in {**names, **fields}.items()
        if key in found or key in ("time", "status", "method")
    )
    values = [pl.col(name).str.replace("^[^:]*:", "") for name in texts.columns if name != "line"]
    return texts.with_columns(values).with_columns(pl.col("time").str.strip_chars("[] "))


@lru_cache(maxsize=1024)
def _layout(header: str) -> Layout:
    labels = header.lower().split("\t")
    # `host` is the client to ltsv.org, and the server where the client has a label of its own.
    has_peer = any(_CAPTURE_OF.get(label) == "peer" for label in labels)

    def keys(label: str) -> Iterator[str]:
        capture = ("host" if has_peer else "peer") if label == "host" else _CAPTURE_OF.get(label)
        if capture:
            yield capture
        yield f"raw_field.{label}"
        yield f"raw_header.{label.removeprefix('http_').replace('_', '-')}"

    return layout(labels, keys)


_TIME = datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC)
_GET = "time:[17/May/2015:10:05:03 +0000]\thost:203.0.113.9\treq:GET /a?b=1 HTTP/1.1\tstatus:{status}\tsize:512"

LTSV = Format(
    name="ltsv",
    title="LTSV: labelled tab-separated values",
    # nginx and most applications write a line when a request is over.
    time_is="end",
    parse=parse_ltsv,
    samples=(
        Sample(
            _GET.format(status=200) + "\tua:Mozilla/5.0 (X11: Linux)\tvhost:api.example.com\treqtime:0.25\tuser:ann",
            {
                "timestamp": _TIME, "status": 200, "method": "GET", "raw_target": "/a?b=1", "protocol": "1.1",
                "raw_peer": "203.0.113.9", "response_bytes": 512, "raw_agent": "Mozilla/5.0 (X11: Linux)",
                "host": "api.example.com", "duration_ms": 250.0, "raw_remote_user": "ann",
            },
        ),
        Sample(
            "remote_addr:203.0.113.9\thost:api.example.com\ttime:2015-05-17T10:05:03+00:00\tmethod:GET\turi:/a\tstatus:404"
            "\treqtime_microsec:1500\tcustom:x",
            {"timestamp": _TIME, "host": "api.example.com", "raw_peer": "203.0.113.9", "duration_ms": 1.5},
        ),
        Sample(_GET.format(status="abc"), rejected=NO_STATUS),
        Sample("host:203.0.113.9\tstatus:200", rejected=NO_TIME),
        Sample("no line of LTSV", rejected=NO_TIME),
    ),
)  # fmt: skip
