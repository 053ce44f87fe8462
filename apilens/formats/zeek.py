"""Zeek's http.log as it writes it by default: columns as `#fields` names them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial

import polars as pl

from apilens.formats.base import Format, Parsed, ParseOptions, Sample
from apilens.formats.columns import Layout, State, directive_prelude, in_force, layout, placed
from apilens.formats.lines import parse_lines
from apilens.formats.request import unescaped
from apilens.formats.typed import needed_columns
from apilens.formats.values import NO_STATUS, NO_TIME, epoch_time

_KEYWORDS = ("fields", "separator", "unset_field", "empty_field")
_CAPTURES: Mapping[str, str] = {
    "ts": "time", "id.orig_h": "peer", "method": "method", "host": "host", "uri": "target", "referrer": "referrer",
    "version": "protocol", "user_agent": "agent", "request_body_len": "request_bytes", "response_body_len": "bytes",
    "status_code": "status", "username": "user", "proxied": "forwarded",
}  # fmt: skip
# Columns of http.log in every version of Zeek; without a header rows are read by these.
_DEFAULT = (
    "ts uid id.orig_h id.orig_p id.resp_h id.resp_p trans_depth method host uri referrer version user_agent"
    " request_body_len response_body_len status_code status_msg info_code info_msg tags username password"
    " proxied"
)
_CODE = re.compile(r"\\x([0-9A-Fa-f]{2})")
_FORWARDED = r"X-FORWARDED-FOR -> (.*?)(?:,[A-Z]|$)"


def parse_zeek(data: bytes, first_line: int, options: ParseOptions) -> Parsed:
    """Read a block of http.log: see Format."""
    return parse_lines(data, first_line, options, (partial(_read, options=options),), misfit=NO_TIME)


def _read(lines: pl.DataFrame, wanted: frozenset[str], *, options: ParseOptions) -> pl.DataFrame:
    states, which = in_force(lines["text"], options.prelude, _KEYWORDS)
    logs = [_log(state) for state in states]
    of_row = pl.DataFrame([log.words for log in logs], schema=["separator", "unset", "empty"], orient="row")[which]
    one = len(logs) == 1
    separator, unset, empty = (
        pl.lit(word) if one else pl.lit(of_row[name]) for name, word in zip(of_row.columns, logs[0].words, strict=True)
    )
    parts = lines.select(pl.col("text").str.split(separator)).to_series()
    names = [name for name in _CAPTURES.values() if name in wanted]
    fields = {name: name.lower() for name in needed_columns(options)}
    found = placed(parts, [log.layout for log in logs], which, dict.fromkeys([*names, *fields.values()]))
    texts = lines.select("line").with_columns(
        found.get(key, pl.lit(None, dtype=pl.String)).alias(name)
        for name, key in {**{name: name for name in names}, **fields}.items()
        if key in found or key in ("time", "status")
    )
    # Nobody answered, or Zeek did not see it.
    texts = texts.with_columns(unanswered=(pl.col("status") == unset).fill_null(False))
    stated = [name for name in texts.columns if name not in ("line", "unanswered")]
    texts = texts.with_columns(
        pl.when((pl.col(name) != unset) & (pl.col(name) != empty)).then(name).alias(name) for name in stated
    )
    texts = texts.with_columns(unescaped(texts[name]) for name in ("agent", "forwarded") if name in texts.columns)
    if "forwarded" in texts.columns:
        texts = texts.with_columns(pl.col("forwarded").str.extract(_FORWARDED))
    return texts.with_columns(epoch_time(texts["time"]))


@dataclass(frozen=True, slots=True)
class _Log:
    """How a log is written: its separator, what stands for no value and for an empty one, and its columns."""

    words: tuple[str, str, str]
    layout: Layout


@lru_cache(maxsize=1024)
def _log(state: State) -> _Log:
    fields, separator, unset, empty = state
    code = _CODE.fullmatch(separator)
    separator = chr(int(code[1], 16)) if code else separator or "\t"
    # Behind their first word directives are separated as rows are.
    names = (fields or _DEFAULT).lower().replace(separator, " ").split()
    words = (separator, unset.strip(separator) or "-", empty.strip(separator) or "(empty)")
    return _Log(words, layout(names, _keys))


def _keys(name: str) -> Iterator[str]:
    if name in _CAPTURES:
        yield _CAPTURES[name]
    yield f"raw_field.{name}"


_TIME = datetime(2011, 11, 3, 0, 19, 26, 452687, tzinfo=UTC)
_ROW = (
    "1320279566.452687\tCwFs1P\t203.0.113.9\t52026\t10.0.0.1\t80\t1\t{method}\tapi.example.com\t/a?b=1\t-\t1.1\t{agent}"
    "\t0\t109978\t{status}\tOK\t-\t-\t(empty)\tann\t-\t{proxied}"
)
_GET = _ROW.format(method="GET", agent="curl/8.4", status=200, proxied="X-FORWARDED-FOR -> 198.51.100.7\\x2c 10.0.0.1")

ZEEK = Format(
    name="zeek",
    title="Zeek http.log",
    time_is="start",
    parse=parse_zeek,
    prelude=directive_prelude(_KEYWORDS),
    samples=(
        Sample(
            _GET,
            {
                "timestamp": _TIME, "status": 200, "method": "GET", "raw_target": "/a?b=1", "host": "api.example.com",
                "raw_peer": "203.0.113.9", "raw_referrer": None, "raw_agent": "curl/8.4", "protocol": "1.1",
                "request_bytes": 0, "response_bytes": 109978,
                "raw_forwarded": "198.51.100.7, 10.0.0.1",
            },
        ),
        Sample(_ROW.format(method="GET", agent="(empty)", status="-", proxied="-"), {"status": None, "method": "GET"}),
        Sample(_ROW.format(method="-", agent="-", status=400, proxied="-"), {"status": 400, "method": None}),
        Sample(_ROW.format(method="GET", agent="-", status="abc", proxied="-"), rejected=NO_STATUS),
        Sample("1320279566.452687\tCwFs1P", rejected=NO_STATUS),
        Sample("no line of Zeek", rejected=NO_TIME),
    ),
)  # fmt: skip
