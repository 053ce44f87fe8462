"""From the texts that a pattern captured to the typed columns that a format yields."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from apilens.formats.base import ParseOptions
from apilens.formats.failure import envoy_reason, haproxy_reason, squid_reason
from apilens.formats.request import check_targets, split_requests
from apilens.formats.tail import read_tails
from apilens.formats.values import (
    NO_ANSWER,
    NO_STATUS,
    byte_count,
    duration_ms,
    durations_ms,
    has_value,
    http_version,
    last_status,
    log_time,
    size_fault,
    stated,
    status_code,
    time_fault,
)
from apilens.schema import TIME

_PORT = r"^(\[[^\]]*\]|[^:]*)(?::[0-9]*)?$"

# Capture → the column that it becomes, and how. Where two give the same column the first with a value counts.
CAPTURES: Mapping[str, tuple[str, Callable[[pl.Expr], pl.Expr]]] = {
    "method": ("method", stated),
    "target_host": ("host", lambda text: text),
    "host": ("host", lambda text: text),
    "server": ("host", lambda text: text),
    "protocol": ("protocol", lambda text: text),
    "duration_ms": ("duration_ms", lambda value: value),
    "micros": ("duration_ms", lambda text: duration_ms(text, milliseconds=0.001)),
    "millis": ("duration_ms", lambda text: duration_ms(text, milliseconds=1)),
    "nanos": ("duration_ms", lambda text: duration_ms(text, milliseconds=1e-6)),
    "seconds": ("duration_ms", lambda text: duration_ms(text, milliseconds=1000)),
    "upstream_ms": ("upstream_ms", lambda value: value),
    "upstream_millis": ("upstream_ms", lambda text: duration_ms(text, milliseconds=1)),
    "upstream_seconds": ("upstream_ms", lambda text: durations_ms(text, milliseconds=1000)),
    "upstream_status": ("upstream_status", last_status),
    "target_status": ("upstream_status", status_code),
    "request_bytes": ("request_bytes", lambda size: size),
    "bytes": ("response_bytes", lambda size: size),
    "total_bytes": ("response_bytes", lambda size: size),
    "failure_reason": ("failure_reason", stated),
    "haproxy_state": ("failure_reason", haproxy_reason),
    "envoy_flags": ("failure_reason", envoy_reason),
    "squid_result": ("failure_reason", squid_reason),
    "error_code": ("error_code", stated),
    "service": ("service", stated),
    "node": ("node", stated),
    "request_id": ("request_id", stated),
    "trace_id": ("trace_id", stated),
    "target": ("raw_target", lambda text: text),
    "referrer": ("raw_referrer", stated),
    "agent": ("raw_agent", stated),
    "peer": ("raw_peer", stated),
    "forwarded": ("raw_forwarded", stated),
    "user": ("raw_remote_user", stated),
}
_ALWAYS = frozenset({"time", "status", "status_or_none"})
_SIZES = ("bytes", "total_bytes", "request_bytes")
_REQUEST = frozenset({"request", "method", "target", "path", "query", "target_host"})
# The time that an AWS balancer took, its target, and the balancer again; -1 says that a part did not happen.
_IN_PARTS = ("seconds_before", "target_seconds", "seconds_behind")
# Captures of which other columns are made than their own.
_SPREADS: Mapping[str, frozenset[str]] = {
    "request": frozenset({"method", "protocol", "host", "raw_target"}),
    "tail": frozenset({"raw_forwarded", "duration_ms", "upstream_ms"}),
    **dict.fromkeys(_IN_PARTS, frozenset({"duration_ms", "upstream_ms"})),
}


def wanted_captures(options: ParseOptions) -> frozenset[str]:
    """Return the names of the captures that the columns and needs of these options are made of."""
    names = {capture for capture, (column, _) in CAPTURES.items() if options.wants(column)}
    names |= {capture for capture, columns in _SPREADS.items() if any(map(options.wants, columns))}
    if options.wants("method") or options.wants("raw_target") or options.wants("host"):
        names |= _REQUEST
    return frozenset(names | _ALWAYS | set(needed_columns(options)))


def needed_columns(options: ParseOptions) -> list[str]:
    """Return the `raw_header.…`, `raw_response_header.…` and `raw_field.…` columns that settings ask for."""
    needs = options.needs
    return [
        *(f"raw_header.{name}" for name in sorted(needs.headers)),
        *(f"raw_response_header.{name}" for name in sorted(needs.response_headers)),
        *(f"raw_field.{name}" for name in sorted(needs.fields)),
    ]


def typed_events(texts: pl.DataFrame, options: ParseOptions) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the events of captured texts in the shape of `Parsed.events`, and `line`, `reason` of lines that fail.

    A line fails if its time or status cannot be read, or its sizes are no sizes. A status that was captured as
    `status_or_none`, or not at all, may be missing: a proxy logs requests that nobody answered, too; so
    may that of a row that is `unanswered`. `time` may be instants already.
    """
    unanswered = pl.lit("status" not in texts.columns)
    if "status_or_none" in texts.columns:
        unanswered = pl.col("status_or_none").is_in(NO_ANSWER)
        texts = texts.with_columns(status="status_or_none")
    elif "status" not in texts.columns:
        texts = texts.with_columns(status=pl.lit(None, pl.String))
    sizes = {name: texts[name].alias(f"{name} as logged") for name in _SIZES if name in texts.columns}
    texts = texts.with_columns(
        (time if (time := texts["time"]).dtype == TIME else log_time(time, options.source_tz)).alias("timestamp"),
        status_code(pl.col("status")),
        pl.lit(0, dtype=pl.Int32).alias("item"),
        *sizes.values(),
        *(byte_count(pl.col(name)) for name in sizes),
    )
    if "unanswered" in texts.columns:
        unanswered |= pl.col("unanswered")
    fault = pl.coalesce(
        time_fault(options.latest),
        pl.when(pl.col("status").is_null() & ~unanswered).then(pl.lit(NO_STATUS)),
        *(size_fault(pl.col(text.name), pl.col(name)) for name, text in sizes.items()),
    )
    reasons = texts.select("line", fault.alias("reason"))
    failed = reasons["reason"].is_not_null()
    if failed.any():
        texts, reasons = texts.filter(~failed), reasons.filter(failed)
    else:
        reasons = reasons.clear()
    texts = _plain(_spread(texts))
    return texts.select("line", "item", "timestamp", "status", *_columns(texts.columns, options)), reasons


def _spread(texts: pl.DataFrame) -> pl.DataFrame:
    """Split captures that hold several texts, and put together those that are parts of one."""
    for name in ("tail", "tail_in_seconds"):
        if name in texts.columns:
            texts = read_tails(texts.rename({name: "tail"}), whole_micros=name == "tail")
    if _IN_PARTS[0] in texts.columns:
        before, target, behind = (pl.col(name).cast(pl.Float64, strict=False) for name in _IN_PARTS)
        total = pl.when(before >= 0, target >= 0, behind >= 0).then(before + target + behind)
        times = {"duration_ms": total, "upstream_ms": target}
        texts = texts.with_columns(**{name: duration_ms(time, milliseconds=1000) for name, time in times.items()})
    if "path" in texts.columns and "target" not in texts.columns:
        texts = texts.with_columns(_targets(texts).alias("target"))
    if "request" in texts.columns:
        parts = [name for name in ("method", "target", "protocol") if name in texts.columns]
        whole = split_requests(texts.drop(parts))
        # Lines that state no request may state its parts.
        return _filled(whole, _checked(texts.select(parts))) if parts else whole
    return _checked(texts)


def _targets(texts: pl.DataFrame) -> pl.Series:
    """Return `path?query`; where there is no query, the path."""
    if "query" not in texts.columns:
        return texts["path"]
    rows = texts.select(has_value(pl.col("query").str.strip_prefix("?"))).to_series().arg_true()
    whole = pl.concat_str("path", pl.lit("?"), pl.col("query").str.strip_prefix("?"))
    return texts["path"].clone().scatter(rows, texts[rows].select(whole).to_series()) if rows.len() else texts["path"]


def _plain(texts: pl.DataFrame) -> pl.DataFrame:
    """Return hosts without their port, and HTTP versions as numbers; null where they are not stated."""
    names = [name for name in ("host", "server", "protocol") if name in texts.columns]
    texts = texts.with_columns(stated(pl.col(name)) for name in names)
    return texts.with_columns(_version(texts[name]) if name == "protocol" else _host(texts[name]) for name in names)


def _host(texts: pl.Series) -> pl.Series:
    return _where(texts, texts.str.contains(":", literal=True), lambda text: text.str.extract(_PORT))


def _version(texts: pl.Series) -> pl.Series:
    return _where(texts, texts != "1.1", http_version)


def _where(texts: pl.Series, odd: pl.Series, change: Callable[[pl.Expr], pl.Expr]) -> pl.Series:
    """Return texts with those changed that are `odd`: what is dear is not done to every row."""
    rows = odd.arg_true()
    if not rows.len():
        return texts
    changed = texts.gather(rows).to_frame("text").select(change(pl.col("text"))).to_series()
    return texts.clone().scatter(rows, changed)


def _checked(texts: pl.DataFrame) -> pl.DataFrame:
    return check_targets(texts) if {"target", "method"} <= set(texts.columns) else texts


def _filled(texts: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    return texts.with_columns(
        pl.coalesce(name, column).alias(name) if name in texts.columns else column
        for name, column in zip(others.columns, others.get_columns(), strict=True)
    )


def _columns(captures: list[str], options: ParseOptions) -> list[pl.Expr]:
    made: dict[str, list[pl.Expr]] = {}
    for capture, (column, convert) in CAPTURES.items():
        if capture in captures and options.wants(column):
            made.setdefault(column, []).append(convert(pl.col(capture)))
    asked = [stated(pl.col(name)) for name in needed_columns(options) if name in captures]
    return [
        pl.coalesce(exprs).alias(column) if exprs[1:] else exprs[0].alias(column) for column, exprs in made.items()
    ] + asked
