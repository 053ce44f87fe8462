"""Bodies out of Moesif events: a row at a time, since as a column every body would be written out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import msgspec
import polars as pl

from apilens.body_shape import MOST_BYTES, shapes
from apilens.formats.json_lines import Objects

_BASE64 = "base64"


class _Message(msgspec.Struct, frozen=True, gc=False):
    body: msgspec.Raw = msgspec.Raw(b"null")
    encoding: str | None = msgspec.field(default=None, name="transfer_encoding")
    camel_encoding: str | None = msgspec.field(default=None, name="transferEncoding")


class _Answered(msgspec.Struct, frozen=True, gc=False):
    message: _Message = msgspec.field(default=_Message(), name="response")


class _Asked(msgspec.Struct, frozen=True, gc=False):
    message: _Message = msgspec.field(default=_Message(), name="request")


class _Answer(_Answered, frozen=True, gc=False):
    source: _Answered | None = msgspec.field(default=None, name="_source")


class _Question(_Asked, frozen=True, gc=False):
    source: _Asked | None = msgspec.field(default=None, name="_source")


_ANSWER = msgspec.json.Decoder(_Answer)
_QUESTION = msgspec.json.Decoder(_Question)
_Decoder = msgspec.json.Decoder[_Answer] | msgspec.json.Decoder[_Question]


def error_bodies(objects: Objects, failed: pl.Series) -> pl.Series:
    """Return the bodies of failed requests as JSON text; of others, those that may hold errors of GraphQL."""
    rows = [row for row, bad in enumerate(failed) if bad or b'"errors"' in objects.texts[row]]
    return _bodies(objects, rows, _ANSWER).alias("raw_error_body")


def request_bodies(objects: Objects, wanted: pl.Series) -> pl.Series:
    """Return the bodies of those requests as text, null for all others."""
    return _bodies(objects, wanted.arg_true().to_list(), _QUESTION)


def request_shapes(objects: Objects) -> pl.Series:
    """Return the shape of the body of each request, null where it has none that is JSON."""
    return shapes([None if event is None else _raw_body(event) for event in _questions(objects)])


def _questions(objects: Objects) -> Sequence[_Question | None]:
    """Return what is asked in each event; all at once where every one of them is as it should be."""
    try:
        found = _QUESTION.decode_lines(b"\n".join(objects.texts) if objects.whole is None else objects.whole)
    except (msgspec.MsgspecError, RecursionError):
        found = []
    return found if len(found) == len(objects.texts) else [_question(text) for text in objects.texts]


def _question(text: bytes) -> _Question | None:
    try:
        return _QUESTION.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _raw_body(event: _Question) -> bytes | None:
    message = (event.source or event).message
    if _BASE64 in (message.encoding, message.camel_encoding):
        return _decoded(message)
    return bytes(message.body)


def _decoded(message: _Message) -> bytes | None:
    try:
        return base64.b64decode(msgspec.json.decode(message.body, type=str), validate=True)
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        return None


def _bodies(objects: Objects, rows: list[int], decoder: _Decoder) -> pl.Series:
    """Return the bodies in these rows as text, null in all others."""
    nothing = pl.repeat(None, len(objects.texts), dtype=pl.String, eager=True)
    return nothing.scatter(rows, pl.Series([_body(objects.texts[row], decoder) for row in rows], dtype=pl.String))


def _body(text: bytes, decoder: _Decoder) -> str | None:
    try:
        event = decoder.decode(text)
        message = (event.source or event).message
        coded = _BASE64 in (message.encoding, message.camel_encoding)
        body = _decoded(message) if coded else bytes(message.body)
        return body.decode() if body is not None and body != b"null" and len(body) <= MOST_BYTES else None
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
