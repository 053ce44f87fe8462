"""Which format a log is in, and in which envelope: the tables of both, with what plugins add, and the choice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

import polars as pl

from apilens.config import Settings
from apilens.envelopes import ENVELOPES, Envelope, enclosed, joined
from apilens.errors import InputError, UsageError
from apilens.format_settings import CustomFormat
from apilens.formats import FORMATS, Candidate, Format, ParseOptions, choose
from apilens.formats.detect import BLANKS, SAMPLE_BYTES, detect, whole_lines
from apilens.plugins import plugins
from apilens.spelling import nearest

# An envelope is taken for one when it holds this share of the lines.
_MOST = 0.5
# A shipper may wrap what a container runtime has wrapped.
_DEEPEST = 3
# The beginning of a line that is JSON; behind what may stand before a line.
_OBJECT = re.compile(rb"[\xef\xbb\xbf\0 \t]*[{\[]")


def all_formats() -> tuple[Format, ...]:
    """Return every format in detection order: those of plugins know more of their logs than ours do."""
    return (*plugins("apilens.formats"), *FORMATS)


def all_envelopes() -> tuple[Envelope, ...]:
    """Return every envelope in detection order."""
    return (*plugins("apilens.envelopes"), *ENVELOPES)


def custom_formats(settings: Settings) -> dict[str, Format]:
    """Return the formats that apilens.yaml declares, by name."""
    return {name: _declared(name, custom) for name, custom in settings.formats.items()}


def _declared(name: str, custom: CustomFormat) -> Format:
    from apilens.formats.json_map import json_format

    if custom.log_format:
        from apilens.formats.log_format import compile_log_format

        return compile_log_format(custom.log_format, name=name, time_is=custom.time_is)
    if custom.csv:
        from apilens.formats.csv_map import csv_format

        separator = "," if custom.csv is True else custom.csv
        return csv_format(name, custom.fields or {}, separator=separator, time_is=custom.time_is)
    return json_format(name, custom.fields or {}, time_is=custom.time_is)


def declared_problems(settings: Settings) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Give what settings say of formats that cannot be: a log_format that is none, a name that no format has."""
    from apilens.formats.log_format import compile_log_format

    known = {item.name: item for item in all_formats()}
    # One that is wrong itself is known by its name all the same.
    known |= dict.fromkeys(settings.formats, FORMATS[0])
    tried: list[tuple[tuple[str | int, ...], Callable[[], Format]]] = []
    for name, custom in settings.formats.items():
        what = "log_format" if custom.log_format else "fields"
        tried.append((("formats", name, what), partial(_declared, name, custom)))
    if settings.log_format:
        tried.append((("log_format",), partial(compile_log_format, settings.log_format)))
    for name, source in settings.sources.items():
        if source.format is not None:
            tried.append((("sources", name, "format"), partial(named, source.format, known)))
        if source.log_format is not None:
            tried.append((("sources", name, "log_format"), partial(compile_log_format, source.log_format)))
    for place, build in tried:
        try:
            build()
        except UsageError as error:
            yield place, f"{error.message} ({error.hint})" if error.hint else error.message


def known_formats(settings: Settings) -> dict[str, Format]:
    """Return every format by name, in detection order: who declares one in apilens.yaml knows most of their logs."""
    custom = custom_formats(settings)
    return {**custom, **{item.name: item for item in all_formats() if item.name not in custom}}


def recognise(sample: bytes, formats: Sequence[Format], options: ParseOptions) -> Candidate:
    """Return the format that reads a sample (of a document: all of it) best, envelopes tried first.

    Raises InputError as `choose` does when none reads half of the lines that look like requests.
    """
    found = chain(in_envelopes(sample, formats, options), _documents(sample, formats, options))
    return next(found, None) or choose(sample, _of_lines(formats), options)


def in_envelopes(
    sample: bytes, formats: Sequence[Format], options: ParseOptions, *, depth: int = 0
) -> Iterator[Candidate]:
    """Yield a candidate for each envelope that holds the sample's lines, and a format that reads them."""
    for envelope in all_envelopes() if depth < _DEEPEST else ():
        rows = _opened(envelope, sample)
        if rows is None:
            continue
        inner = [found.format for found in in_envelopes(joined(rows), formats, options, depth=depth + 1)]
        try:
            best = choose(sample, _enclosed(envelope, rows, inner or _of_lines(formats)), options)
        except InputError:
            continue
        if best.hits:
            yield replace(best, format=_really(envelope, best.format, inner or formats))


def candidates(sample: bytes, formats: Sequence[Format], options: ParseOptions) -> list[Candidate]:
    """Return how every format does on a sample, bare and in each envelope that holds it, best first."""
    found = [*_documents(sample, formats, options), *detect(sample, _of_lines(formats), options)]
    for envelope in all_envelopes():
        if (rows := _opened(envelope, sample)) is not None:
            inner = [item.format for item in in_envelopes(joined(rows), formats, options, depth=1)]
            known = [*inner, *_of_lines(formats)]
            tried = detect(sample, _enclosed(envelope, rows, known), options)
            found += [replace(item, format=_really(envelope, item.format, known)) for item in tried if item.hits]
    return sorted(found, key=lambda candidate: -candidate.rate)


def bare_or_enclosed(sample: bytes, format: Format, options: ParseOptions) -> Format:
    """Return the format that was asked for, in the envelope that the sample is in, if it is in one."""
    if format.parse(sample, 1, options).events.height:
        return format
    return next((found.format for found in in_envelopes(sample, [format], options)), format)


def named(name: str, formats: Mapping[str, Format]) -> Format:
    """Return the format of that name, or of `envelope:format`. Raises UsageError for a name that is none."""
    *outer, inner = name.split(":")
    envelopes = {envelope.name: envelope for envelope in all_envelopes()}
    for one, known in [(inner, formats), *((one, envelopes) for one in outer)]:
        if one not in known:
            raise UsageError(f"no format {name!r}", hint=nearest(one, known) or "`apilens formats` lists them")
    format = formats[inner]
    for one in reversed(outer):
        format = enclosed(envelopes[one], format)
    return format


def is_document(sample: bytes, formats: Sequence[Format]) -> bool:
    """Say whether a log is one document, by its first 64 KiB."""
    parts: tuple[Format | Envelope, ...] = (*all_envelopes(), *formats)
    return any(part.framing == "document" and _may_be(part, sample) for part in parts)


def _opened(envelope: Envelope, sample: bytes) -> pl.DataFrame | None:
    """Return the lines within, or None where most of them are not in this envelope."""
    if not _may_be(envelope, sample) or (envelope.framing == "lines" and not _begins_alike(envelope, sample)):
        return None
    rows = envelope.open(sample if envelope.framing == "document" else whole_lines(sample), 1)
    inside = rows.filter(rows["text"].str.strip_chars() != "")["inside"]
    return rows if inside.any() and inside.sum() >= _MOST * len(inside) else None


def _begins_alike(envelope: Envelope, sample: bytes) -> bool:
    """Say whether enough lines begin with an object, or with something else, as those in this envelope do.

    It is all that most envelopes need be asked: to open one takes milliseconds, and there are a dozen.
    """
    lines = [line for line in whole_lines(sample).split(b"\n") if line.strip(BLANKS)]
    if envelope.samples[0].data.startswith("{"):
        return sum(map(bool, map(_OBJECT.match, lines))) >= _MOST * len(lines)
    return sum(not line.startswith(b"{") for line in lines) >= _MOST * len(lines)


def _enclosed(envelope: Envelope, rows: pl.DataFrame, formats: Sequence[Format]) -> list[Format]:
    """Return formats in an envelope that is open already: a sample is tried with many of them."""
    opened = replace(envelope, open=lambda data, first_line: rows)
    return [enclosed(opened, format) for format in formats]


def _really(envelope: Envelope, found: Format, formats: Sequence[Format]) -> Format:
    inner = found.name.removeprefix(f"{envelope.name}:")
    return enclosed(envelope, next(format for format in formats if format.name == inner))


def _documents(sample: bytes, formats: Sequence[Format], options: ParseOptions) -> Iterator[Candidate]:
    for format in formats:
        if format.framing == "document" and _may_be(format, sample):
            parsed = format.parse(sample, 1, options)
            if parsed.events.is_empty() and parsed.rejects.height:
                raise InputError(parsed.rejects["reason"][0])
            yield Candidate(format, parsed.events.height, parsed.events.height + parsed.rejects.height)


def _of_lines(formats: Sequence[Format]) -> list[Format]:
    return [format for format in formats if format.framing == "lines"]


def _may_be(part: Format | Envelope, sample: bytes) -> bool:
    if part.recognises is None:
        return part.framing == "lines"
    return part.recognises(sample[:SAMPLE_BYTES])
