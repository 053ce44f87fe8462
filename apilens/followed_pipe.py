"""What comes through stdin, held until it is in the store: nobody could read it again."""

from __future__ import annotations

import os
import select
import tempfile

from apilens.errors import InputError
from apilens.sources import Chunk, compression_of

# A commit takes no more, so that it is one block and lands as a whole.
_CHUNK_BYTES = 8 << 20
# Of lines that no format reads, so many are waited for until some are requests.
_UNKNOWN_BYTES = 64 << 10
# Directive lines (`#Fields: …`) say how to read what follows.
_DIRECTIVE_BYTES = 64 << 10


class FollowedPipe:
    """Stdin (or another descriptor), read as it comes and given out in chunks of whole lines. open: more may come."""

    def __init__(self, fd: int = 0) -> None:
        self._fd = fd
        self.open = True
        self._held = b""
        self._lines = 0
        self._directives = b""
        # What `take` gave and nobody has taken yet.
        self._given = b""

    @property
    def hurry(self) -> bool:
        """Say whether there is no reason to wait for more: enough has come for a commit, or all there is."""
        return len(self._held) >= _CHUNK_BYTES or not self.open

    @property
    def ended(self) -> bool:
        """Say whether all of it was taken."""
        return not (self.open or self._held or self._given)

    def read(self, seconds: float) -> None:
        """Read what has come, waiting for it so long at most. Raises InputError where that is compressed."""
        if not select.select([self._fd], [], [], seconds)[0]:
            return
        try:
            data = os.read(self._fd, 1 << 20)
        except OSError as error:
            raise InputError(f"stdin: cannot be read ({error.strerror})") from None
        if not self._held and not self._lines and (kind := compression_of(data)):
            raise InputError(f"stdin: {kind} cannot be followed", hint="unpack it first: zcat LOG | apilens …")
        self.open = bool(data)
        self._held += data

    def drain(self) -> None:
        """Read what the pipe holds, not waiting for more."""
        before = -1
        while self.open and not self.hurry and len(self._held) != before:
            before = len(self._held)
            self.read(0)

    def take(self) -> Chunk | None:
        """Return the whole lines that came, None where there are none; again the same until they are `taken`."""
        if not self._given:
            cut = self._held.rfind(b"\n") + 1
            if self.hurry and (not self.open or not cut):
                cut = len(self._held)
            self._given, self._held = self._held[:cut], self._held[cut:]
        if not self._given:
            return None
        with tempfile.TemporaryFile() as file:
            file.write(self._given)
            file.seek(0)
            return Chunk(os.dup(file.fileno()), self._lines, self._directives)

    def taken(self, chunk: Chunk, *, final: bool) -> bool:
        """Let go of the chunk if it is in the store. If no format reads it, it waits for more lines to come with it.

        Say whether that is all for now; False: what was said of the chunk is too early. final: no more will be taken.
        """
        if not chunk.committed and self.open and not final and len(self._given) < _UNKNOWN_BYTES:
            self._held, self._given = self._given + self._held, b""
            return False
        self._lines += self._given.count(b"\n")
        if self._given.startswith(b"#") or self._directives:
            lines = (line for line in self._given.splitlines(keepends=True) if line.startswith(b"#"))
            self._directives = (self._directives + b"".join(lines))[-_DIRECTIVE_BYTES:]
        self._given = b""
        return True
