"""Any JSON lines by a map from event columns to dotted paths: the `fields:` of a format in apilens.yaml."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import polars as pl

from apilens.body_shape import shapes
from apilens.errors import UsageError
from apilens.formats.base import Format, Parsed, ParseOptions
from apilens.formats.json_events import ASKED, SIZES, Place, Texts, json_values, mapped_events, paths_of, read_texts
from apilens.formats.json_headers import find_headers
from apilens.formats.json_lines import Objects, Unwrap, read_objects
from apilens.formats.json_paths import attribute_values, header_values, parts
from apilens.formats.request import GRAPHQL
from apilens.formats.values import byte_count, stated
from apilens.spelling import nearest

# Name in the map → column that a format yields, with the unit of plain numbers in ms.
_DURATIONS = {
    f"{name}_{unit}": (f"{name}_ms", milliseconds)
    for name in ("duration", "upstream")
    for unit, milliseconds in (("ms", 1.0), ("s", 1e3), ("us", 1e-3), ("ns", 1e-6))
}
_ALIASES = {
    "time": "timestamp",
    "path": "raw_target",
    "target": "raw_target",
    "uri": "raw_target",
    "url": "raw_target",
    "client_ip": "raw_peer",
    "referrer": "raw_referrer",
    "user_agent": "raw_agent",
    "forwarded": "raw_forwarded",
    "forwarded_for": "raw_forwarded",
    "remote_user": "raw_remote_user",
}
_COLUMNS = (
    "timestamp", "status", "request", "query", "method", "host", "protocol", "upstream_status",
    "failure_reason", "request_bytes", "response_bytes", "request_id", "trace_id", "event_id", "weight",
    "direction", "kind", "action", "route", "api_version", "error_code", "error_field", "account", "user",
    "api_key", "session", "service", "environment", "node", "raw_target", "raw_referrer", "raw_agent",
    "raw_peer", "raw_forwarded", "raw_remote_user", "raw_request_headers", "raw_response_headers",
    "raw_request_body", "raw_response_body",
)  # fmt: skip

_KNOWN = {**{name: (name, 1.0) for name in _COLUMNS}, **{alias: (name, 1.0) for alias, name in _ALIASES.items()}}
_KNOWN |= _DURATIONS
_WHOLE = ("raw_request_headers", "raw_response_headers", "raw_request_body", "raw_response_body")
_ALWAYS = ("timestamp", "status", "request", "method", "raw_target")
# Columns that every frame of events has.
_PLACED = ("line", "item", "timestamp", "status")
_BODY = "raw_response_body"
_ASKED_BODY = "raw_request_body"
# Between the path of headers and the name of one.
_HEADER = "\n"


def json_format(name: str, fields: Mapping[str, str], *, time_is: Literal["start", "end"] | None = None) -> Format:
    """Return a format that reads each event column from the dotted path that `fields` gives for it.

    Names: event columns, `raw_*` columns, `request` (a whole `GET /x HTTP/1.1`), `duration_s` `_ms` `_us` `_ns` (and
    `upstream_…`) by the unit of plain numbers. A path may go through arrays (`errors.0.code`); a key that has dots
    itself is found as well. time_is: `end` unless stated. Raises UsageError for an unknown name, a broken path, or a
    map without `timestamp`.
    """
    places = places_of(name, fields)
    for path in fields.values():
        if not path or not all(parts(path)):
            raise UsageError(f"format {name!r}: {path!r} is no dotted path", hint="write for example: response.status")
    mapping = JsonMap(places)

    def parse(data: bytes, first_line: int, options: ParseOptions) -> Parsed:
        return parse_mapped(data, first_line, options, mapping)

    return Format(name, f"JSON lines by the map {name!r}", time_is or "end", parse, samples=())


def places_of(name: str, fields: Mapping[str, str]) -> dict[str, tuple[Place, ...]]:
    """Return column → places of the `fields:` of the format `name`. Raises UsageError as json_format does."""
    places: dict[str, tuple[Place, ...]] = {}
    for key, path in fields.items():
        if key not in _KNOWN:
            raise UsageError(f"format {name!r}: no column {key!r} to map", hint=nearest(key, _KNOWN))
        column, milliseconds = _KNOWN[key]
        places[column] = (*places.get(column, ()), Place(path, milliseconds))
    if "timestamp" not in places:
        raise UsageError(f"format {name!r} maps no time", hint="add for example: timestamp: time")
    return places


@dataclass(frozen=True, slots=True)
class JsonMap:
    """How JSON objects become events.

    places: column → paths, the first that states something wins; `_names` of one's own are for `finish`, which gets the
    frame of events and returns it, and are gone afterwards. headers: column → request header that states it where its
    own places do not. attributes: paths to lists of OpenTelemetry attributes, in which places such as `@http.route` are
    looked for, the first list first. unwrap: for lines that hold several objects. no_status: texts that say that
    there is no status, such as `null`; else they are a fault. only: a column and its values; other objects are *other*.
    """

    places: Mapping[str, tuple[Place, ...]]
    headers: Mapping[str, str] = field(default_factory=dict)
    finish: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    attributes: tuple[str, ...] = ()
    unwrap: Unwrap | None = None
    no_status: tuple[str, ...] = ()
    only: tuple[str, Collection[str]] | None = None


def parse_mapped(data: bytes, first_line: int, options: ParseOptions, mapping: JsonMap, *, fast: bool = True) -> Parsed:
    """Read a block of JSON lines by a map. fast: False looks at every line, to the same effect."""

    def read(wanted: Mapping[str, tuple[Place, ...]]) -> tuple[Objects, Texts]:
        lists = {f"_{path}": (Place(path),) for path in mapping.attributes}
        stand = {
            column: [place for place in at if not (_is_attribute(place) or _HEADER in place.path)]
            for column, at in {**wanted, **lists}.items()
        }
        paths = paths_of(stand, dotted_keys=True)
        objects = read_objects(data, first_line, paths.schema, unwrap=mapping.unwrap, fast=fast)
        texts = _with_headers(read_texts(objects, paths, stand), objects, wanted)
        return objects, _with_attributes(texts, wanted, mapping.attributes)

    return parse_places(options, replace(mapping, places=_headers_apart(options, mapping)), read)


def _headers_apart(options: ParseOptions, mapping: JsonMap) -> dict[str, tuple[Place, ...]]:
    """Return the places with one for each wanted header instead of one for all, where nobody wants all of them."""
    places = dict(mapping.places)
    for source, (prefix, names) in _wanted_headers(options, mapping).items():
        at = [place.path for place in places.get(source, ())]
        by_key = not any(path.startswith("@") or any(map(str.isdigit, parts(path))) for path in at)
        if by_key and not _wants(options, source):
            places.pop(source, None)
            places |= {prefix + name: tuple(Place(path + _HEADER + name) for path in at) for name in names if at}
    return places


def _wanted_headers(options: ParseOptions, mapping: JsonMap) -> dict[str, tuple[str, list[str]]]:
    """Return column of all headers → prefix of the columns of its headers, and the names of those that are wanted."""
    own = {header for column, header in mapping.headers.items() if options.wants(column)}
    return {
        "raw_request_headers": ("raw_header.", sorted(options.needs.headers | own)),
        "raw_response_headers": ("raw_response_header.", sorted(options.needs.response_headers)),
    }


def parse_places(
    options: ParseOptions,
    mapping: JsonMap,
    read: Callable[[Mapping[str, tuple[Place, ...]]], tuple[Objects, Texts]],
) -> Parsed:
    """Return what a block holds of which read(column → places) gives the values that are wanted."""
    own = {column: header for column, header in mapping.headers.items() if options.wants(column)}
    asked = {
        source: {prefix + name: name for name in names}
        for source, (prefix, names) in _wanted_headers(options, mapping).items()
    }
    wanted = {
        column: at
        for column, at in mapping.places.items()
        if column in _ALWAYS
        or column.startswith(("_", *ASKED))
        or (_wants(options, column) or bool(asked.get(column)))
        or (column == "query" and options.wants("raw_target"))
        or (column == _BODY and options.wants("raw_error_body"))
        or (column == _ASKED_BODY and (options.wants("raw_graphql_body") or options.wants("request_shape")))
    }
    wanted |= {f"raw_field.{path}": (Place(path),) for path in sorted(options.needs.fields)}
    objects, texts = read(wanted)
    # What `finish` and the headers need is read whoever wants it.
    inner = {column for column in wanted if column.startswith("_") or column in (*asked, _BODY, _ASKED_BODY)}
    reading = options if options.columns is None else replace(options, columns=options.columns | inner)
    parsed = mapped_events(objects, texts, wanted, reading, no_status=mapping.no_status, only=mapping.only)
    events = parsed.events
    for source, headers in asked.items():
        if source in events.columns:
            found = header_values(events[source], headers.values())
            events = events.with_columns(found[name].alias(column) for column, name in headers.items())
            events = events if _wants(options, source) else events.drop(source)
    events = _by_headers(events, own, options)
    if mapping.finish:
        events = mapping.finish(events)
    if _BODY in events.columns and options.wants("raw_error_body"):
        # Of successes, only what may hold errors of GraphQL.
        tells = (pl.col("status") >= 400) | pl.col(_BODY).str.contains('"errors"', literal=True)
        events = events.with_columns(pl.when(tells).then(json_values(pl.col(_BODY))).alias("raw_error_body"))
        events = events if _wants(options, _BODY) else events.drop(_BODY)
    if _ASKED_BODY in events.columns:
        if options.wants("raw_graphql_body"):
            tells = pl.col("raw_target").str.contains(GRAPHQL) if "raw_target" in events.columns else pl.lit(False)
            events = events.with_columns(pl.when(tells).then(pl.col(_ASKED_BODY)).alias("raw_graphql_body"))
        if options.wants("request_shape"):
            events = events.with_columns(shapes(events[_ASKED_BODY]))
        events = events if _wants(options, _ASKED_BODY) else events.drop(_ASKED_BODY)
    unwanted = [
        name for name in events.columns
        if name.startswith("_") or not (name in _PLACED or name.startswith(ASKED) or options.wants(name))
    ]  # fmt: skip
    whole = [json_values(pl.col(name)).alias(name) for name in events.columns if name in _WHOLE]
    return replace(parsed, events=events.with_columns(whole).drop(unwanted))


def _is_attribute(place: Place) -> bool:
    return place.path.startswith("@")


def _with_attributes(texts: Texts, wanted: Mapping[str, tuple[Place, ...]], lists: tuple[str, ...]) -> Texts:
    """Add a column for each place that is an attribute, under its path."""
    names = dict.fromkeys(place.path[1:] for at in wanted.values() for place in at if _is_attribute(place))
    found: dict[str, list[pl.Series]] = {}
    for path in lists:
        if path in texts.frame.columns:
            for name, values in attribute_values(texts.frame[path], names).items():
                found.setdefault(name, []).append(values)
    made = [pl.coalesce(values).alias(f"@{name}") for name, values in found.items()]
    return Texts(texts.frame.with_columns(made)) if made else texts


def _with_headers(texts: Texts, objects: Objects, wanted: Mapping[str, tuple[Place, ...]]) -> Texts:
    """Add a column for each place that is a header and stands somewhere, under its path."""
    names: dict[str, set[str]] = {}
    for place in (place for at in wanted.values() for place in at):
        path, mark, name = place.path.partition(_HEADER)
        if mark:
            names.setdefault(path, set()).add(name)
    found = find_headers(
        objects, {at: each for path, each in names.items() for at in dict.fromkeys((parts(path), (path,)))}
    )
    made = [
        pl.select(pl.coalesce(found[parts(path)][name], found[path,][name])).to_series().alias(path + _HEADER + name)
        for path, each in names.items()
        for name in each
    ]
    return Texts(texts.frame.with_columns(column for column in made if column.null_count() < column.len()))


def _by_headers(events: pl.DataFrame, own: Mapping[str, str], options: ParseOptions) -> pl.DataFrame:
    """Fill columns from the request headers that state them, and drop the headers that nobody else asked for."""
    for column, header in own.items():
        name = f"raw_header.{header}"
        if name in events.columns:
            text = stated(pl.col(name))
            value = byte_count(text) if column in SIZES else text
            events = events.with_columns(
                (pl.coalesce(column, value) if column in events.columns else value).alias(column)
            )
    extra = {f"raw_header.{header}" for header in own.values() if header not in options.needs.headers}
    return events.drop(extra & set(events.columns))


def _wants(options: ParseOptions, column: str) -> bool:
    """Say whether to give a column; whole headers and bodies only to a caller that names them."""
    return options.wants(column) and (options.columns is not None or column not in _WHOLE)
