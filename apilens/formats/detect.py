"""Which format a log is in, judged by how well each reads its first lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from apilens.errors import InputError
from apilens.formats.base import Format, Parsed, ParseOptions

SAMPLE_BYTES = 1 << 16
# Below this share of lines a format is a guess; below 0.95 callers warn.
ENOUGH = 0.5
# A format that states more goes before a broader one that reads as many lines; this much worse is still as many.
_NEARLY = 0.02
_REASONS = 3
# What may stand before a line without being a part of it.
BLANKS = b"\xef\xbb\xbf\0 \t\r\n"


@dataclass(frozen=True, slots=True)
class Candidate:
    """How a format did on a sample: `hits` of the `looks` lines that look like requests were read."""

    format: Format
    hits: int
    looks: int

    @property
    def rate(self) -> float:
        """Return hits / looks, 0 if nothing looked like a request."""
        return self.hits / self.looks if self.looks else 0.0


def detect(sample: bytes, formats: Sequence[Format], options: ParseOptions) -> list[Candidate]:
    """Return how each format did on the whole lines of the sample's first 64 KiB, best first, ties in table order."""
    return [candidate for candidate, _ in _tried(whole_lines(sample), formats, options, enough=False)]


def choose(sample: bytes, formats: Sequence[Format], options: ParseOptions) -> Candidate:
    """Return the candidate that reads the sample best.

    Raises InputError naming three reasons, with line numbers, if none reads half of the lines that look like requests.
    A sample of blank lines and comments gives the first format, at a rate of 0 of 0.
    """
    lines = whole_lines(sample)
    tried = _tried(lines, formats, options, enough=True)
    best, parsed = tried[0]
    if best.rate >= ENOUGH or not (best.looks or any(parsed.other for _, parsed in tried)):
        return best
    if best.hits == 0:
        # None reads anything: the reasons of the broadest that reads such lines at all say most.
        alike = [pair for pair in tried if _is_alike(pair[0].format, lines)]
        best, parsed = next((pair for pair in reversed(alike) if _is_broad(pair[0].format)), tried[0])
    if parsed.rejects.is_empty():
        raise InputError(
            "no format reads this log: its lines are well-formed, but none names the method and status of a request",
            hint=_hint(lines),
        )
    named = "; ".join(f"line {line}: {reason}" for line, reason in _reasons(parsed.rejects))
    raise InputError(
        f"no format reads this log; the nearest, {best.format.name}, reads {best.hits} of {best.looks} lines ({named})",
        hint=_hint(lines),
    )


def _reasons(rejects: pl.DataFrame) -> list[tuple[int, str]]:
    """Return three lines and why they were rejected: each reason once, the most frequent first, then more of them."""
    turn = pl.int_range(pl.len()).over("reason")
    frequency = pl.len().over("reason")
    ranked = rejects.with_columns(turn=turn, frequency=frequency)
    worst = ranked.sort("turn", "frequency", "line", descending=[False, True, False]).head(_REASONS)
    return list(worst.select("line", "reason").iter_rows())


def _tried(
    lines: bytes, formats: Sequence[Format], options: ParseOptions, *, enough: bool
) -> list[tuple[Candidate, Parsed]]:
    """Try formats in order; with `enough` only until one reads every line: nothing behind it could be preferred."""
    everything = replace(options, columns=None)
    if enough:
        # JSON and other logs have no format in common, so this changes only how soon the first that fits is found.
        formats = sorted(formats, key=lambda format: not _is_alike(format, lines))
    tried: list[tuple[Candidate, Parsed]] = []
    for format in formats:
        parsed = format.parse(lines, 1, everything)
        hits = parsed.events.height if _tells(format, parsed.events) else 0
        candidate = Candidate(format, hits, parsed.events.height + parsed.rejects.height)
        tried.append((candidate, parsed))
        if enough and candidate.rate == 1:
            break
    best = max((candidate.rate for candidate, _ in tried), default=0.0)
    # The sort is stable: what reads about as much as the best stays in the order of the table.
    return sorted(tried, key=lambda pair: -pair[0].rate if pair[0].rate < best - _NEARLY else -best)


def _tells(format: Format, events: pl.DataFrame) -> bool:
    return all(name in events.columns and events[name].null_count() * 2 < events.height for name in format.telling)


def whole_lines(sample: bytes) -> bytes:
    """Return the first 64 KiB of a sample, up to the last line end there is."""
    if len(sample) < SAMPLE_BYTES:
        return sample
    head = sample[:SAMPLE_BYTES]
    # What has no line end at all is taken as it is: it is all there is.
    return head[: head.rfind(b"\n") + 1] or head


def _is_alike(format: Format, lines: bytes) -> bool:
    # What settings declare has no sample, and may be either.
    return not format.samples or _is_json(lines) == _is_json(format.samples[0].line.encode())


def _is_broad(format: Format) -> bool:
    # Lines that name their fields are one of many kinds whatever they tell.
    return not format.telling or _is_json(format.samples[0].line.encode())


def _is_json(lines: bytes) -> bool:
    # Other logs have their time in brackets.
    return bool(re.match(rb'\{|\[\s*(?:[{\["\]]|$)', lines.lstrip(BLANKS)))


def _hint(lines: bytes) -> str:
    first = lines.lstrip(BLANKS)
    if re.match(rb"\[\s*(?:[{\]]|$)", first):
        return "looks like a JSON array over several lines: write one object per line, with `jq -c '.[]'`"
    if re.match(rb"\{[ \t]*\r?\n", first):
        return "looks like JSON over several lines: write one object per line, with `jq -c .`"
    if first.startswith(b"{"):
        return "looks like JSON lines with names of their own: map them with `fields:` under `formats:` in apilens.yaml"
    if first.startswith((b"#Version", b"#Fields", b"#Software")):
        return "looks like a W3C log, but of no HTTP requests (FTP?), or its #Fields name no time or no sc-status"
    return "give the server's own format string with --log-format '…', or a format's name with --input-format"
