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
    return [candidate for candidate, _ in _tried(_whole_lines(sample), formats, options, enough=False)]


def choose(sample: bytes, formats: Sequence[Format], options: ParseOptions) -> Candidate:
    """Return the candidate that reads the sample best.

    Raises InputError naming three reasons, with line numbers, if none reads half of the lines that look like requests.
    A sample without any such line gives the first format, at a rate of 0 of 0.
    """
    lines = _whole_lines(sample)
    tried = _tried(lines, formats, options, enough=True)
    best, parsed = tried[0]
    if best.looks == 0 or best.rate >= ENOUGH:
        return best
    reasons = (
        parsed.rejects.group_by("reason")
        .agg(pl.len(), pl.col("line").min())
        .sort(["len", "line"], descending=[True, False])
    )
    named = "; ".join(f"line {line}: {reason}" for reason, _, line in reasons.head(_REASONS).iter_rows())
    raise InputError(
        f"no format reads this log; the nearest, {best.format.name}, reads {best.hits} of {best.looks} lines: {named}",
        hint=_hint(lines),
    )


def _tried(
    lines: bytes, formats: Sequence[Format], options: ParseOptions, *, enough: bool
) -> list[tuple[Candidate, Parsed]]:
    """Try formats in order, with `enough` only until one reads every line: nothing behind it could be preferred."""
    everything = replace(options, columns=None)
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


def _whole_lines(sample: bytes) -> bytes:
    head = sample[:SAMPLE_BYTES]
    end = head.rfind(b"\n") + 1
    # A file of one line, or one line that is longer than the sample, has nothing better to offer.
    return head[:end] if end and len(sample) > len(head) else head


def _hint(lines: bytes) -> str:
    first = lines.lstrip(b"\xef\xbb\xbf\0 \t\r\n")
    if first.startswith(b"["):
        if re.match(rb"\[\s*(?:[{\]]|$)", first):
            return "looks like a JSON array over several lines: write one object per line, with `jq -c '.[]'`"
    elif first.startswith(b"{"):
        if re.match(rb"\{\s*\r?\n", first):
            return "looks like JSON over several lines: write one object per line, with `jq -c .`"
        return (
            "looks like JSON lines with key names of its own: map them with `fields:` under `formats:` in apilens.yaml"
        )
    elif first.startswith((b"#Version", b"#Fields", b"#Software")):
        return "looks like a W3C log (IIS, CloudFront), which is not supported"
    return "give the server's own format string with --log-format '…', or a format's name with --input-format"
