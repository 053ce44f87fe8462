"""Requests as log lines."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import polars as pl

from apilens.demo.ai import events as ai_events
from apilens.demo.ai import to_json_lines
from apilens.demo.chance import below
from apilens.demo.json_samples import JSON_SAMPLES
from apilens.demo.line_samples import LINE_SAMPLES, filled, filled_json
from apilens.demo.world import World, chunks


def combined_lines(requests: pl.DataFrame, *, with_time: bool) -> pl.DataFrame:
    """Return one column of lines in the combined format, with nginx's request time (seconds) behind when asked."""
    parts = [
        pl.col("client_ip"), pl.lit(" - "), pl.col("account"), pl.lit(" ["),
        pl.col("timestamp").dt.strftime("%d/%b/%Y:%H:%M:%S +0000"), pl.lit('] "'), pl.col("method"), pl.lit(" "),
        pl.col("target"), pl.lit(' HTTP/1.1" '), pl.col("status"), pl.lit(" "), pl.col("response_bytes"), pl.lit(' "'),
        pl.col("referrer"), pl.lit('" "'), pl.col("user_agent"), pl.lit('"'),
    ]  # fmt: skip
    if with_time:
        milliseconds = pl.col("duration_ms").cast(pl.Int64)
        parts += [pl.lit(" "), milliseconds // 1000, pl.lit("."), (milliseconds % 1000).cast(pl.String).str.zfill(3)]
    return requests.select(pl.concat_str(parts).alias("line"))


def append(file: BinaryIO, lines: pl.DataFrame) -> None:
    """Write a column of lines."""
    lines.write_csv(file, include_header=False, quote_style="never")


def write_access_log(file: BinaryIO, requests: pl.DataFrame) -> None:
    """Append requests as the public API's access log has them."""
    append(file, combined_lines(requests, with_time=True))


def write_combined(path: Path, world: World, *, scattered: bool = False, accounts: int = 2_000) -> None:
    """Write a plain combined log for benchmarks: no problems in it, but `accounts` accounts."""
    each = max(1, accounts // 36)
    with path.open("wb") as file:
        for requests in chunks(world, problems=False, scattered=scattered):
            number = below(pl.col("index"), world.seed + 77, each)
            spread = requests.with_columns(pl.concat_str("account", pl.lit("-"), number).alias("account"))
            append(file, combined_lines(spread, with_time=False))


def write_moesif(path: Path, world: World) -> None:
    """Write Moesif events for benchmarks."""
    path.write_bytes(to_json_lines(ai_events(world)))


def write_samples(folder: Path) -> None:
    """Write sample_logs/: up to a few hundred lines in each format that the generator knows, always the same ones."""
    world = World(300, 14, datetime(2026, 11, 23, 12, tzinfo=UTC), 7)
    [requests] = chunks(world, problems=True)
    folder.mkdir(parents=True, exist_ok=True)
    for name, with_time in (("combined.log", False), ("nginx_timed.log", True)):
        with (folder / name).open("wb") as file:
            append(file, combined_lines(requests, with_time=with_time))
    for name, template in LINE_SAMPLES.items():
        with (folder / name).open("wb") as file:
            append(file, filled(requests.head(60), template))
    for name, sample in JSON_SAMPLES.items():
        with (folder / name).open("wb") as file:
            append(file, filled_json(requests.head(60), sample))
    (folder / "nginx.jsonl").write_text(_nginx_json(requests).write_ndjson())
    (folder / "moesif.jsonl").write_bytes(to_json_lines(ai_events(world)))


def _nginx_json(requests: pl.DataFrame) -> pl.DataFrame:
    """Return the requests as `log_format … escape=json` usually has them: every value a text."""
    return requests.select(
        pl.col("timestamp").dt.strftime("%Y-%m-%dT%H:%M:%S+00:00").alias("time_iso8601"),
        pl.col("client_ip").alias("remote_addr"),
        pl.col("account").alias("remote_user"),
        pl.concat_str("method", pl.lit(" "), "target", pl.lit(" HTTP/1.1")).alias("request"),
        pl.col("status").cast(pl.String),
        pl.col("response_bytes").cast(pl.String).alias("body_bytes_sent"),
        (pl.col("duration_ms") / 1000).cast(pl.String).alias("request_time"),
        pl.col("referrer").alias("http_referer"),
        pl.col("user_agent").alias("http_user_agent"),
    )
