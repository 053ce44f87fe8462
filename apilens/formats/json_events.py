"""From JSON objects to events: which values make which column, and which lines are no request or cannot be used."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import polars as pl

from apilens.formats.base import REJECT_SCHEMA, Parsed, ParseOptions
from apilens.formats.json_lines import Objects
from apilens.formats.json_paths import Paths, json_text, parts
from apilens.formats.request import split_requests
from apilens.formats.values import (
    NO_STATUS,
    any_time,
    byte_count,
    duration_ms,
    durations_ms,
    http_version,
    last_status,
    stated,
    status_code,
    time_fault,
)
from apilens.schema import TIME

DURATIONS = ("duration_ms", "upstream_ms")
SIZES = ("request_bytes", "response_bytes", "weight")
# Text that is never an object: `{"user": {"id": 5}}` says no user.
PLAIN = ("account", "user", "api_key", "session", "method", "host", "raw_peer", "service", "environment", "node")

# Columns that settings ask for by name, whatever else is wanted.
ASKED = ("raw_header.", "raw_response_header.", "raw_field.")
_UNITS = {
    "ns": 1e-6,
    "us": 1e-3,
    "µs": 1e-3,
    "μs": 1e-3,
    "micros": 1e-3,
    "ms": 1.0,
    "msec": 1.0,
    "msecs": 1.0,
    "s": 1e3,
}
# Times without a zone by their length; patterns of fixed width are what Polars reads fastest.
_ISO_OF_LENGTH = {
    19: "%Y-%m-%dT%H:%M:%S",
    23: "%Y-%m-%dT%H:%M:%S.%3f",
    26: "%Y-%m-%dT%H:%M:%S.%6f",
}
_FOUR_DIGITS = 1000
URL_HOST = r"^(?i:[a-z][a-z0-9+.-]*)://(?:[^/?#@]*@)?(\[[^\]/?#]*\]|[^/?#:]+)"
_SPELLED = rf"^\s*([0-9]+(?:\.[0-9]+)?)\s*({'|'.join(_UNITS)})\s*$"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value may stand: a dotted path, and for durations the unit of plain numbers."""

    path: str
    milliseconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Texts:
    """The values of a block as texts, a column per path; one that is nowhere stated is absent. Column "" is padding."""

    frame: pl.DataFrame

    def first(self, places: Sequence[Place]) -> pl.Expr | None:
        """Return the first stated text of several places, None where there is none in the whole block."""
        found = [stated(pl.col(place.path)) for place in places if place.path in self.frame.columns]
        return pl.coalesce(found) if found else None

    def series(self, places: Sequence[Place]) -> pl.Series:
        """Return the first stated text of several places in each row."""
        found = self.first(places)
        # Not select: a literal alone has one row, whatever the frame has.
        return self.frame.with_columns((pl.lit(None, dtype=pl.String) if found is None else found).alias(""))[""]


def read_texts(objects: Objects, paths: Paths, places: Mapping[str, Sequence[Place]]) -> Texts:
    """Return the values at all the places as columns of text, without those that are null throughout."""
    names = dict.fromkeys(place.path for candidates in places.values() for place in candidates)
    # Without a column of its own a frame of objects that state nothing would lose its height.
    padding = objects.places["line"].alias("")
    frame = objects.frame.select(padding, *(paths.text(name).alias(name) for name in names))
    return Texts(frame.select("", *(column for column in frame if column.null_count() < frame.height and column.name)))


def paths_of(places: Mapping[str, Sequence[Place]], *, dotted_keys: bool = False) -> Paths:
    """Return what must be decoded to find values at the places."""
    return Paths([place.path for at in places.values() for place in at], dotted_keys=dotted_keys)


def values(texts: Texts, places: Mapping[str, Sequence[Place]]) -> dict[str, pl.Expr]:
    """Return column → typed expression over the texts, for every column but timestamp and status."""
    made: dict[str, pl.Expr] = {}
    for name, candidates in places.items():
        text = texts.first(candidates)
        if text is None:
            continue
        if name in DURATIONS:
            made[name] = pl.coalesce(_duration(texts, place, name) for place in candidates if _has(texts, place))
        elif name in SIZES:
            made[name] = byte_count(text)
        elif name == "upstream_status":
            made[name] = last_status(text)
        elif name == "protocol":
            made[name] = http_version(text)
        elif name.startswith("raw_field."):
            made[name] = json_values(text)
        elif name in ("direction", "kind"):
            made[name] = text.str.to_lowercase()
        else:
            made[name] = pl.when(~text.str.starts_with("{")).then(text) if name in PLAIN else text
    return made


def mapped_events(
    objects: Objects, texts: Texts, places: Mapping[str, Sequence[Place]], options: ParseOptions, *,
    no_status: Collection[str] = (), only: tuple[str, Collection[str]] | None = None,
) -> Parsed:  # fmt: skip
    """Return the events of objects in which each column stands at one of its places, and what else they held.

    places knows all columns of a format's yield, `request` (a whole request line) and `query` (joined to raw_target).
    An object without a status and without any part of a request is *other*. no_status: texts that say that there is
    none, `null` among them; else they are a fault. only: a place and what must stand there; all else is *other* too.
    """
    special = ("timestamp", "status", "request", "query")
    made = values(texts, {name: at for name, at in places.items() if name not in special})
    line, query = texts.first(places.get("request", ())), texts.first(places.get("query", ()))
    if line is not None:
        split = split_requests(texts.frame.select(line.alias("request")))
        texts = Texts(texts.frame.with_columns(split.rename({name: f" {name}" for name in split.columns})))
        for name, part in (
            ("method", "method"),
            ("raw_target", "target"),
            ("protocol", "protocol"),
            ("host", "target_host"),
        ):
            if f" {part}" in texts.frame.columns:
                made[name] = pl.coalesce(made[name], pl.col(f" {part}")) if name in made else pl.col(f" {part}")
    if query is not None and "raw_target" in made:
        target = made["raw_target"]
        made["raw_target"] = (
            pl.when(query.is_null() | target.str.contains("?", literal=True))
            .then(target)
            .otherwise(pl.concat_str(target, pl.lit("?"), query))
        )
    time, status = texts.series(places["timestamp"]), texts.series(places.get("status", ()))
    if no_status:
        status = status.set(status.is_in(list(no_status)).fill_null(False), None)
    events = texts.frame.select(instants(time, options.source_tz).alias("timestamp"), **made)
    if options.wants("host") and "raw_target" in events.columns:
        events = _with_hosts(events)
    parts_of_it = [texts.first(places.get(name, ())) for name in ("request", "method", "raw_target")]
    stated_parts = [part.is_not_null() for part in parts_of_it if part is not None]
    has_part = texts.frame.with_columns(pl.any_horizontal(pl.lit(False), *stated_parts).alias(""))[""]
    other = ~has_part & status.is_null()
    if only:
        other |= ~texts.series(places[only[0]]).is_in(list(only[1])).fill_null(False)
    status_paths = [] if "null" in no_status else [place.path for place in places.get("status", ())]
    return judged(objects, events, status=status, options=options, status_paths=status_paths, other=other)


def _with_hosts(events: pl.DataFrame) -> pl.DataFrame:
    """Fill the host from targets that are whole URLs."""
    if not events["raw_target"].str.contains("://", literal=True).any():
        return events
    host = pl.col("raw_target").str.extract(URL_HOST)
    return events.with_columns((pl.coalesce("host", host) if "host" in events.columns else host).alias("host"))


def instants(text: pl.Series, source_tz: str) -> pl.Series:
    """Return the times of texts in any usual notation, with or without the brackets of access logs."""
    # The commonest notation costs a fifth this way; what it does not fit is read as any other.
    zone, pattern = source_tz, _ISO_OF_LENGTH.get(_length_of_first(text))
    if pattern is None and (pattern := _ISO_OF_LENGTH.get(_length_of_first(text.str.strip_suffix("Z")))):
        zone, pattern = "UTC", pattern + "Z"
    if pattern is None:
        return any_time(text.str.strip_chars("[] "), source_tz)
    naive = text.str.to_datetime(pattern, time_unit="us", strict=False)
    # A sign or a blank may stand for a digit of the year there.
    naive = naive.set(naive.dt.year() < _FOUR_DIGITS, None)
    local = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    times = local.dt.convert_time_zone("UTC").cast(TIME)
    rest = (naive.is_null() & text.is_not_null()).arg_true()
    if len(rest):
        times = times.scatter(rest, any_time(text.gather(rest).str.strip_chars("[] "), source_tz))
    return times


def _length_of_first(text: pl.Series) -> int:
    first = text.first(ignore_nulls=True) if len(text) else None
    return len(first) if isinstance(first, str) else 0


def json_values(column: pl.Expr) -> pl.Expr:
    """Return text as it is, and objects and lists as JSON."""
    nested = column.str.contains(r"^[{\[]")
    return pl.when(nested).then(json_text(column)).otherwise(column)


def judged(
    objects: Objects,
    events: pl.DataFrame,
    *,
    status: pl.Series,
    options: ParseOptions,
    status_paths: Sequence[str],
    other: pl.Series | None = None,
) -> Parsed:
    """Return events and rejects of a block out of rows that have `timestamp`, and the text of their status.

    A row without a readable time is rejected, and one whose status is there but no status code; status null is kept
    where the object has none. other: rows that are no request.
    """
    codes = status.alias("status").to_frame().select(status_code(pl.col("status"))).to_series()
    unreadable = codes.is_null() & status.is_not_null() & (status != "") & (status != "-")
    # Polars reads an explicit null as it reads nothing at all; the few such rows are told apart in their text.
    nulls = [row for row in status.is_null().arg_true() if _says_null(objects.texts[row], status_paths)]
    if nulls:
        unreadable = unreadable.scatter(nulls, True)
    fault = time_fault(options.latest)
    reason = events.select(pl.coalesce(fault, pl.when(unreadable).then(pl.lit(NO_STATUS))).alias("reason")).to_series()
    keep = reason.is_null()
    others = 0
    if other is not None and other.any():
        keep &= ~other
        others = int(other.sum())
    bad = (~keep if other is None else ~keep & ~other).arg_true()
    found = pl.DataFrame(
        {
            "line": objects.places["line"].gather(bad),
            "reason": reason.gather(bad),
            "text": [objects.texts[row].decode() for row in bad],
        },
        schema=dict(REJECT_SCHEMA),
    )
    rejects = pl.concat([objects.rejects, found]).sort("line", maintain_order=True) if len(bad) else objects.rejects
    columns = [name for name in events.columns if options.wants(name) or name.startswith(ASKED) or name == "timestamp"]
    placed = pl.concat([objects.places, events.select(columns).with_columns(codes)], how="horizontal")
    return Parsed(
        placed if keep.all() else placed.filter(keep),
        rejects,
        other=others,
        blank=objects.blank,
        extra=objects.extra,
        lossy=objects.lossy,
    )


def _has(texts: Texts, place: Place) -> bool:
    return place.path in texts.frame.columns


def _duration(texts: Texts, place: Place, name: str) -> pl.Expr:
    text = pl.col(place.path)
    # Only the upstream's may be a list: nginx writes one time for each upstream that it tried.
    read = durations_ms if name == "upstream_ms" else duration_ms
    groups = text.str.extract_groups(_SPELLED)
    unit = groups.struct.field("2").replace_strict(
        list(_UNITS), list(_UNITS.values()), default=None, return_dtype=pl.Float64
    )
    spelled = groups.struct.field("1").cast(pl.Float64, strict=False) * unit
    plain = read(text, milliseconds=place.milliseconds)
    if not texts.frame[place.path].str.contains("[a-zµμ]$").any():
        return plain
    return pl.coalesce(plain, spelled)


def _says_null(text: bytes, paths: Sequence[str]) -> bool:
    """Say whether the object states null at the first of the paths that it has."""
    if b"null" not in text:
        return False
    try:
        value: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    for path in paths:
        found = value
        for name in parts(path):
            found = found.get(name, msgspec.UNSET) if isinstance(found, dict) else msgspec.UNSET
        if found is not msgspec.UNSET:
            return found is None
    return False
