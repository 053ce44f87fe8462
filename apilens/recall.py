"""Formats of logs that were met before: trying all formats takes 0.5 s, which 50,000 small files would not survive."""

from __future__ import annotations

import re

import msgspec

from apilens.formats import Candidate, Format

# Enough of a log to say that it is the one that was met before.
_HEAD_BYTES = 256
_PARTS = re.compile(rb'"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[0-9]+|[^\s"\[0-9]+')
_DIGITS = re.compile(r"\d+")


class Recall:
    """What detection found in this process, for logs that are met again and for those that look like one of them.

    Only formats whose lines stand for themselves are likely: a directive or a text that goes on needs to be seen.
    """

    def __init__(self) -> None:
        self._met: dict[tuple[str, bytes], Candidate] = {}
        self._alike: dict[tuple[str, bytes], Format] = {}

    def add(self, name: str, sample: bytes, found: Candidate) -> None:
        """Note the format of a log that its sample was large enough to tell."""
        if found.looks:
            self._met[name, sample[:_HEAD_BYTES]] = found
        plain = found.format.framing == "lines" and not (found.format.prelude or found.format.held)
        if found.looks and found.rate == 1 and plain:
            self._alike[_DIGITS.sub("#", name), _outline(sample)] = found.format

    def met(self, name: str, sample: bytes) -> Candidate | None:
        """Return what was found for this very log."""
        return self._met.get((name, sample[:_HEAD_BYTES]))

    def alike(self, name: str, sample: bytes) -> Format | None:
        """Return the format that a log most likely has: by name and first line it is one of a kind with known ones."""
        return self._alike.get((_DIGITS.sub("#", name), _outline(sample)))


def _outline(sample: bytes) -> bytes:
    """Return what the first line is made of: the names of a JSON object, or quotes, brackets, words and numbers."""
    line = sample.partition(b"\n")[0][:4096]
    try:
        names = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        return b"{" + ",".join(sorted(names)).encode()
    except (msgspec.MsgspecError, ValueError):
        return b" ".join(_part(part) for part in _PARTS.findall(line))


def _part(text: bytes) -> bytes:
    return text[:1] if text[:1] in b'"[' else b"0" if text.isdigit() else b"w"
