"""What was recognised before: the format of a log that begins as it did in the last run need not be found again.

Trying formats takes longer than reading the hundred lines that came since: each compiles its patterns first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from apilens.formats import Candidate, Format, ParseOptions
from apilens.formats.detect import whole_lines

# The file that a store keeps it in.
STATE = "formats.json"

_MOST = 500


class Recognised:
    """Digest of the beginning of a log, and of all that decides on its format → what it was found to be."""

    def __init__(self, saved: Mapping[str, Any] | None = None) -> None:
        found = (saved or {}).get("found")
        self._found: dict[str, Any] = dict(found) if isinstance(found, dict) else {}
        self._saved = dict(self._found)

    def find(
        self, sample: bytes, formats: Mapping[str, Format], options: ParseOptions, *, declared: str,
        search: Callable[[], Candidate], named: Callable[[str], Format],
    ) -> Candidate:  # fmt: skip
        """Return the candidate for a sample, by `search` where it is not known. Raises InputError as that does.

        declared: what settings say of formats of their own, in any words that differ where they do.
        """
        known = hashlib.sha256(whole_lines(sample))
        # Of a format that was changed meanwhile, its samples were too.
        for format in formats.values():
            known.update(repr((format.name, format.title, *(each.line for each in format.samples))).encode())
        known.update(f"{options.source_tz} {declared}".encode())
        match self._found.get(key := known.hexdigest()[:32]):
            case [str(name), int(hits), int(looks)] if name.rpartition(":")[2] in formats:
                return Candidate(named(name), hits, looks)
        candidate = search()
        if candidate.format.framing == "lines":
            self._found[key] = [candidate.format.name, candidate.hits, candidate.looks]
        return candidate

    def differs(self) -> bool:
        """Say whether something was recognised that was not known."""
        return self._found != self._saved

    def state(self) -> bytes:
        """Return what to keep: the latest."""
        return json.dumps({"found": dict(list(self._found.items())[-_MOST:])}).encode() + b"\n"
