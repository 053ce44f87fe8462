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


def write_combined(
    path: Path, world: World, *, scattered: bool = False, accounts: int = 2_000, with_time: bool = False
) -> None:  # fmt: skip
    """Write a plain combined log for benchmarks: no problems in it, but `accounts` accounts."""
    each = max(1, accounts // 36)
    with path.open("wb") as file:
        for requests in chunks(world, problems=False, scattered=scattered):
            number = below(pl.col("index"), world.seed + 77, each)
            spread = requests.with_columns(pl.concat_str("account", pl.lit("-"), number).alias("account"))
            append(file, combined_lines(spread, with_time=with_time))


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
    for name, directives, lines in (("iis.log", _IIS, _iis_lines), ("cloudfront.log", _CLOUDFRONT, _cloudfront_lines)):
        with (folder / name).open("wb") as file:
            file.write(directives)
            append(file, requests.select(pl.concat_str(lines()).alias("line")))


_IIS = b"""#Software: Microsoft Internet Information Services 10.0
#Version: 1.0
#Date: 2026-11-09 12:00:00
#Fields: date time cs-method cs-uri-stem cs-uri-query cs-username c-ip cs(User-Agent) sc-status sc-bytes time-taken
"""
_CLOUDFRONT = b"""#Version: 1.0
#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(User-Agent) cs-uri-query \
x-edge-result-type x-edge-request-id x-host-header time-taken
""".replace(b"\\\n", b"")


def _iis_lines() -> list[pl.Expr]:
    agent = pl.col("user_agent").str.replace_all(" ", "+", literal=True)
    milliseconds = pl.col("duration_ms").cast(pl.Int64)
    values = [
        *_date_and_time(), pl.col("method"), *_path_and_query(), pl.col("account"), pl.col("client_ip"), agent,
        pl.col("status"), pl.col("response_bytes"), milliseconds,
    ]  # fmt: skip
    return _separated(values, " ")


def _cloudfront_lines() -> list[pl.Expr]:
    agent = pl.col("user_agent").str.replace_all(" ", "%20", literal=True)
    path, query = _path_and_query()
    values = [
        *_date_and_time(), pl.lit("FRA56-P1"), pl.col("response_bytes"), pl.col("client_ip"), pl.col("method"),
        pl.lit("d111111abcdef8.cloudfront.net"), path, pl.col("status"), agent, query, pl.lit("Miss"),
        pl.concat_str(pl.lit("made-up-"), "index"), pl.lit("api.lumen.example"), pl.col("duration_ms") / 1000,
    ]  # fmt: skip
    return _separated(values, "\t")


def _date_and_time() -> list[pl.Expr]:
    return [pl.col("timestamp").dt.strftime(part) for part in ("%Y-%m-%d", "%H:%M:%S")]


def _path_and_query() -> list[pl.Expr]:
    parts = pl.col("target").str.split_exact("?", 1)
    return [parts.struct.field("field_0"), parts.struct.field("field_1").fill_null("-")]


def _separated(values: list[pl.Expr], separator: str) -> list[pl.Expr]:
    return [part for value in values for part in (value, pl.lit(separator))][:-1]


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
