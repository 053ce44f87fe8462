"""Files that were read to their end, so that a run over 50,000 of them need not open those that nobody touched since.

It is no more than a shortcut: a file that it does not know is opened, and its content says how far it was read.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct

from apilens.places import Place

_MARK_BYTES = 16
# 3 MB; beyond that those that this run did not meet go first.
_MOST = 200_000
# A file that was written to this shortly before it was looked at may be written to again under the same time stamp.
_RESTING_NS = 2_000_000_000


class Seen:
    """What is known of a store's table as of a generation; of any other table, or one put back, nothing is.

    began_ns: when the run began to look at files.
    """

    def __init__(self, file: Place, *, table: str, generation: int, began_ns: int) -> None:
        self._table = table
        self._began_ns = began_ns
        self._old = _read(file, table, generation)
        self._met: dict[bytes, None] = {}
        self.changed = False

    def has(self, info: os.stat_result | None) -> bool:
        """Say whether a file, by what the system says of it, is as it was when it was read to its end."""
        mark = _mark(info) if info else b""
        known = mark in self._old
        if known:
            self._met[mark] = None
        return known

    def add(self, info: os.stat_result | None) -> None:
        """Note a file that was read to its end, by what the system said of it before."""
        if info is None or self._began_ns - max(info.st_mtime_ns, info.st_ctime_ns) < _RESTING_NS:
            return
        self._met[_mark(info)] = None
        self.changed = True

    def data(self, generation: int) -> bytes:
        """Return all of it as a file, true from this generation of the table on."""
        head = json.dumps({"table": self._table, "generation": generation}).encode()
        marks = [*(mark for mark in self._old if mark not in self._met), *self._met]
        return b"\n".join([head, b"".join(marks[-_MOST:])])


def _mark(info: os.stat_result) -> bytes:
    facts = (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
    return hashlib.blake2b(struct.pack("<QQqqq", *facts), digest_size=_MARK_BYTES).digest()


def _read(file: Place, table: str, generation: int) -> dict[bytes, None]:
    try:
        head, _, marks = file.read_bytes().partition(b"\n")
        known = json.loads(head)
        if known["table"] != table or known["generation"] > generation:
            return {}
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    whole = len(marks) - len(marks) % _MARK_BYTES
    return dict.fromkeys(marks[at : at + _MARK_BYTES] for at in range(0, whole, _MARK_BYTES))
