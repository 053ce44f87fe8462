"""Log data is hostile: the one way by which it reaches a terminal, a table or a message."""

from __future__ import annotations

import re

# Control characters, and what hides or turns text: zero-width, bidirectional, tags, lone surrogates.
UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
    "|[\U000e0000-\U000e007f]"
)


def safe(text: object) -> str:
    """Return the text with every character that could do something shown as an escape: ESC becomes `\\x1b`."""
    return UNSAFE.sub(_escaped, str(text))


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
