"""What the texts in a log mean: times, status codes, sizes and durations, each null where it cannot be read.

Times are functions of a Series, since only values that one notation did not fit are tried with the next; the rest are
expressions. Polars' casts read more than logs mean (`+5`, `nan`, `1e400`), so each of these narrows its cast.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import polars as pl

from apilens.formats.base import EARLIEST
from apilens.schema import TIME

NO_FIT = "does not fit the format"
NO_TIME = "no readable time"
TIME_OUT_OF_RANGE = "time out of range"
NO_STATUS = "no readable status"
BAD_SIZE = "size out of range"

# Where a source says that it has no value.
NOTHING = ("", "-")
# Where a proxy says that no answer went out.
NO_ANSWER = (*NOTHING, "-1", "0", "000")

_CLF = "%d/%b/%Y:%H:%M:%S"
_ASCTIME = "%a %b %e %H:%M:%S %Y"
_NAIVE_ISO = "%Y-%m-%d %H:%M:%S"
_ISO = (
    r"^\s*(?<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt_ ](?<time>[0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:[.,](?<fraction>[0-9]{1,9})[0-9]*)?\s*(?<zone>[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?\s*$"
)
# What patterns read that leave open nothing but digits and the name of the month, in a third of the time.
_FRACTION, _OFFSET = "[.]([0-9]{3}|[0-9]{6})", "([+-])([01][0-9]):?([0-5][0-9])"
_CLF_LIKE = re.compile(rf"[0-9]{{2}}/[A-Z][a-z]{{2}}/[0-9]{{4}}(?::[0-9]{{2}}){{3}}(?:{_FRACTION}|( {_OFFSET}))?")
_ISO_CLOCK = "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}"
_ISO_LIKE = re.compile(rf"{_ISO_CLOCK}(?:{_FRACTION})?(Z| ?{_OFFSET})?")
# Magnitudes that tell seconds, milliseconds, microseconds and nanoseconds apart for any time from 1973 to 5138.
_SECONDS_BELOW = 10**11
_MILLIS_BELOW = 10**14
_MICROS_BELOW = 10**17


def clf_time(text: pl.Series, source_tz: str = "UTC") -> pl.Series:
    """Return the times of `17/May/2015:10:05:03 +0000`; without an offset, with fractions or not, in `source_tz`."""
    times = _like_first(text, source_tz, _CLF, _CLF_LIKE)
    for read in (
        lambda rest: rest.str.to_datetime(_CLF + " %z", time_unit="us", strict=False).cast(TIME),
        lambda rest: _localised(rest, _CLF + "%.f", source_tz),
    ):
        times = _otherwise(times, text, read)
    return times


def iso_time(text: pl.Series, source_tz: str = "UTC") -> pl.Series:
    """Return the times of ISO 8601 in its usual spellings, to the microsecond; naive ones are read in `source_tz`."""
    times = _otherwise(_iso_like_first(text, source_tz), text, _rfc_3339)
    return _otherwise(times, text, lambda rest: _loose_iso(rest, source_tz))


def log_time(text: pl.Series, source_tz: str = "UTC") -> pl.Series:
    """Return the times of an access log: as Apache and nginx write them, else as any_time reads them."""
    first = text.drop_nulls().head(1)
    if first.str.contains("^[0-9]{4}-").any():
        return any_time(text, source_tz)
    return _otherwise(clf_time(text, source_tz), text, lambda rest: any_time(rest, source_tz))


def epoch_time(values: pl.Series) -> pl.Series:
    """Return the times of Unix time stamps, numbers or their text: s, ms, µs or ns by magnitude, with fractions."""
    # Integers stay integers: a Float64 cannot hold the nanoseconds of today.
    whole = pl.col("value").cast(pl.Int64, strict=False) if not values.dtype.is_float() else pl.lit(None, pl.Int64)
    parts = pl.DataFrame({"value": values}).select(whole=whole, real=pl.col("value").cast(pl.Float64, strict=False))
    size = pl.col("real").abs()
    micros = (
        pl.when(size < _SECONDS_BELOW)
        .then(pl.coalesce(pl.col("whole") * 1_000_000, (pl.col("real") * 1e6).round()))
        .when(size < _MILLIS_BELOW)
        .then(pl.coalesce(pl.col("whole") * 1000, (pl.col("real") * 1e3).round()))
        .when(size < _MICROS_BELOW)
        .then(pl.coalesce(pl.col("whole"), pl.col("real").round()))
        .when(size < 2.0**63)
        .then(pl.coalesce(pl.col("whole") // 1000, (pl.col("real") / 1e3).round()))
    )
    return parts.select(micros.cast(pl.Int64, strict=False).cast(TIME).alias(values.name)).to_series()


def any_time(text: pl.Series, source_tz: str = "UTC") -> pl.Series:
    """Return the times of texts of which each may be ISO 8601, a Unix time stamp, CLF or `Sun Mar 13 22:49:12 2016`."""
    times = _iso_like_first(text, source_tz)
    for read in (
        _rfc_3339,
        lambda rest: _loose_iso(rest, source_tz),
        epoch_time,
        lambda rest: clf_time(rest, source_tz),
        lambda rest: _localised(rest, _ASCTIME, source_tz),
    ):
        times = _otherwise(times, text, read)
    return times


def time_fault(latest: datetime, column: str = "timestamp") -> pl.Expr:
    """Return the reason for which the time in `column` rejects its line, or null."""
    time = pl.col(column)
    believable = time.is_between(pl.lit(EARLIEST, dtype=TIME), pl.lit(latest, dtype=TIME))
    return pl.when(time.is_null()).then(pl.lit(NO_TIME)).when(~believable).then(pl.lit(TIME_OUT_OF_RANGE))


def has_value(column: pl.Expr) -> pl.Expr:
    """Say where a text states something: it is there, and is neither empty nor `-`."""
    return column.is_not_null() & ~column.is_in(NOTHING)


def stated(column: pl.Expr) -> pl.Expr:
    """Return the text, null where it is empty or `-`."""
    return pl.when(has_value(column)).then(column)


def http_version(column: pl.Expr) -> pl.Expr:
    """Return the version of `HTTP/1.1` or `1.1`; that of HTTP/2 and HTTP/3 is `2` and `3` however it is written."""
    text = column.str.strip_prefix("HTTP/")
    # A third of the time of `replace` with a dictionary.
    return pl.when(text == "2.0").then(pl.lit("2")).when(text == "3.0").then(pl.lit("3")).otherwise(text)


def status_code(column: pl.Expr) -> pl.Expr:
    """Return HTTP status codes (100–599, three digits; a number or its text) as Int16."""
    text = column.cast(pl.String)
    number = text.str.head(3).cast(pl.Int16, strict=False)
    is_code = (text.str.len_bytes() == 3) | ((text.str.len_bytes() == 5) & text.str.ends_with(".0"))
    return pl.when(is_code, number.is_between(100, 599)).then(number)


def last_status(column: pl.Expr) -> pl.Expr:
    """Return the last of the status codes of a list such as `502, 200 : 200`."""
    return status_code(column.str.extract("(?:^|[ ,:])([0-9]{3}) *$"))


def byte_count(column: pl.Expr) -> pl.Expr:
    """Return sizes as Int64; negative ones, those over 2^63 and what is no plain number are null."""
    number = column.cast(pl.String).cast(pl.Int64, strict=False)
    return pl.when(number >= 0).then(number)


def size_fault(text: pl.Expr, size: pl.Expr) -> pl.Expr:
    """Return the reason for which a size rejects its line, or null: its text says one, and it could not be read."""
    return pl.when(size.is_null(), has_value(text)).then(pl.lit(BAD_SIZE))


def duration_ms(column: pl.Expr, *, milliseconds: float) -> pl.Expr:
    """Return durations in ms, of numbers or their text in a unit of so many `milliseconds`; negative means none."""
    number = _to_ns(column.cast(pl.Float64, strict=False) * milliseconds)
    return pl.when(number.is_finite(), number >= 0).then(number)


def durations_ms(column: pl.Expr, *, milliseconds: float) -> pl.Expr:
    """Return the sum in ms of lists such as `0.1, 0.2 : 0.3`: the time that all upstreams took together."""
    # -1 means none.
    stated = column.str.replace_all(r"-[0-9]+(?:\.[0-9]+)?", "-")
    each = stated.str.extract_all(r"[0-9]+(?:\.[0-9]+)?").cast(pl.List(pl.Float64), strict=False)
    total = _to_ns(each.list.sum() * milliseconds)
    plain = column.str.contains(r"^[-0-9., :]*$")
    return pl.when(plain, each.list.len() > 0, total.is_finite()).then(total)


def _to_ns(milliseconds: pl.Expr) -> pl.Expr:
    # 0.069 s is 69.00000000000001 ms without this.
    return milliseconds.round(6)


def _otherwise(times: pl.Series, text: pl.Series, read: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Fill times that are null by reading their texts another way; the texts that were read are not touched again."""
    missing = times.is_null() & text.is_not_null()
    if not missing.any():
        return times
    rows = missing.arg_true()
    return times.clone().scatter(rows, read(text.gather(rows)))


def _like_first(text: pl.Series, source_tz: str, pattern: str, like: re.Pattern[str]) -> pl.Series:
    """Return the times of texts that are written as the first of them is, to the zone; null for others.

    A log has one notation, and few zones: what this leaves is read again, by slower patterns that fit more. pattern:
    of a time without fraction and zone; like: a regex that captures both, and the parts of an offset.
    """
    found = like.fullmatch("".join(text.drop_nulls().head(1)))
    if found is None:
        return pl.repeat(None, len(text), dtype=TIME, eager=True).alias(text.name)
    fraction, zone, sign, hours, minutes = found.groups()
    pattern += (f".%{len(fraction)}f" if fraction else "") + (zone or "")
    if not zone:
        return _localised(text, pattern, source_tz)
    times = text.str.to_datetime(pattern, time_unit="us", strict=False).dt.replace_time_zone("UTC")
    if not sign:
        return times
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return times - offset if sign == "+" else times + offset


def _iso_like_first(text: pl.Series, source_tz: str) -> pl.Series:
    first = "".join(text.drop_nulls().head(1))
    times = _like_first(text, source_tz, f"%Y-%m-%d{first[10:11]}%H:%M:%S", _ISO_LIKE)
    if times.null_count() == len(times):
        return times
    # The pattern fits texts with fewer digits, too, which are none of ISO 8601.
    return times.set(~text.str.contains(f"^{_ISO_CLOCK}").fill_null(False), None)


def _rfc_3339(text: pl.Series) -> pl.Series:
    return text.str.to_datetime("%+", time_unit="us", strict=False).cast(TIME)


def _localised(text: pl.Series, pattern: str, source_tz: str) -> pl.Series:
    naive = text.str.to_datetime(pattern, time_unit="us", strict=False)
    local = naive.dt.replace_time_zone(source_tz, ambiguous="earliest", non_existent="null")
    return local.dt.convert_time_zone("UTC").cast(TIME)


def _loose_iso(text: pl.Series, source_tz: str) -> pl.Series:
    parts = text.str.extract_groups(_ISO).struct.unnest()
    clock = parts.select(pl.concat_str("date", "time", separator=" ")).to_series()
    fraction = pl.col("fraction").str.pad_end(6, "0").str.head(6).cast(pl.Int64).fill_null(0)
    sign = pl.when(pl.col("zone").str.starts_with("-")).then(-1).otherwise(1)
    hours = pl.col("zone").str.extract("^[+-]([0-9]{2})").cast(pl.Int64).fill_null(0)
    minutes = pl.col("zone").str.extract("^[+-][0-9]{2}:?([0-9]{2})").cast(pl.Int64).fill_null(0)
    valid = (hours < 24) & (minutes < 60)
    offset = pl.duration(minutes=sign * (hours * 60 + minutes))
    frame = parts.with_columns(
        universal=_localised(clock, _NAIVE_ISO, "UTC"),
        local=_localised(clock, _NAIVE_ISO, source_tz),
    )
    time = pl.when(pl.col("zone").is_null()).then(pl.col("local")).otherwise(pl.col("universal") - offset)
    exact = time + pl.duration(microseconds=fraction)
    return frame.select(pl.when(valid).then(exact).cast(TIME).alias(text.name)).to_series()
