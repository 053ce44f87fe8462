"""Kubernetes' container runtime interface: `TIME stdout F text`, long lines in parts marked P."""

from __future__ import annotations

import re

import polars as pl

from apilens.envelopes.base import Envelope, Wrapped
from apilens.formats.text import read_lines

# containerd and CRI-O: https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
_LINE = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}(?:Z|[+-][0-9]{2}:[0-9]{2}) (?P<stream>stdout|stderr) "
    r"(?P<part>[PF])(?::[A-Za-z0-9]+)* (?P<text>.*)$"
)
_PART = re.compile(rb"[^ \n]{20,40} std(?:out|err) P[ :]")


def _open(data: bytes, first_line: int) -> pl.DataFrame:
    lines, _ = read_lines(data, first_line)
    found = pl.col("text").str.extract_groups(_LINE)
    part = found.struct.field("part")
    rows = lines.select(
        "line",
        pl.coalesce(found.struct.field("text"), "text").alias("text"),
        part.is_not_null().alias("inside"),
        found.struct.field("stream").fill_null("").alias("stream"),
        (part == "P").fill_null(False).alias("part"),
    )
    return _stitched(rows) if rows["part"].any() else rows.select("line", "text", "inside")


def _stitched(rows: pl.DataFrame) -> pl.DataFrame:
    """Put the parts of a line together; those of stdout and stderr may take turns."""
    # A text begins behind the end of the one before it in the same stream.
    number = (~pl.col("part")).cum_sum().shift(1, fill_value=0).over("stream")
    return (
        rows.with_columns(number.alias("number"))
        .group_by("stream", "number", maintain_order=True)
        .agg(pl.col("line").first(), pl.col("text").str.join(""), pl.col("inside").first())
        .select("line", "text", "inside")
        .sort("line")
    )


def _held(data: bytes) -> int:
    """Return the size of the parts at the end of a block, whose last part is yet to come."""
    size, end = 0, len(data)
    while end > 0:
        start = data.rfind(b"\n", 0, end - 1) + 1
        if not _PART.match(data, start, end):
            break
        size, end = len(data) - start, start
    return size


CRI = Envelope(
    name="cri",
    title="Kubernetes container logs (CRI)",
    open=_open,
    held=_held,
    samples=(
        Wrapped(
            "2026-11-20T10:00:00.123456789Z stdout F GET /\n2026-11-20T10:00:00.123456789Z stderr F \n",
            ("GET /", ""),
        ),
        Wrapped(
            "2026-11-20T10:00:00.1+01:00 stdout P one \n2026-11-20T10:00:00.1+01:00 stderr F other\n"
            "2026-11-20T10:00:00.1+01:00 stdout P text, \n2026-11-20T10:00:00.1+01:00 stdout F cut in three\n",
            ("one text, cut in three", "other"),
        ),
    ),
)
