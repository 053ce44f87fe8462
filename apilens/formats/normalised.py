"""What `apilens convert` writes, as JSON lines or Parquet, read back: events that are what they should be already."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import polars as pl

from apilens.formats.base import REJECT_SCHEMA, Format, Parsed, ParseOptions, Sample
from apilens.formats.json_lines import read_objects
from apilens.formats.values import NO_STATUS, any_time, byte_count, has_value, status_code, time_fault
from apilens.schema import DTYPES, EVENTS, TIME

NO_EVENT = "not an event as apilens writes it"
# Where this file has the event is known better here; the day follows from the time.
_MADE_HERE = ("line", "item", "day", "source")
_REQUIRED = tuple(column.name for column in EVENTS if not column.nullable)
_TIMES = tuple(name for name, dtype in DTYPES.items() if dtype == TIME)
_NAMES = tuple(name for name in DTYPES if name not in _MADE_HERE)


def parse_normalised(data: bytes, first_line: int, options: ParseOptions) -> Parsed:
    """Read a block of events: see Format. Columns that settings configure are fields of that name."""
    asked = sorted(options.needs.fields)
    schema = dict.fromkeys([*_NAMES, *_REQUIRED, *asked], pl.String())
    objects = read_objects(data, first_line, schema)
    texts = objects.frame
    events = texts.with_columns(
        *(any_time(texts[name]).alias(name) for name in _TIMES),
        *(_typed(name, dtype) for name, dtype in DTYPES.items() if name in _NAMES and dtype not in (TIME, pl.String)),
        *(pl.col(name).alias(f"raw_field.{name}") for name in asked),
    ).with_columns(pl.col("timestamp").dt.date().alias("day"))
    odd = texts.select(has_value(pl.col("status"))).to_series() & events["status"].is_null()
    fault = pl.coalesce(
        pl.when(pl.any_horizontal(pl.col(_REQUIRED).is_null())).then(pl.lit(NO_EVENT)),
        time_fault(options.latest),
        pl.when(odd).then(pl.lit(NO_STATUS)),
    )
    reasons = events.select(fault.alias("reason")).to_series()
    bad = reasons.is_not_null()
    rows = bad.arg_true()
    rejects = pl.DataFrame(
        {
            "line": objects.places["line"].gather(rows),
            "reason": reasons.gather(rows),
            "text": [objects.texts[row].decode() for row in rows],
        },
        schema=dict(REJECT_SCHEMA),
    )
    kept = [name for name in (*_NAMES, "day") if options.wants(name) or name in ("timestamp", "status")]
    columns = [*kept, *(f"raw_field.{name}" for name in asked)]
    return Parsed(
        pl.concat([objects.places, events.select(columns)], how="horizontal").filter(~bad),
        pl.concat([objects.rejects, rejects]).sort("line", maintain_order=True),
        blank=objects.blank,
        extra=objects.extra,
        lossy=objects.lossy,
    )


def _typed(name: str, dtype: pl.DataType) -> pl.Expr:
    text = pl.col(name)
    if name in ("status", "upstream_status"):
        return status_code(text)
    if name in ("request_bytes", "response_bytes", "weight"):
        return byte_count(text)
    if dtype == pl.Boolean:
        return pl.when(text == "true").then(True).when(text == "false").then(False).alias(name)
    number = text.cast(dtype, strict=False)
    return pl.when(number.is_finite()).then(number).alias(name) if dtype.is_float() else number


_FIELDS: Mapping[str, str] = {
    "timestamp": '"2015-05-17T10:05:03+00:00"', "started_at": '"2015-05-17T10:05:02.750+00:00"', "day": '"2015-05-17"',
    "kind": '"request"', "account": '"acme"', "account_verified": "true", "api_key": '"k_de7y5jwnhw6ubquu"',
    "method": '"GET"', "path": '"/orders/5"', "endpoint": '"GET /orders/{id}"', "status": "200", "duration_ms": "250.0",
    "response_bytes": "512", "user_agent": "null", "is_bot": "false", "is_health_check": "false",
    "direction": '"incoming"', "request_fingerprint": "-7", "weight": "10", "format": '"combined"',
    "source": '"old.log"', "line": "77", "item": "3",
}  # fmt: skip


def _line(**changes: str | None) -> str:
    return "{" + ",".join(f'"{name}":{text}' for name, text in {**_FIELDS, **changes}.items() if text) + "}"


APILENS = Format(
    name="apilens",
    title="events that apilens convert wrote",
    # Both times are in the event; nothing is worked out any more.
    time_is="start",
    parse=parse_normalised,
    normalised=True,
    samples=(
        Sample(
            _line(),
            {
                "timestamp": datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC), "line": 7, "item": 0, "account": "acme",
                "started_at": datetime(2015, 5, 17, 10, 5, 2, 750_000, tzinfo=UTC), "account_verified": True,
                "api_key": "k_de7y5jwnhw6ubquu", "endpoint": "GET /orders/{id}", "status": 200, "duration_ms": 250.0,
                "request_fingerprint": -7, "weight": 10, "format": "combined", "is_bot": False, "user_agent": None,
            },
        ),
        Sample(_line(status="null"), {"status": None}),
        Sample(_line(status="999"), rejected=NO_STATUS),
        Sample(_line(started_at=None), rejected=NO_EVENT),
        Sample('{"time":"2015-05-17T10:05:03Z","status":200}', rejected=NO_EVENT),
        Sample("[]", rejected="not a JSON object"),
    ),
)  # fmt: skip
