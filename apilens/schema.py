"""The event table: the one shape that every format ends in and every question starts from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

TIME = pl.Datetime("us", "UTC")
# How settings name the types of the columns that they add.
TYPE_NAMES: Mapping[str, pl.DataType] = {
    "int": pl.Int64(), "float": pl.Float64(), "string": pl.String(), "bool": pl.Boolean(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the event table: its type, whether it may be null, what it means, and its name elsewhere."""

    name: str
    dtype: pl.DataType
    meaning: str
    nullable: bool = True
    unit: str = ""
    otel: str = ""
    ecs: str = ""


def _column(
    name: str,
    dtype: pl.DataType | type[pl.DataType],
    meaning: str,
    *,
    required: bool = False,
    unit: str = "",
    otel: str = "",
    ecs: str = "",
) -> Column:
    return Column(name, dtype() if isinstance(dtype, type) else dtype, meaning, not required, unit, otel, ecs)


# The order is the order of columns in every file and every listing.
EVENTS: tuple[Column, ...] = (
    _column("timestamp", TIME, "when, as the log states it", required=True, ecs="@timestamp"),
    _column("started_at", TIME, "when the request began: what order-sensitive questions sort by", required=True),
    _column("day", pl.Date, "partition, from timestamp, in UTC", required=True),
    _column("kind", pl.String, "request, or action (from event dumps)", required=True),
    _column("action", pl.String, "name of the action, for events that are no requests"),
    _column("service", pl.String, "which service logged it", otel="service.name", ecs="service.name"),
    _column("environment", pl.String, "production, staging …", otel="deployment.environment.name"),
    _column("node", pl.String, "which machine logged it", otel="host.name", ecs="host.name"),
    _column("account", pl.String, "the customer", ecs="organization.id"),
    _column("account_source", pl.String, "the rule that found the account"),
    _column("account_verified", pl.Boolean, "false where the server refused the credentials"),
    _column("user", pl.String, "the person", otel="user.id", ecs="user.id"),
    _column("api_key", pl.String, "keyed hash k_… of the API key, never the key"),
    _column("session", pl.String, "keyed hash of the session token"),
    _column("auth_scheme", pl.String, "bearer, basic, key …"),
    _column("auth_failure", pl.String, "missing, expired, invalid, forbidden"),
    _column(
        "client_ip",
        pl.String,
        "after the forwarded-for rule and the client_ip policy",
        otel="client.address",
        ecs="client.ip",
    ),
    _column(
        "method", pl.String, "null for what is no HTTP request", otel="http.request.method", ecs="http.request.method"
    ),
    _column("host", pl.String, "host name the client asked for", otel="server.address", ecs="url.domain"),
    _column("path", pl.String, "undecoded, secrets redacted", otel="url.path", ecs="url.path"),
    _column("query_keys", pl.String, "names of the query parameters, sorted, joined by commas"),
    _column("query_values", pl.String, "values of allow-listed numeric query parameters, as key=value, sorted"),
    _column("endpoint", pl.String, "METHOD /route/{id}", otel="http.route"),
    _column("api_version", pl.String, "from path, header, media type or field"),
    _column("protocol", pl.String, "1.1, 2 …", otel="network.protocol.version", ecs="http.version"),
    _column(
        "status",
        pl.Int16,
        "null counts in requests and in no error metric",
        otel="http.response.status_code",
        ecs="http.response.status_code",
    ),
    _column("upstream_status", pl.Int16, "status of the last upstream"),
    _column("failure_reason", pl.String, "who ended it: client gone, proxy flags"),
    _column(
        "duration_ms",
        pl.Float64,
        "time the server took",
        unit="ms",
        otel="http.server.request.duration",
        ecs="event.duration",
    ),
    _column("upstream_ms", pl.Float64, "time the upstream took", unit="ms"),
    _column(
        "request_bytes",
        pl.Int64,
        "size of the request",
        unit="bytes",
        otel="http.request.size",
        ecs="http.request.bytes",
    ),
    _column(
        "response_bytes",
        pl.Int64,
        "size of the response",
        unit="bytes",
        otel="http.response.size",
        ecs="http.response.bytes",
    ),
    _column("referrer", pl.String, "without its query", ecs="http.request.referrer"),
    _column("user_agent", pl.String, "secrets redacted", otel="user_agent.original", ecs="user_agent.original"),
    _column("sdk", pl.String, "product token of the user agent: acme-python, curl"),
    _column("sdk_version", pl.String, "version of that product"),
    _column("is_bot", pl.Boolean, "the user agent names a crawler", required=True),
    _column("is_health_check", pl.Boolean, "a probe by path or user agent", required=True),
    _column("direction", pl.String, "incoming, outgoing (webhooks) or internal", required=True),
    _column("error_code", pl.String, "from the error body or WWW-Authenticate"),
    _column("error_field", pl.String, "the field that the error names"),
    _column("request_shape", pl.String, "sorted field.path:type list of a JSON body"),
    _column("response_shape", pl.String, "sorted field.path:type list of a JSON body"),
    _column("request_header_names", pl.String, "names of the request headers, never values"),
    _column("request_fingerprint", pl.Int64, "keyed hash of method, path and query: finds exact retries"),
    _column("request_id", pl.String, "as the source gives it", ecs="http.request.id"),
    _column("trace_id", pl.String, "as the source gives it", otel="trace_id", ecs="trace.id"),
    _column("event_id", pl.String, "id of the event where the source gives one"),
    _column("weight", pl.Int64, "1 / sampling rate; every count honours it", required=True),
    _column("format", pl.String, "the format that read it", required=True),
    _column(
        "source", pl.String, "the file or stream it came from", required=True, otel="log.file.path", ecs="log.file.path"
    ),
    _column("line", pl.Int64, "line number in the source, from 1", required=True),
    _column("item", pl.Int32, "from 0, for several events on one line", required=True),
    _column("request_body", pl.String, "only when captured"),
    _column("response_body", pl.String, "only when captured"),
    _column("request_headers", pl.String, "only when captured"),
    _column("response_headers", pl.String, "only when captured"),
)

# An event happened before another by these, in this order.
ORDER = ("started_at", "source", "line", "item")

DTYPES: Mapping[str, pl.DataType] = {column.name: column.dtype for column in EVENTS}


def dtypes(extra: Mapping[str, pl.DataType] | None = None) -> dict[str, pl.DataType]:
    """Return name → type of every event column, configured columns (`extra`) last."""
    return {**DTYPES, **(extra or {})}


def conform(
    frame: pl.DataFrame, *, columns: Iterable[str] | None = None, extra: Mapping[str, pl.DataType] | None = None
) -> pl.DataFrame:
    """Return the frame with exactly the event columns (or the named ones), in order and of the declared types.

    A column that the frame lacks is null; one that the table does not know (`raw_*`) is dropped.
    Raises `polars.exceptions.InvalidOperationError` where a value does not fit its type: that is a bug of a format.
    """
    types = dtypes(extra)
    names = list(types) if columns is None else list(columns)
    return frame.select(
        pl.col(name).cast(types[name]) if name in frame.columns else pl.lit(None, dtype=types[name]).alias(name)
        for name in names
    )
