"""The recipe for JSON lines: a block becomes text columns, and every line that is no JSON object is named.

Polars reads a whole block by an explicit schema (never inferred) whose leaves are all text: numbers, booleans and
nested JSON arrive as their text, so that no value is lost to a wrong type. It refuses a block for one line that is no
JSON without saying which. Such a block is looked through line by line, and the lines that are left are read the same
way: both paths take the same lines and give the same values.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import msgspec
import polars as pl

from apilens.formats.base import REJECT_SCHEMA
from apilens.formats.text import PACKED

BLANKS = b" \t\r"
# What copytruncate and joined files leave in front of a line.
_LEADING = re.compile(rb"(?m)^(?:\x00|\xef\xbb\xbf)+")
# An escaped backslash and a surrogate pair are tokens of their own: what is left over is a lone surrogate.
_SURROGATES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_EMPTY_OBJECT = re.compile(rb"\{[ \t\r]*\}")
# Numbers that Polars may refuse and msgspec does not: integers of more than 128 bits, and magnitudes beyond 1e308.
_DOUBTFUL = re.compile(rb"[0-9]{39}|[0-9][eE]\+?[0-9]{3}")
# Strings are matched, and left, so that digits in them are no integers. As text such an integer costs only its value.
_LONG_INTEGER = re.compile(rb'"(?:[^"\\]|\\.)*"|(?P<number>-?[0-9]{39,}(?![0-9.eE]))')
_SPREAD = "JSON spread over several lines; write one object a line: `jq -c '.[]'` for an array, else `jq -c .`"

# A line of a pretty-printed document: brackets alone, or a member of an object.
_PRETTY = re.compile(rb'[ \t]*(?:[\[\]{}]|\},|\],|"(?:[^"\\]|\\.)*"[ \t]*:[^\n]*)[ \t\r]*')

# Takes a line and gives the objects on it, where it holds several or a wrapped one; None leaves the line as it is.
Unwrap = Callable[[bytes], Sequence[bytes] | None]


@dataclass(frozen=True, slots=True)
class Objects:
    """The JSON objects of a block.

    frame: one column per top-level key of the schema, a row per object in source order. places: `line` Int64 and `item`
    Int32 of each row; texts: its bytes. rejects: the lines that are no object (REJECT_SCHEMA). whole: all the texts as
    lines, where they were read at once. The rest as in Parsed.
    """

    frame: pl.DataFrame
    places: pl.DataFrame
    texts: Sequence[bytes]
    rejects: pl.DataFrame
    blank: int
    extra: int
    lossy: int
    whole: bytes | None = None


def read_objects(
    data: bytes, first_line: int, schema: Mapping[str, pl.DataType], *, unwrap: Unwrap | None = None, fast: bool = True
) -> Objects:
    """Return what a block of JSON lines holds. Never raises, whatever the bytes.

    schema: top-level keys to decode, each a String or a Struct of such; what is absent, or no object where the schema
    has one, is null. Of duplicate keys the first counts. Bytes that are no UTF-8 and lone surrogates become U+FFFD.
    unwrap: for lines that hold several objects. fast: False looks at every line, to the same effect.
    """
    unterminated = bool(data) and not data.endswith(b"\n")
    data, lossy = _cleaned(data)
    lines = Lines(data, data.count(b"\n") + unterminated)
    numbers = pl.int_range(first_line, first_line + len(lines), dtype=pl.Int64, eager=True).alias("line")
    places = numbers.to_frame().with_columns(pl.lit(0, dtype=pl.Int32).alias("item"))
    block = _read_block(lines, places, schema, data if fast else None)
    blank, extra = len(lines) - len(block.texts), 0
    texts: Sequence[bytes]
    if unwrap and (found := {row: several for row in block.empty if (several := unwrap(block.texts[row]))}):
        texts, places = _spread_out(block, found)
        extra = len(texts) - len(block.texts)
        block = _read_block(texts, places, schema, b"\n".join(texts) if fast else None)
    refused = {row: reason for row in block.empty if (reason := block.reasons.get(row) or _no_object(block.texts[row]))}
    frame, places, texts = block.frame, block.places, block.texts
    whole = data if fast and texts is lines and not block.one_by_one else None
    if refused:
        rows = [row for row in range(len(texts)) if row not in refused]
        frame, places, texts, whole = frame[rows], places[rows], [texts[row] for row in rows], None
    return Objects(frame, places, texts, _rejects(refused, block), blank, extra, lossy, whole)


class Lines(Sequence[bytes]):
    """The lines of a block, split apart when the first is asked for: of most blocks none ever is."""

    def __init__(self, data: bytes, count: int) -> None:
        self._data, self._count = data, count
        self._lines: list[bytes] | None = None

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        if self._lines is None:
            self._lines = self._data.split(b"\n")[: self._count]
        return self._lines[index]


@dataclass(frozen=True, slots=True)
class _Block:
    """Texts with a row each; `empty` are the rows of nulls, and `reasons` says of some of them why."""

    texts: Sequence[bytes]
    places: pl.DataFrame
    frame: pl.DataFrame
    empty: Sequence[int]
    reasons: Mapping[int, str]
    one_by_one: bool


def _read_block(
    texts: Sequence[bytes], places: pl.DataFrame, schema: Mapping[str, pl.DataType], joined: bytes | None
) -> _Block:
    """Read texts, blank ones left out: at once where `joined` has them all and Polars takes it, else one by one."""
    frame = _read(joined, schema) if joined is not None else None
    if frame is None or frame.height != len(texts):
        # Polars leaves blank lines out.
        kept = [row for row, text in enumerate(texts) if text.strip(BLANKS)]
        texts, places = [texts[row] for row in kept], places[kept]
    reasons: dict[int, str] = {}
    one_by_one = frame is None or frame.height != len(texts)
    if frame is None or one_by_one:
        frame, reasons = _read_one_by_one(texts, schema)
    # Whatever is no object, or states nothing, is a row of nulls: no other row is ever looked at by itself.
    empty = frame.select(pl.all_horizontal(pl.all().is_null())).to_series().arg_true().to_list()
    return _Block(texts, places, frame, empty, reasons, one_by_one)


def _spread_out(block: _Block, found: Mapping[int, Sequence[bytes]]) -> tuple[list[bytes], pl.DataFrame]:
    """Return the texts with those of some rows in their place, and line and item of each."""
    counts = pl.Series([len(found.get(row, (b"",))) for row in range(len(block.texts))], dtype=pl.UInt32)
    places = block.places["line"].repeat_by(counts).explode(empty_as_null=False).to_frame()
    places = places.with_columns(pl.int_range(pl.len(), dtype=pl.Int32).over("line").alias("item"))
    return [text for row, text in enumerate(block.texts) for text in found.get(row, (text,))], places


def _cleaned(data: bytes) -> tuple[bytes, int]:
    """Return the data as UTF-8 without lone surrogates and leading NULs, and the number of lines that were no UTF-8."""
    lossy = 0
    ascii = data.isascii()
    # A search for one byte is many times faster than one for several.
    if b"\x00" in data or (not ascii and b"\xef\xbb\xbf" in data):
        data = _LEADING.sub(b"", data)
    if not ascii:
        try:
            data.decode()
        except UnicodeDecodeError:
            lossy = sum(not _is_utf8(line) for line in data.split(b"\n"))
            data = data.decode(errors="replace").encode()
    if b"\\" in data and (b"\\ud" in data or b"\\uD" in data):
        data = _SURROGATES.sub(lambda found: rb"\ufffd" if found[1] else found[0], data)
    return data, lossy


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _read(data: bytes, schema: Mapping[str, pl.DataType]) -> pl.DataFrame | None:
    """Return a row per line that is not blank, or None where Polars refuses one of them."""
    if data[:1] in PACKED:
        # No JSON begins like this, but Polars would try to unpack it.
        return None
    try:
        # ignore_errors: a value of the wrong type, which can only be an object that is none, is null. A line that is
        # JSON but no object is a row of nulls.
        return pl.read_ndjson(io.BytesIO(data), schema=dict(schema), ignore_errors=True)
    except pl.exceptions.PolarsError:
        return None


def _read_one_by_one(texts: Sequence[bytes], schema: Mapping[str, pl.DataType]) -> tuple[pl.DataFrame, dict[int, str]]:
    """Return a row per text, all null where it is refused, and index → reason of the refused ones."""
    reasons: dict[int, str] = {}
    frames = [pl.DataFrame(schema=dict(schema))]
    good: dict[int, bytes] = {}
    for index, text in enumerate(texts):
        reason = _malformed(text)
        if reason is None and _DOUBTFUL.search(text) and (reason := _polars_reason(text)):
            quoted = _LONG_INTEGER.sub(_as_text, text)
            if quoted != text:
                text, reason = quoted, _polars_reason(quoted)
        if reason:
            reasons[index] = reason
        else:
            good[index] = text
    # What msgspec takes and Polars does not, should there be more of it, is found by halving.
    pending = [list(good)]
    while pending:
        indices = pending.pop()
        frame = _read(b"\n".join(good[index] for index in indices), schema) if indices else frames[0]
        if frame is not None:
            frames.append(frame)
        elif len(indices) > 1:
            middle = len(indices) // 2
            pending += [indices[middle:], indices[:middle]]
        else:
            reasons[indices[0]] = _polars_reason(good[indices[0]]) or "not JSON"
    read = iter(range(len(texts)))
    rows = [None if index in reasons else next(read) for index in range(len(texts))]
    return pl.concat(frames).select(pl.all().gather(pl.Series(rows, dtype=pl.UInt32))), reasons


def _as_text(found: re.Match[bytes]) -> bytes:
    return b'"%b"' % found["number"] if found["number"] else found[0]


def _malformed(text: bytes) -> str | None:
    try:
        _OBJECT.decode(text)
    except msgspec.ValidationError:
        return "not a JSON object"
    except msgspec.DecodeError as error:
        what = str(error).removeprefix("JSON is malformed: ")
        return "not JSON: cut off" if what == "Input data was truncated" else f"not JSON: {what}"
    except RecursionError:
        # How deep is too deep is for Polars to say: it is the one that reads.
        return _polars_reason(text)
    return None


def _polars_reason(text: bytes) -> str | None:
    """Say why Polars refuses a line, None if it does not."""
    try:
        pl.read_ndjson(io.BytesIO(text), schema={"": pl.String()})
    except pl.exceptions.PolarsError as error:
        what = str(error).partition("\n")[0].removeprefix("error parsing line: ")
        if "DepthLimit" in what:
            return "not JSON: nested too deeply"
        if "InvalidNumber" in what:
            return "not JSON: number too large"
        return f"not JSON: {what.partition(' at character')[0]}"
    return None


def _no_object(text: bytes) -> str | None:
    text = text.strip(BLANKS)
    if not text.startswith(b"{"):
        return "not a JSON object"
    return "empty JSON object" if _EMPTY_OBJECT.fullmatch(text) else None


def _rejects(refused: Mapping[int, str], block: _Block) -> pl.DataFrame:
    rows = list(refused)
    return pl.DataFrame(
        {
            "line": block.places["line"].gather(rows),
            "reason": [_SPREAD if _PRETTY.fullmatch(block.texts[row]) else refused[row] for row in rows],
            "text": [block.texts[row].decode() for row in rows],
        },
        schema=dict(REJECT_SCHEMA),
    )
