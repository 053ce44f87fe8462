"""W3C extended logs by whichever server: what their field names stand for, and how a row becomes captures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache, partial

import polars as pl

from apilens.formats.base import Parsed, ParseOptions
from apilens.formats.columns import Layout, State, in_force, layout, placed, split_quoted, unquoted
from apilens.formats.lines import parse_lines
from apilens.formats.typed import needed_columns
from apilens.formats.values import NO_TIME, has_value, iso_time

KEYWORDS = ("fields", "date", "software")
CAPTURES: Mapping[str, str] = {
    "date": "day", "time": "clock", "date-utc": "utc_day", "time-utc": "utc_clock", "date-local": "local_day",
    "time-local": "local_clock", "c-ip": "peer", "x-forwarded-for": "forwarded", "cs(x-forwarded-for)": "forwarded",
    "cs-username": "user", "cs-method": "method", "cs-uri": "target", "cs-uri-stem": "path", "cs-uri-query": "query",
    "sc-status": "status", "sc-bytes": "total_bytes", "bytes": "total_bytes", "cs-bytes": "request_bytes",
    "time-taken": "seconds", "timetakenms": "millis", "cs-version": "protocol", "cs-protocol-version": "protocol",
    "cs-host": "host", "cs(host)": "host", "x-host-header": "host", "s-dns": "server",
    "cs(user-agent)": "agent", "cs(referer)": "referrer",
    "cs(x-request-id)": "request_id", "s-computername": "node", "s-reason": "failure_reason",
}  # fmt: skip
_TIMES = ("day", "clock", "utc_day", "utc_clock", "local_day", "local_clock")
_HEADER = re.compile(r"(cs|sc)\((.+)\)")
# The standard has `time-taken` in seconds. These write milliseconds, as do servers with fields that only IIS has.
_MILLISECONDS = re.compile("Microsoft|SGOS|Blue ?Coat", re.IGNORECASE)
_OF_IIS = frozenset({"sc-win32-status", "sc-substatus", "s-sitename", "s-computername", "timetakenms"})
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}-[A-Za-z]{3}-[0-9]{4})(?:[ T]+([0-9]{2}):[0-9]{2}:[0-9]{2})?")
_NOT_PRINTED = re.compile(r"[^!-~]+")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What servers do in their own way.

    captures: field → capture, before CAPTURES. orders: the fields of rows under no `#Fields` line, told apart by how
    many values a row has. decode: undoes what the server did to texts. marker: a field that a header must have.
    """

    orders: tuple[tuple[str, ...], ...]
    decode: Callable[[pl.DataFrame], pl.DataFrame]
    captures: tuple[tuple[str, str], ...] = ()
    marker: str = ""


def w3c_log(dialect: Dialect) -> Callable[[bytes, int, ParseOptions], Parsed]:
    """Return the parse function of a dialect."""

    def parse(data: bytes, first_line: int, options: ParseOptions) -> Parsed:
        tier = partial(_read, dialect=dialect, options=options)
        return parse_lines(data, first_line, options, (tier,), misfit=NO_TIME)

    return parse


def _read(lines: pl.DataFrame, wanted: frozenset[str], *, dialect: Dialect, options: ParseOptions) -> pl.DataFrame:
    text = lines["text"]
    states, which = in_force(text, options.prelude, KEYWORDS)
    parts = _split(text)
    layouts, row_layout = _layouts(dialect, states, which, parts)
    if text.str.contains('"', literal=True).any():
        parts = _requoted(text, parts, pl.Series([one.size for one in layouts]).gather(row_layout))
    names = [name for name in _captures(dialect) if name in wanted or name in (*_TIMES, "method")]
    fields = {name: name.lower() for name in needed_columns(options)}
    found = placed(parts, layouts, row_layout, dict.fromkeys([*names, *fields.values()]))
    texts = lines.select("line").with_columns(**{name: found[name] for name in names if name in found})
    texts = texts.with_columns(**{name: found[key] for name, key in fields.items() if key in found})
    dates = [_date(state[1]) for state in states]
    texts = texts.with_columns(_time(texts, dates, which, options).alias("time"))
    return dialect.decode(_judged(texts.drop(_TIMES, strict=False)))


def _judged(texts: pl.DataFrame) -> pl.DataFrame:
    """Add `other` (FTP and idle connections, which are no requests) and `unanswered`; no odd words are methods."""
    lacking = [pl.lit(None, dtype=pl.String).alias(name) for name in ("method", "status") if name not in texts.columns]
    method, status = pl.col("method"), pl.col("status")
    # IIS writes `-` and CloudFront `000` where no response was sent.
    silent = status.is_in(["-", "000"])
    is_method = method.str.contains("^[A-Z][A-Z_-]{0,19}$")
    return texts.with_columns(lacking).with_columns(
        other=(method.str.starts_with("[") | (silent & (method == "-"))).fill_null(False),
        unanswered=silent.fill_null(False),
        method=pl.when(is_method).then(method),
    )


def _split(text: pl.Series) -> pl.Series:
    tabs = text.str.contains("\t", literal=True)
    if not tabs.any():
        return text.str.split(" ")
    if tabs.all():
        return text.str.split("\t")
    row = pl.col("text")
    either = pl.when(row.str.contains("\t", literal=True)).then(row.str.split("\t")).otherwise(row.str.split(" "))
    return text.to_frame("text").select(either).to_series()


def _requoted(text: pl.Series, parts: pl.Series, sizes: pl.Series) -> pl.Series:
    """Split rows again in which quotes hold blanks: those that do not have as many values as their header."""
    frame = pl.DataFrame({"text": text, "parts": parts, "size": sizes})
    quoted = pl.col("text").str.contains('"', literal=True)
    fits = pl.col("parts").list.len() == pl.col("size")
    tabs = pl.col("text").str.contains("\t", literal=True)
    plain = pl.col("parts").list.eval(unquoted(pl.element()))
    spread = pl.when(fits | tabs).then(plain).otherwise(split_quoted(pl.col("text"), " "))
    return frame.select(pl.when(quoted).then(spread).otherwise("parts")).to_series()


def _layouts(
    dialect: Dialect, states: list[State], which: pl.Series, parts: pl.Series
) -> tuple[list[Layout], pl.Series]:
    """Return the distinct layouts of a block's rows, and which of them is each row's."""
    if all("sc-status" in _names(state[0]) for state in states):
        return [_layout(dialect, state[0], state[2], 0, False) for state in states], which
    # Where headers do not name the status, the number of values has to tell, and whether the third is an address.
    keys = pl.DataFrame({"state": which, "parts": parts}).select(
        "state",
        width=pl.col("parts").list.len(),
        addressed=pl.col("parts").list.get(2, null_on_oob=True).str.contains("[.:]").fill_null(False),
    )
    distinct = keys.unique(maintain_order=True)
    layouts = [
        _layout(dialect, states[state][0], states[state][2], width, addressed)
        for state, width, addressed in distinct.iter_rows()
    ]
    found = keys.join(distinct.with_row_index("layout"), on=keys.columns, how="left", maintain_order="left")
    return layouts, found["layout"]


@lru_cache(maxsize=1024)
def _layout(dialect: Dialect, fields: str, software: str, width: int, addressed: bool) -> Layout:
    names = _names(fields)
    if "sc-status" not in names:
        names = next((order for order in dialect.orders if _may_be(order, names, width, addressed)), names)
    if dialect.marker not in (*names, ""):
        return Layout({}, 0)
    in_ms = bool(_MILLISECONDS.search(software)) or bool(_OF_IIS.intersection(names))
    captures = {**CAPTURES, **dict(dialect.captures), **({"time-taken": "millis"} if in_ms else {})}
    if "x-host-header" in names:
        # The host that the client asked for; CloudFront's cs(Host) is the distribution's own name.
        del captures["cs(host)"]
    if "time-local" in names:
        captures |= {"date": "utc_day", "time": "utc_clock"}

    def keys(name: str) -> Iterator[str]:
        if name in captures:
            yield captures[name]
        yield f"raw_field.{name}"
        if header := _HEADER.fullmatch(name):
            yield f"raw_{'response_' if header[1] == 'sc' else ''}header.{header[2]}"

    return layout(names, keys)


def _may_be(order: tuple[str, ...], names: tuple[str, ...], width: int, addressed: bool) -> bool:
    """Say whether rows of so many values are in this order: the longest has room for fields of one's own behind."""
    fits = width == len(order) or width > len(order) > 20
    return fits and order[: len(names)] == names and (order[2] == "s-ip") == addressed


@lru_cache(maxsize=1024)
def _names(fields: str) -> tuple[str, ...]:
    # A zero-width space, say, is no part of a name.
    return tuple(_NOT_PRINTED.sub(" ", fields).lower().replace(" (", "(").split())


def _captures(dialect: Dialect) -> dict[str, None]:
    return dict.fromkeys([*CAPTURES.values(), *(capture for _, capture in dialect.captures), "millis"])


@lru_cache(maxsize=1024)
def _date(text: str) -> tuple[str, str]:
    """Return the date of a `#Date` directive, and the hour from which on rows without a date are of that day."""
    found = _DATE.match(text)
    if not found:
        return "", ""
    try:
        day = date.fromisoformat(found[1]) if found[1][:4].isdigit() else datetime.strptime(found[1], "%d-%b-%Y").date()
    except ValueError:
        return "", ""
    # The directive may be written a little after the first row.
    return day.isoformat(), f"{max(0, int(found[2] or 0) - 1):02}"


def _time(texts: pl.DataFrame, dates: list[tuple[str, str]], which: pl.Series, options: ParseOptions) -> pl.Series:
    """Return the times of rows: by date and time, wherever they stand; a missing date is the `#Date`."""
    have = set(texts.columns)
    given = pl.Series([day or None for day, _ in dates], dtype=pl.String).gather(which).alias("given")
    since = pl.Series([hour for _, hour in dates], dtype=pl.String).gather(which).alias("since")
    frame = texts.select("line", *(name for name in _TIMES if name in have)).with_columns(given, since)
    times = pl.repeat(None, texts.height, dtype=pl.Datetime("us", "UTC"), eager=True)
    for clock, day, zone in (
        ("utc_clock", "utc_day", "UTC"),
        ("clock", "day", options.source_tz),
        ("local_clock", "local_day", options.source_tz),
    ):
        if clock not in have or times.null_count() == 0:
            continue
        stated = pl.when(has_value(pl.col(day))).then(day) if day in have else pl.lit(None, dtype=pl.String)
        late = stated.is_null() & (pl.col(clock).str.head(2) < pl.col("since"))
        stamp = pl.concat_str(pl.coalesce(stated, "given"), pl.lit("T"), clock, pl.lit("Z" if zone == "UTC" else ""))
        found = frame.select(stamp.alias("stamp"), late.fill_null(False).alias("late"))
        read = found.select(iso_time(found["stamp"], zone).alias("time"), "late")
        # A log that goes on past midnight has no new `#Date`.
        after = read.select(pl.when("late").then(pl.col("time") + timedelta(days=1)).otherwise("time")).to_series()
        times = after if times.null_count() == len(times) else times.fill_null(after)
    return times
