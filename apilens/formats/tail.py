"""What servers are told to write behind the usual fields: forwarded-for lists, request and upstream times."""

from __future__ import annotations

import polars as pl

from apilens.formats.values import NOTHING, duration_ms, durations_ms

# Addresses have two dots or two colons; a number has not.
_LIST = r"[0-9A-Fa-f.:, \[\]]*(?:[.][0-9]+[.]|:[0-9A-Fa-f]*:)[0-9A-Fa-f.:, \[\]]*"
_BARE_LIST = r"[0-9A-Fa-f.:\[\]]+(?:, *[0-9A-Fa-f.:\[\]]+)*"
_QUOTED = r'"(?:[^"\\]|\\.)*"?'
_EMPTY = (*NOTHING, '"-"', '""')
_SECONDS = '(?:^|[ ,;])(?:rt|request_time)="?([0-9.]+)'
_UPSTREAM = '(?:^|[ ,;])(?:urt|upstream_response_time)="?([-0-9., :]+)'
_UNITS = {"ms": 1.0, "s": 1000.0, "us": 0.001, "µs": 0.001}


def read_tails(texts: pl.DataFrame, *, whole_micros: bool) -> pl.DataFrame:
    """Replace `tail` by `forwarded`, `duration_ms` and `upstream_ms`, as far as any line states them.

    A decimal number is seconds (nginx), a number with a unit is that, with `whole_micros` a whole number that is the
    only thing there besides quoted texts is microseconds (Apache's %D), `rt=` and `urt=` are seconds. Several whole
    numbers are not guessed at, and what is unknown is passed over.
    """
    tail = pl.col("tail").str.strip_chars(" ")
    tails = texts.select("line", tail).filter(pl.col("tail").is_not_null() & ~pl.col("tail").is_in(_EMPTY))
    rest = texts.drop("tail")
    if tails.is_empty():
        return rest
    found = tails.select("line", forwarded=_forwarded())
    behind = tails.select("line", pl.col("tail").str.replace(f"^{_QUOTED} *", "")).filter(pl.col("tail") != "")
    if behind.height:
        times = behind.select("line", **_times(whole_micros))
        found = found.join(times, on="line", how="left", maintain_order="left")
    stated = [name for name in found.columns if name == "line" or found[name].null_count() < found.height]
    if stated == ["line"]:
        return rest
    joined = rest.join(found.select(stated), on="line", how="left", maintain_order="left", suffix="_behind")
    if "forwarded_behind" in joined.columns:
        # Some lines have their list in front.
        either = pl.coalesce("forwarded", "forwarded_behind")
        joined = joined.with_columns(either.alias("forwarded")).drop("forwarded_behind")
    return joined


def _forwarded() -> pl.Expr:
    tail = pl.col("tail")
    bare = tail.str.extract(f"^({_BARE_LIST})(?: |$)")
    return pl.coalesce(tail.str.extract(f'(?:^| )"({_LIST})"'), pl.when(bare.str.contains(f"^{_LIST}$")).then(bare))


def _times(whole_micros: bool) -> dict[str, pl.Expr]:
    tail = pl.col("tail")
    bare = tail.str.replace_all(_QUOTED, " ").str.strip_chars(" -")
    with_unit = bare.str.extract_groups("(?:^| )([0-9]+(?:[.][0-9]+)?)(ms|s|us|µs)(?: |$)")
    unit = with_unit.struct.field("2").replace_strict(_UNITS, default=None, return_dtype=pl.Float64)
    return {
        "duration_ms": pl.coalesce(
            duration_ms(tail.str.extract(_SECONDS), milliseconds=1000),
            duration_ms(bare.str.extract("(?:^| )([0-9]+[.][0-9]+)(?: |$)"), milliseconds=1000),
            duration_ms(with_unit.struct.field("1"), milliseconds=1) * unit,
            *([duration_ms(bare.str.extract("^([0-9]{1,15})$"), milliseconds=0.001)] if whole_micros else []),
        ),
        "upstream_ms": durations_ms(tail.str.extract(_UPSTREAM), milliseconds=1000),
    }
